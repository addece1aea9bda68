"""The page of a record as one file that needs nothing else: it opens from a disk and works out exact tiles itself."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from regard.look.blobs import Blobs
from regard.look.described import described, overview_json
from regard.look.embedded import Place, bytes_of, embedded
from regard.look.record import Record
from regard.look.views import Views
from regard.look.views_map import Sinks
from regard.look.written import write_text

BUDGET = 48 << 20


@dataclass(frozen=True)
class Standalone:
    """A page and what is in it."""

    parts: tuple[str, ...]
    heads: int
    left_out: int

    @property
    def bytes(self) -> int:
        """Its size, about."""
        return sum(len(part) for part in self.parts)


def write_standalone(record: Record, views: Mapping[Sinks, Views], path: Path, budget: int = BUDGET) -> Standalone:
    """Write the page of a record into one file; see `standalone`.

    Raises:
        ValueError: no head fits into the budget.
        OSError: the file cannot be written.
    """
    page = standalone(record, views, budget)
    write_text(path, page.parts)
    return page


def standalone(record: Record, views: Mapping[Sinks, Views], budget: int = BUDGET) -> Standalone:
    """The page of a record, with queries, keys and row numbers of its heads.

    The browser works out tiles from these, as exact as those of `Views`; only tiles that pool thousands of tokens are
    put in finished. It loads nothing and asks nobody: its policy allows its own script and style, by their hashes.
    Heads that read the first token least come first; those for which there is no room are shown small, cannot be
    opened, and the page says so.

    Args:
        record: what the page shows.
        views: its views with sinks kept and left out.
        budget: about how many bytes heads may take.

    Raises:
        ValueError: no head fits into the budget.
    """
    overviews = {
        (layer, batch): views[Sinks.KEPT].overview(layer, batch)
        for layer, one in enumerate(record.layers)
        for batch in range(one.batch)
    }
    every = [
        (float(found.sink_mass[head]), Place(layer, head, batch))
        for (layer, batch), found in overviews.items()
        for head in range(record.layers[layer].heads)
    ]
    blobs, chosen = Blobs(), []
    for _sink_mass, at in sorted(every, key=lambda one: one[0]):
        if blobs.size + bytes_of(record.layers[at.layer]) <= budget:
            chosen.append(embedded(record.layers[at.layer], at, views, blobs))
    if not chosen:
        needed = min(bytes_of(one) for one in record.layers)
        raise ValueError(f"budget is {budget} bytes, and one head needs {needed}; allow more, or record fewer rows.")
    chosen.sort(key=lambda one: (one["layer"], one["head"], one["batch"]))
    contents = {
        **described(record),
        "overviews": _overviews(overviews, views, {(one["layer"], one["batch"]) for one in chosen}),
        "heads": chosen,
        "note": _note(len(chosen), len(every), budget),
    }
    return Standalone(tuple(_page(contents, blobs)), len(chosen), len(every) - len(chosen))


def _overviews(kept: Mapping[Any, Any], views: Mapping[Sinks, Views], open_: set[tuple[int, int]]) -> dict[str, Any]:
    """Of all layers as they are, and without the first token of those that have a head to open."""
    found = {f"{layer}/{batch}/{Sinks.KEPT.value}": overview_json(one) for (layer, batch), one in kept.items()}
    for layer, batch in sorted(open_):
        without = views[Sinks.LEFT_OUT].overview(layer, batch)
        found[f"{layer}/{batch}/{Sinks.LEFT_OUT.value}"] = overview_json(without)
    return found


def _note(there: int, all_: int, budget: int) -> str:
    if there == all_:
        return ""
    return (
        f"{there} of {all_} heads can be opened in this file, those that read the first token least; the others had "
        f"no room in {budget / 2**20:.0f} MiB."
    )


def _page(contents: Mapping[str, Any], blobs: Blobs) -> Iterator[str]:
    folder = files("regard.look").joinpath("page")
    script, style = (folder.joinpath(name).read_text(encoding="utf-8") for name in ("page.js", "page.css"))
    if "</script" in script.lower() or "</style" in style.lower():
        raise AssertionError("the page's own script or style would end its element.")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src blob: data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<title>Regard</title>\n<link rel="icon" href="data:,">\n'
        f'<style>{style}</style>\n</head>\n<body>\n<div id="page"><p>This page draws with JavaScript, which is off '
        "here.</p></div>\n"
    )
    yield f'<script type="application/json" id="regard-record">{_escaped(contents)}</script>\n'
    yield blobs.elements()
    yield f"<script>{script}</script>\n</body>\n</html>\n"


def _escaped(contents: Mapping[str, Any]) -> str:
    """JSON that cannot end its element, whatever a token says."""
    text = json.dumps(contents, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
