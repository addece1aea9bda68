"""Every head of a layer in a few numbers, by which heads are ranked, and a small picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from numpy import ndarray
from torch import Tensor

from regard.look.attended import Attended, spread
from regard.look.views_map import Map

# Rows that are looked at, and the size of a picture.
SAMPLED = 128
PICTURE = 32
# Rows that are worked out together: their cells stay in a processor's cache, and end where the last of them sees.
_TOGETHER = 16


@dataclass(frozen=True, eq=False)
class Overview:
    """One number for each head, float32, means over the rows that were looked at.

    entropy: of the weights, in nats. sink_mass: weight of the first key and of a learned sink. distance: how many
    positions away a row looks. previous_token: weight of the position before the row's own. induction: weight of keys
    that come right after an earlier occurrence of the row's own token. thumbnail: (heads, 32, 32) or smaller, pooled
    as sums. rows: how many rows were looked at. exact: whether those were all.

    Source: of the induction score: Olsson et al. 2022 (prefix matching).
    """

    entropy: ndarray
    sink_mass: ndarray
    distance: ndarray
    previous_token: ndarray
    induction: ndarray
    thumbnail: ndarray
    rows: int
    exact: bool


@dataclass(frozen=True, eq=False)
class _Looked:
    """What all heads of a layer share: the rows that are looked at, and how much a key counts for each number.

    columns: keys, without those behind that none of the rows sees.
    """

    rows: Tensor
    columns: range
    position: Tensor
    distance: Tensor
    repeated: Tensor
    across: Tensor


def overview_of(one: Attended, maps: Sequence[Map]) -> Overview:
    """The overview of heads of one layer."""
    rows = spread(one, SAMPLED)
    count = len(rows)
    after, width = _followers(one.key_tokens, one.keys), min(PICTURE, one.keys)
    across = ((torch.arange(one.keys) * width // one.keys)[:, None] == torch.arange(width)).float()
    size = min(PICTURE, count)
    band = rows * size // one.queries
    # What heads share of some rows is forgotten before the next rows. Late rows see most, so they come first: what
    # is smaller fits into the memory that was given back.
    parts = [_of_heads(maps, _looked(one, part, after, across)) for part in reversed(rows.split(_TOGETHER))]
    found = [_joined(of_head[::-1], band, size) for of_head in zip(*parts, strict=True)]
    numbers = {name: torch.stack([head[name] for head in found]).float().numpy() for name in found[0]}
    return Overview(**numbers, rows=count, exact=count == one.queries)


def _followers(tokens: Sequence[str], keys: int) -> dict[str, Tensor]:
    """Where every token comes right after: keys whose token before is this one."""
    places: dict[str, list[int]] = {}
    for place, token in enumerate(tokens[: keys - 1]):
        places.setdefault(token, []).append(place + 1)
    return {token: torch.tensor(found) for token, found in places.items()}


def _looked(one: Attended, rows: Tensor, after: Mapping[str, Tensor], across: Tensor) -> _Looked:
    position, columns = one.rows[rows], range(_stop(one, rows))
    distance = (torch.arange(len(columns)) - position[:, None]).abs().float()
    return _Looked(
        rows, columns, position, distance, _repeated(one, rows, len(columns), after), across[: len(columns)]
    )


def _stop(one: Attended, rows: Tensor) -> int:
    """The key after the last that one of the rows sees in any head."""
    stop = one.keys
    if one.sight.right is not None:
        stop = min(stop, int(one.rows[rows].max()) + one.sight.right + 1)
    if one.sight.stop is not None:
        stop = min(stop, int(one.sight.stop[..., rows].max()))
    return max(1, stop)


def _repeated(one: Attended, rows: Tensor, keys: int, after: Mapping[str, Tensor]) -> Tensor:
    """Keys that come right after an earlier occurrence of a row's own token."""
    found = torch.zeros((len(rows), keys))
    for place, row in enumerate(rows.tolist()):
        known = after.get(one.query_tokens[row] if one.query_tokens else "", torch.zeros(0, dtype=torch.long))
        found[place, known[known < min(keys, int(one.rows[row]) + 1)]] = 1.0
    return found


def _of_heads(maps: Sequence[Map], part: _Looked) -> list[dict[str, Tensor]]:
    return [_of_rows(here, part) for here in maps]


def _joined(rows: Sequence[dict[str, Tensor]], band: Tensor, size: int) -> dict[str, Tensor]:
    """The means of one head's rows, and its picture."""
    joined = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
    narrow = joined.pop("across")
    counts = band.bincount(minlength=size).clamp(min=1)[:, None]
    picture = narrow.new_zeros((size, narrow.shape[1])).index_add(0, band, narrow) / counts
    # A row that sees nothing says nothing about its head.
    seeing = joined.pop("seen").bool()
    seeing = seeing if bool(seeing.any()) else ~seeing
    means = {name: numbers[seeing].mean() for name, numbers in joined.items()}
    return {**means, "thumbnail": picture}


def _of_rows(here: Map, part: _Looked) -> dict[str, Tensor]:
    one, keys = here.one, len(part.columns)
    logs = here.log_weights(part.rows, part.columns).float()
    weights = logs.exp()
    total = weights.sum(-1)
    before = part.position - 1
    inside = (before >= 0) & (before < keys)
    previous = weights.gather(1, before.clamp(0, keys - 1)[:, None])[:, 0] * inside
    sink = weights[:, 0] if one.sink is None else weights[:, 0] + (1 - total)
    return {
        # What is hidden has weight 0 and a logarithm of minus infinity.
        "entropy": -(weights * logs.clamp_(min=torch.finfo(logs.dtype).min)).sum(-1),
        "sink_mass": sink,
        "distance": (weights * part.distance).sum(-1),
        "previous_token": previous,
        "induction": (weights * part.repeated).sum(-1),
        "across": weights @ part.across,
        "seen": total > 0,
    }
