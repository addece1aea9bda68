"""The page of a record as one file that needs nothing else: it opens from a disk and works out exact tiles itself."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from regard.look.beside import NOTHING, Beside, Other, described_beside
from regard.look.blobs import Blobs
from regard.look.compare import variation
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


def write_standalone(
    record: Record, views: Mapping[Sinks, Views], path: Path, budget: int = BUDGET, beside: Beside = NOTHING
) -> Standalone:
    """Write the page of a record into one file; see `standalone`.

    Raises:
        ValueError: no head fits into the budget.
        OSError: the file cannot be written.
    """
    page = standalone(record, views, budget, beside)
    write_text(path, page.parts)
    return page


def standalone(
    record: Record, views: Mapping[Sinks, Views], budget: int = BUDGET, beside: Beside = NOTHING
) -> Standalone:
    """The page of a record, with queries, keys and row numbers of its heads.

    The browser works out tiles from these, as exact as those of `Views`; only tiles that pool thousands of tokens are
    put in finished. It loads nothing and asks nobody: its policy allows its own script and style, by their hashes.
    Heads that read the first token least come first, or where two records are compared, those that differ most; those
    for which there is no room are shown small, cannot be opened, and the page says so.

    Args:
        record: what the page shows.
        views: its views with sinks kept and left out.
        budget: about how many bytes heads may take.
        beside: what the page shows beside the record's maps.

    Raises:
        ValueError: no head fits into the budget.
    """
    side = _Side(record, views, Blobs())
    others = [] if beside.other is None else [_Side(beside.other.record, beside.other.views, Blobs("other-"))]
    every = side.ranked() if beside.other is None else _by_difference(side, beside.other)
    costs = [(2 if others else 1) * bytes_of(one) for one in record.layers]
    for at in every:
        if sum(one.blobs.size for one in (side, *others)) + costs[at.layer] <= budget:
            for one in (side, *others):
                one.open(at)
    if not side.heads:
        raise ValueError(
            f"budget is {budget} bytes, and one head needs {min(costs)}; allow more, or record fewer rows."
        )
    kind = "those that read the first token least" if beside.other is None else "those that differ most"
    contents = {**side.told(), **described_beside(beside), "note": _note(len(side.heads), len(every), budget, kind)}
    found = [{**one.told(), "note": "", "variation": _variations(side, one)} for one in others]
    parts = _page([contents, *found], [side.blobs, *(one.blobs for one in others)])
    return Standalone(tuple(parts), len(side.heads), len(every) - len(side.heads))


class _Side:
    """A record on its way into a page: the heads that are put in, and the arrays that they need."""

    def __init__(self, record: Record, views: Mapping[Sinks, Views], blobs: Blobs) -> None:
        self.record, self.views, self.blobs = record, views, blobs
        self.heads: list[dict[str, Any]] = []
        self.overviews = {at: views[Sinks.KEPT].overview(*at) for at in self.sequences()}

    def sequences(self) -> list[tuple[int, int]]:
        """Layer and batch of each."""
        return [(layer, batch) for layer, one in enumerate(self.record.layers) for batch in range(one.batch)]

    def places(self, at: tuple[int, int]) -> list[Place]:
        """Heads of a sequence."""
        return [Place(at[0], head, at[1]) for head in range(self.record.layers[at[0]].heads)]

    def ranked(self) -> list[Place]:
        """Heads that read the first token least come first."""
        sink = {
            place: float(self.overviews[at].sink_mass[place.head])
            for at in self.overviews
            for place in self.places(at)
        }
        return sorted(sink, key=lambda place: sink[place])

    def open(self, at: Place) -> None:
        """Put in one head."""
        self.heads.append(embedded(self.record.layers[at.layer], at, self.views, self.blobs))

    def told(self) -> dict[str, Any]:
        """The record as JSON."""
        self.heads.sort(key=lambda one: (one["layer"], one["head"], one["batch"]))
        open_ = {(one["layer"], one["batch"]) for one in self.heads}
        overviews = _overviews(self.overviews, self.views, open_)
        return {**described(self.record), "overviews": overviews, "heads": self.heads}


def _by_difference(side: _Side, other: Other) -> list[Place]:
    apart: dict[Place, float] = {}
    for layer, batch in side.sequences():
        found = variation(side.record.layers[layer], other.record.layers[layer], batch)
        apart.update(zip(side.places((layer, batch)), found.tolist(), strict=True))
    return sorted(apart, key=lambda place: -apart[place])


def _variations(side: _Side, other: _Side) -> dict[str, list[float]]:
    layers = [side.record.layers, other.record.layers]
    return {
        f"{layer}/{batch}/{sinks.value}": variation(layers[0][layer], layers[1][layer], batch, sinks).tolist()
        for layer, batch in side.sequences()
        for sinks in Sinks
    }


def _overviews(kept: Mapping[Any, Any], views: Mapping[Sinks, Views], open_: set[tuple[int, int]]) -> dict[str, Any]:
    """Of all layers as they are, and without the first token of those that have a head to open."""
    found = {f"{layer}/{batch}/{Sinks.KEPT.value}": overview_json(one) for (layer, batch), one in kept.items()}
    for layer, batch in sorted(open_):
        without = views[Sinks.LEFT_OUT].overview(layer, batch)
        found[f"{layer}/{batch}/{Sinks.LEFT_OUT.value}"] = overview_json(without)
    return found


def _note(there: int, all_: int, budget: int, kind: str) -> str:
    if there == all_:
        return ""
    return (
        f"{there} of {all_} heads can be opened in this file, {kind}; the others had no room in "
        f"{budget / 2**20:.0f} MiB."
    )


def _page(contents: Sequence[Mapping[str, Any]], blobs: Sequence[Blobs]) -> Iterator[str]:
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
    for name, told in zip(("regard-record", "regard-other"), contents, strict=False):
        yield f'<script type="application/json" id="{name}">{_escaped(told)}</script>\n'
    yield from (held.elements() for held in blobs)
    yield f"<script>{script}</script>\n</body>\n</html>\n"


def _escaped(contents: Mapping[str, Any]) -> str:
    """JSON that cannot end its element, whatever a token says."""
    text = json.dumps(contents, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
