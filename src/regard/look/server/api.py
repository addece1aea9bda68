"""The page's answers: integers in, numbers out. Nothing a client sends becomes a path or a name."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from importlib.resources import files
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from regard.look.attended import Attended
from regard.look.beside import NOTHING, Beside, Other, described_beside
from regard.look.compare import variation
from regard.look.described import described, finite, overview_json
from regard.look.record import Record
from regard.look.server.gate import LOOPBACK, Gate
from regard.look.server.turns import Turns
from regard.look.views import TILE, Address, TopK, Views
from regard.look.views_map import DIRECT, Pooling, Sinks

MOST_TOP = 1000

_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
Answer = TypeVar("Answer")
Choice = TypeVar("Choice", bound=Enum)


def page_app(
    record: Record,
    views: Mapping[Sinks, Views],
    token: str,
    hosts: frozenset[str] = LOOPBACK,
    beside: Beside = NOTHING,
) -> ASGIApp:
    """The page of a record as an ASGI app, behind its gate.

    GET only: `/` and its two files, `/api/record`, and with integers `/api/overview/LAYER/BATCH`,
    `/api/tile/LAYER/HEAD/BATCH/ZOOM/DOWN/ACROSS?pooling=sum` (or `max`), an estimate of the same sums under
    `/api/glance`, `/api/row/LAYER/HEAD/BATCH/QUERY?top=20`, `/api/column/LAYER/HEAD/BATCH/KEY?top=20`,
    `/api/tracks/LAYER/HEAD/BATCH`, and whole rows and columns under `/api/reads/LAYER/HEAD/BATCH/QUERY` and
    `/api/readers/LAYER/HEAD/BATCH/KEY`; each of them with `?sinks=kept` or `left-out`. Arrays are float32,
    little-endian, their sizes in `X-Shape`. A record to compare with answers the same under `/other`, and how far
    its heads are from the first one's under `/other/variation/LAYER/BATCH`. What is no number is answered with 400, a
    number that names nothing with 404.

    Args:
        record: what the page shows.
        views: its views with sinks kept and left out.
        token: what a visitor must know.
        hosts: names by which the page may be opened.
        beside: what the page shows beside the record's maps.
    """
    pages = [Route(path, _file(name, kind)) for path, (name, kind) in _FILES.items()]
    told = {**described(record), **described_beside(beside)}
    turns = Turns()
    answers = _Answers(told, record, views, turns)
    routes = [*pages, *_routes("/api", answers), *_other_routes(record, beside.other, turns)]
    app = Starlette(routes=routes)
    # A redirect would repeat in its address what the client sent.
    app.router.redirect_slashes = False
    return Gate(app, token, hosts)


def _routes(prefix: str, answers: _Answers) -> list[Route]:
    paths = {
        "record": answers.record,
        "overview/{layer}/{batch}": answers.overview,
        "tile/{layer}/{head}/{batch}/{zoom}/{down}/{across}": answers.tile,
        "glance/{layer}/{head}/{batch}/{zoom}/{down}/{across}": answers.glance,
        "row/{layer}/{head}/{batch}/{query}": answers.row,
        "column/{layer}/{head}/{batch}/{key}": answers.column,
        "reads/{layer}/{head}/{batch}/{query}": answers.reads,
        "readers/{layer}/{head}/{batch}/{key}": answers.readers,
        "tracks/{layer}/{head}/{batch}": answers.tracks,
    }
    return [Route(f"{prefix}/{path}", answer) for path, answer in paths.items()]


def _other_routes(record: Record, other: Other | None, turns: Turns) -> list[Route]:
    if other is None:
        return []
    answers = _Answers(described(other.record), other.record, other.views, turns)

    async def apart(request: Request) -> Response:
        layer = _integer(request, "layer", len(record.layers))
        one, same = record.layers[layer], other.record.layers[layer]
        batch, sinks = _integer(request, "batch", one.batch), _choice(request, "sinks", Sinks)
        found = await turns.whole(lambda: variation(one, same, batch, sinks))
        return _json({"variation": found.tolist()})

    return [*_routes("/other", answers), Route("/other/variation/{layer}/{batch}", apart)]


class _Answers:
    """One method for each kind of question."""

    def __init__(self, told: dict[str, Any], record: Record, views: Mapping[Sinks, Views], turns: Turns) -> None:
        self._layers: tuple[Attended, ...] = record.layers
        self._views = views
        self._header = json.dumps(told, allow_nan=False).encode()
        self._turns = turns

    async def record(self, request: Request) -> Response:
        return Response(self._header, media_type="application/json")

    async def overview(self, request: Request) -> Response:
        layer, batch = self._layer(request), self._batch(request)
        found = await self._whole(request, lambda views: views.overview(layer, batch))
        return _json(overview_json(found))

    async def tile(self, request: Request) -> Response:
        at = self._address(request)
        answer = self._whole if at.zoom > DIRECT else self._part
        return _floats(await answer(request, lambda views: views.tile(at)))

    async def glance(self, request: Request) -> Response:
        at = self._address(request)
        if at.pooling is not Pooling.SUM:
            raise HTTPException(400, "pooling must be sum for a glance.")
        return _floats(await self._part(request, lambda views: views.glance(at)))

    def _address(self, request: Request) -> Address:
        layer = self._layers[self._layer(request)]
        zoom = _integer(request, "zoom", self._views[Sinks.KEPT].zooms(self._layer(request)))
        cell = TILE << zoom
        return Address(
            layer=self._layer(request),
            head=self._head(request),
            batch=self._batch(request),
            zoom=zoom,
            down=_integer(request, "down", -(-layer.queries // cell)),
            across=_integer(request, "across", -(-layer.keys // cell)),
            pooling=_choice(request, "pooling", Pooling),
        )

    async def row(self, request: Request) -> Response:
        place, head, batch, top = self._layer(request), self._head(request), self._batch(request), _top(request)
        query = _integer(request, "query", self._layers[place].queries)
        return _json(top_json(await self._part(request, lambda views: views.row(place, head, query, top, batch))))

    async def column(self, request: Request) -> Response:
        place, head, batch, top = self._layer(request), self._head(request), self._batch(request), _top(request)
        key = _integer(request, "key", self._layers[place].keys)
        return _json(top_json(await self._part(request, lambda views: views.column(place, head, key, top, batch))))

    async def reads(self, request: Request) -> Response:
        place, head, batch = self._layer(request), self._head(request), self._batch(request)
        query = _integer(request, "query", self._layers[place].queries)
        return _floats(await self._part(request, lambda views: views.reads(place, head, query, batch)))

    async def readers(self, request: Request) -> Response:
        place, head, batch = self._layer(request), self._head(request), self._batch(request)
        key = _integer(request, "key", self._layers[place].keys)
        return _floats(await self._part(request, lambda views: views.readers(place, head, key, batch)))

    async def tracks(self, request: Request) -> Response:
        layer, head, batch = self._layer(request), self._head(request), self._batch(request)
        found = await self._whole(request, lambda views: views.tracks(layer, head, batch))
        return _floats(np.concatenate([found.entropy, found.mass]), (len(found.entropy), len(found.mass)))

    def _layer(self, request: Request) -> int:
        return _integer(request, "layer", len(self._layers))

    def _head(self, request: Request) -> int:
        return _integer(request, "head", self._layers[self._layer(request)].heads)

    def _batch(self, request: Request) -> int:
        return _integer(request, "batch", self._layers[self._layer(request)].batch)

    async def _part(self, request: Request, ask: Callable[[Views], Answer]) -> Answer:
        views = self._chosen(request)
        return await self._turns.part(lambda: ask(views))

    async def _whole(self, request: Request, ask: Callable[[Views], Answer]) -> Answer:
        views = self._chosen(request)
        return await self._turns.whole(lambda: ask(views))

    def _chosen(self, request: Request) -> Views:
        return self._views[_choice(request, "sinks", Sinks)]


def top_json(found: TopK) -> dict[str, Any]:
    """The strongest of a row or column."""
    return {
        "index": [int(one) for one in found.index],
        "weight": [finite(float(one)) for one in found.weight],
        "entropy": finite(found.entropy),
        "sum": finite(found.sum),
    }


def _integer(request: Request, name: str, end: int) -> int:
    """A number from 0 up to `end`."""
    given = request.path_params[name]
    if not re.fullmatch("[0-9]{1,9}", given):
        raise HTTPException(400, f"{name} must be an integer of at most nine digits.")
    if int(given) >= end:
        raise HTTPException(404, f"{name} must be less than {end} here.")
    return int(given)


def _top(request: Request) -> int:
    given = request.query_params.get("top", "20")
    if not re.fullmatch("[0-9]{1,9}", given) or not 1 <= int(given) <= MOST_TOP:
        raise HTTPException(400, f"top must be an integer from 1 to {MOST_TOP}.")
    return int(given)


def _choice(request: Request, name: str, choices: type[Choice]) -> Choice:
    """A value by the name that it has in an address; the first where none is given."""
    values = {str(choice.value): choice for choice in choices}
    given = request.query_params.get(name, next(iter(values)))
    if given not in values:
        raise HTTPException(400, f"{name} must be one of {', '.join(values)}.")
    return values[given]


def _json(value: dict[str, Any]) -> Response:
    return Response(json.dumps(value, allow_nan=False), media_type="application/json")


def _floats(values: Float[np.ndarray, "*sizes"], shape: tuple[int, ...] | None = None) -> Response:
    sizes = ",".join(str(size) for size in shape or values.shape)
    body = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return Response(body, media_type="application/octet-stream", headers={"X-Shape": sizes})


def _file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    body = files("regard.look").joinpath("page", name).read_bytes()

    async def answer(request: Request) -> Response:
        return Response(body, headers={"content-type": kind})

    return answer
