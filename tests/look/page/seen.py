"""What a canvas shows, in numbers."""

from __future__ import annotations

import base64
import json
from io import BytesIO

import numpy as np
from PIL import Image

from regard.look.standalone import write_standalone
from regard.look.views import views_of
from regard.look.views_map import Sinks

# As text, since a browser hands over every number of a list by itself.
_TILE = """const { rows, columns, values } = await source.tile(given[0])
const text = Array.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), byte =>
  String.fromCharCode(byte)).join('')
return { rows, columns, values: btoa(text) }"""


def pixels(canvas) -> np.ndarray:
    """(height, width, 4), 0 to 255."""
    data = canvas.evaluate("canvas => canvas.toDataURL('image/png')").partition(",")[2]
    return np.array(Image.open(BytesIO(base64.b64decode(data))).convert("RGBA"))


def apart(context, allowed: tuple[str, ...]) -> list[str]:
    """Keep a browser from everybody but addresses that begin so; the list fills with those that it asked for."""
    strangers = []

    def decide(route):
        if route.request.url.startswith(allowed):
            route.continue_()
        else:
            strangers.append(route.request.url)
            route.abort()

    context.route("**/*", decide)
    return strangers


def listened(page) -> list[str]:
    """What goes wrong on a page; the list fills with what it throws and says."""
    troubles = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
    return troubles


def address_of(how: str, record, served, folders) -> str:
    """The page of a record, "served" or as a "file"."""
    views = {sinks: views_of(record, sinks) for sinks in Sinks}
    if how == "served":
        return served(record, views)
    path = folders.mktemp("pages") / "page.html"
    write_standalone(record, views, path)
    return path.as_uri()


def until(page, condition: str) -> None:
    """Wait until an expression is true. Asked again and again from here, since the page's policy forbids its script
    to evaluate texts, which is how playwright's own waiting asks a second time."""
    for _each in range(400):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {condition}")


def drawn(page) -> np.ndarray:
    """The map when all of its tiles are there."""
    until(page, "regard.opened.then(page => !page.tiles.busy)")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return pixels(page.locator(".canvas canvas"))


def asked(page, question: str, *given):
    """What the page's source answers, the same that it draws."""
    return page.evaluate(f"(async given => {{ const {{ source }} = await regard.opened; {question} }})", list(given))


def tile(page, layer, head, zoom, down, across, pooling="sum", sinks="kept", side="first") -> np.ndarray:
    at = {"layer": layer, "head": head, "batch": 0, "zoom": zoom, "down": down, "across": across}
    found = asked(page, _TILE, {**at, "pooling": pooling, "sinks": sinks, "side": side})
    return np.frombuffer(base64.b64decode(found["values"]), "<f4").reshape(found["rows"], found["columns"])


def violations(page, axe: str) -> list[str]:
    """What axe finds against WCAG and good practice."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [json.dumps([one["id"], [node["html"][:160] for node in one["nodes"]][:3]]) for one in found]
