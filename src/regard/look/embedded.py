"""One head inside a page: what a browser needs to work out any of its tiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.look.attended import Attended, blocks
from regard.look.blobs import Blobs
from regard.look.sight import keys_of, own
from regard.look.views import TILE, Address, Views
from regard.look.views_map import Pooling, Sinks

# Tiles from this zoom on pool so many products that a browser would need seconds for one; they are put in finished.
COARSE = 5


@dataclass(frozen=True)
class Place:
    """A head of a record."""

    layer: int
    head: int
    batch: int


def bytes_of(one: Attended) -> int:
    """About how many characters one head of a layer adds to a page."""
    size, width = one.query.shape[-1], min(one.query.element_size(), 4)
    recorded = (one.queries + one.keys) * size * width + 24 * one.queries + 8 * (one.queries + one.keys)
    coarse = 4 * 4 * _cells(one)
    return int((recorded + coarse + (4 * one.queries * one.keys if _is_dense(one) else 0)) * 4 / 3)


def embedded(one: Attended, at: Place, views: Mapping[Sinks, Views], blobs: Blobs) -> dict[str, Any]:
    """A head as JSON, its arrays put among the blobs.

    Kept are queries, keys, a number for each row (with the first key and without it), the range of keys that it sees,
    what is added to its scores, its tracks, and coarse tiles.
    """
    name = f"b{at.layer}-{at.head}-{at.batch}"
    key_head = at.head // (one.heads // one.key_heads)
    first, end = _seen(one, at)
    # The first key is hidden by where a row begins; the row's number then counts the others alone.
    ranges = {Sinks.KEPT: first, Sinks.LEFT_OUT: first.clamp(min=1)}
    numbers = {sinks: torch.from_numpy(views[sinks].row_numbers(at.layer, at.head, at.batch)) for sinks in Sinks}
    tracks = {sinks: views[sinks].tracks(at.layer, at.head, at.batch) for sinks in Sinks}
    line = _relative(one, at)
    prior = _prior(one, at) if _is_dense(one) else None

    def each(what: str, values: Mapping[Sinks, Tensor]) -> dict[str, Any]:
        return {sinks.value: blobs.put(f"{name}-{what}-{sinks.value}", value) for sinks, value in values.items()}

    return {
        "layer": at.layer,
        "head": at.head,
        "batch": at.batch,
        "size": one.query.shape[-1],
        "scale": one.scale,
        "softcap": one.softcap,
        "query": blobs.put(f"{name}-query", one.query[at.batch, at.head]),
        "key": blobs.put(f"b{at.layer}-{at.batch}-key-{key_head}", one.key[at.batch, key_head]),
        "first": each("first", ranges),
        "end": blobs.put(f"{name}-end", end),
        "position": blobs.put(f"b{at.layer}-position", one.rows.to(torch.int32)),
        "relative": None if line is None else blobs.put(f"{name}-relative", line),
        "nearest": one.sight.nearest,
        "prior": None if prior is None else blobs.put(f"{name}-prior", prior),
        "lse": each("lse", numbers),
        "entropy": each("entropy", {sinks: torch.from_numpy(found.entropy) for sinks, found in tracks.items()}),
        "mass": each("mass", {sinks: torch.from_numpy(found.mass) for sinks, found in tracks.items()}),
        "tiles": _coarse(one, at, views, blobs, name),
    }


def _seen(one: Attended, at: Place) -> tuple[Int[Tensor, " queries"], Int[Tensor, " queries"]]:
    """The first key that every row sees and the key after its last; what is hidden between is in the prior."""
    sight = one.sight
    first, end = torch.zeros_like(one.rows), torch.full_like(one.rows, one.keys)
    if sight.left is not None:
        first = torch.maximum(first, one.rows - sight.left)
    if sight.right is not None:
        end = torch.minimum(end, one.rows + sight.right + 1)
    if sight.first is not None:
        first = torch.maximum(first, own(sight.first, at.batch, at.head))
    if sight.stop is not None:
        end = torch.minimum(end, own(sight.stop, at.batch, at.head))
    if sight.shown is not None:
        shown = keys_of(sight.shown, at.batch).nonzero()[:, 0]
        first = first.clamp(min=int(shown[0]) if len(shown) else one.keys)
        end = end.clamp(max=int(shown[-1]) + 1 if len(shown) else 0)
    return first.to(torch.int32), end.to(torch.int32)


def _relative(one: Attended, at: Place) -> Float[Tensor, " reach"] | None:
    return None if one.sight.relative is None else own(one.sight.relative, at.batch, at.head).float()


def _is_dense(one: Attended) -> bool:
    """Whether something is said of single cells, which only a number for each of them can repeat."""
    shown = one.sight.shown
    holes = shown is not None and bool((shown.int().diff(dim=-1).abs().sum(-1) > 2 - shown[:, 0].int()).any())
    return one.sight.mask is not None or one.sight.bias is not None or holes


def _prior(one: Attended, at: Place) -> Float[Tensor, "queries keys"]:
    """What is added to every cell, -inf where it is hidden; the relative part is apart."""
    sight, columns = replace(one.sight, relative=None), range(one.keys)
    found = []
    for rows in blocks(torch.arange(one.queries), one.keys):
        added = torch.zeros(len(rows), one.keys)
        prior = sight.prior(one.rows[rows], rows, columns, at.batch, at.head)
        visible = sight.visible(one.rows[rows], rows, columns, at.batch, at.head)
        added = added if prior is None else added + prior
        found.append(added if visible is None else added.masked_fill(~visible, -torch.inf))
    return torch.cat(found)


def _grids(one: Attended) -> list[tuple[int, int, int]]:
    """Zoom, tiles down and tiles across of every coarse level, up to the one that is a single tile."""
    found, zoom = [], COARSE
    while TILE << (zoom - 1) < max(one.queries, one.keys):
        span = TILE << zoom
        found.append((zoom, -(-one.queries // span), -(-one.keys // span)))
        zoom += 1
    return found


def _cells(one: Attended) -> int:
    return sum(-(-one.queries >> zoom) * -(-one.keys >> zoom) for zoom, _down, _across in _grids(one))


def _coarse(
    one: Attended, at: Place, views: Mapping[Sinks, Views], blobs: Blobs, name: str
) -> dict[str, dict[str, Any]]:
    found = {}
    for zoom, downs, acrosses in _grids(one):
        for down, across in ((down, across) for down in range(downs) for across in range(acrosses)):
            for sinks in Sinks:
                for pooling in Pooling:
                    address = Address(at.layer, at.head, at.batch, zoom, down, across, pooling)
                    tile = torch.from_numpy(views[sinks].tile(address))
                    place = f"{sinks.value}/{pooling.value}/{zoom}/{down}/{across}"
                    values = blobs.put(f"{name}-{place.replace('/', '-')}", tile)
                    found[place] = {"rows": tile.shape[0], "columns": tile.shape[1], "values": values}
    return found
