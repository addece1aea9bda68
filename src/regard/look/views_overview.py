"""Every head of a layer in a few numbers, by which heads are ranked, and a small picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from numpy import ndarray
from torch import Tensor

from regard.look.attended import CELLS, Attended
from regard.look.views_map import Map

# Rows that are looked at, and the size of a picture.
SAMPLED = 128
PICTURE = 32


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
    """What all heads of a layer share: the rows that are looked at, and how much a key counts for each number."""

    rows: Tensor
    position: Tensor
    distance: Tensor
    repeated: Tensor
    across: Tensor


def overview_of(one: Attended, maps: Sequence[Map]) -> Overview:
    """The overview of heads of one layer."""
    count = min(SAMPLED, one.queries)
    rows = ((torch.arange(count) + 0.5) * one.queries / count).long()
    parts = [_looked(one, part) for part in rows.split(max(1, CELLS // one.keys))]
    size = min(PICTURE, count)
    band = rows * size // one.queries
    found = [_of_head(each, parts, band, size) for each in maps]
    numbers = {name: torch.stack([head[name] for head in found]).float().numpy() for name in found[0]}
    return Overview(**numbers, rows=count, exact=count == one.queries)


def _looked(one: Attended, rows: Tensor) -> _Looked:
    position, key = one.rows[rows], torch.arange(one.keys)
    width = min(PICTURE, one.keys)
    distance = (key - position[:, None]).abs().float()
    across = torch.nn.functional.one_hot(key * width // one.keys, width).float()
    return _Looked(rows, position, distance, _repeated(one, rows, position), across)


def _repeated(one: Attended, rows: Tensor, position: Tensor) -> Tensor:
    """Keys that come right after an earlier occurrence of a row's own token."""
    numbers: dict[str, int] = {}
    key = torch.tensor([numbers.setdefault(token, len(numbers)) for token in one.key_tokens] or [0] * one.keys)
    asked = [one.query_tokens[row] for row in rows.tolist()] if one.query_tokens else [""]
    query = torch.tensor([numbers.get(token, -1) for token in asked])
    after = torch.cat((key.new_full((1,), -2), key[:-1]))
    earlier = torch.arange(one.keys) <= position[:, None]
    return ((after == query[:, None]) & earlier).float()


def _of_head(here: Map, parts: Sequence[_Looked], band: Tensor, size: int) -> dict[str, Tensor]:
    rows = [_of_rows(here, part) for part in parts]
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
    one, keys = here.one, here.one.keys
    logs = here.log_weights(part.rows, range(keys)).float()
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
