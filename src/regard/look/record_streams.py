"""Attentions that go on: rows of later calls with the same keys, joined by their offset."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from regard.look.attended import Attended, Proof
from regard.look.record_call import Captured
from regard.look.sight import Sight
from regard.look.sight_joined import brief, joined, moved


@dataclass
class Stream:
    """One attention that may go on: its keys so far, and the parts of its rows.

    seen: keys that some row has seen. positions: the position after the last row.
    """

    key: Tensor
    seen: int = 0
    positions: int = 0
    parts: list[Attended] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where a call belongs: how many keys come before its own, and the position of its first row among all."""

    stream: Stream | None
    offset: int
    start: int


def placed(streams: list[Stream], call: Captured, key: Tensor) -> Place:
    """The attention that a call continues, if it does; `key` are its keys as they would be kept."""
    # The last that is alike: an earlier one may be another layer that shares the module.
    for stream in reversed(streams):
        if _alike(stream, call, key):
            found = _continued(stream, call, key)
            if found is not None:
                return Place(stream, *found)
    return Place(None, 0, _first_position(call))


def grow(stream: Stream, part: Attended, call: Captured, place: Place) -> None:
    """Join a part to an attention; the part's rows and sight are told by its own keys."""
    offset = place.offset
    stream.key = part.key if offset == 0 else torch.cat((stream.key[:, :, :offset], part.key), 2)
    stream.positions = max(stream.positions, place.start + call.query.shape[2])
    stream.seen = max(stream.seen, offset + _seen(call))
    sight = moved(part.sight, offset, stream.key.shape[2])
    # The keys of a part are those of the whole, which are kept once.
    stream.parts.append(replace(part, key=part.key[:, :, :0].clone(), rows=part.rows + offset, sight=sight))


def finished(stream: Stream) -> list[Attended]:
    """One attention of all parts; one for each, where what they see cannot be said together."""
    parts = [part for part in stream.parts if part.queries]
    sight = joined([part.sight for part in parts], [part.queries for part in parts], stream.key.shape[2])
    if sight is None:
        return [_whole(stream, [part], part.sight) for part in parts]
    return [_whole(stream, parts, sight)] if parts else []


def numbered(found: list[Attended]) -> list[Attended]:
    """Names told apart: the second of a name ends in #2."""
    counts: dict[str, int] = {}
    named = []
    for one in found:
        count = counts[one.name] = counts.get(one.name, 0) + 1
        named.append(one if count == 1 else replace(one, name=f"{one.name}#{count}"))
    return named


def _whole(stream: Stream, parts: list[Attended], sight: Sight) -> Attended:
    rows, proofs = torch.cat([part.rows for part in parts]), [part.proof for part in parts]
    one = replace(
        parts[0],
        key=stream.key,
        rows=rows,
        sight=brief(sight, rows, stream.key.shape[2]),
        proof=Proof(max(p.weights for p in proofs), max(p.sums for p in proofs), sum(p.rows for p in proofs)),
    )
    if len(parts) == 1:
        return one
    query, lse = torch.cat([part.query for part in parts], 2), torch.cat([part.lse for part in parts], 2)
    return replace(one, query=query, lse=lse)


def _alike(stream: Stream, call: Captured, key: Tensor) -> bool:
    part = stream.parts[0]
    kinds = (stream.key.shape[:2], part.scale, part.softcap, part.sink is None)
    return kinds == (key.shape[:2], call.scale, call.softcap, call.sink is None)


def _continued(stream: Stream, call: Captured, key: Tensor) -> tuple[int, int] | None:
    """Keys before those of the call, and its first position; None where it continues nothing."""
    have, count, queries = stream.key.shape[2], key.shape[2], call.query.shape[2]
    old = count - queries
    if old <= 0:
        return None
    if count == have + queries and torch.equal(key[:, :, :have], stream.key):
        return 0, have
    # A cache of one size for all steps is filled from its beginning.
    if count >= have and _seen(call) == stream.seen + queries and _begin_alike(key, stream.key, stream.seen):
        return 0, stream.seen
    if count == have and queries == 1 and torch.equal(key, stream.key):
        return 0, stream.positions
    if old < have and torch.equal(key[:, :, :old], stream.key[:, :, have - old :]):
        return have - old, have
    return None


def _begin_alike(key: Tensor, old: Tensor, count: int) -> bool:
    return torch.equal(key[:, :, :count], old[:, :, :count])


def _seen(call: Captured) -> int:
    """Keys up to the last that a row sees."""
    stop = call.sight.stop
    return call.key.shape[2] if stop is None else int(stop.max())


def _first_position(call: Captured) -> int:
    """Position of the first row among the keys, as far as the call alone tells."""
    queries, keys, stop = call.query.shape[2], call.key.shape[2], call.sight.stop
    if stop is None or queries in (1, keys):
        return 0
    last = stop.amax((0, 1))
    return int(last[0]) - 1 if int(last[-1] - last[0]) == queries - 1 else 0
