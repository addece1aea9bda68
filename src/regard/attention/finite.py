"""Keeping what is hidden from leaking: NaN and Inf in hidden keys and values, and in queries that see nothing."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from regard.attention.call import Call, Prepared
from regard.attention.native.finite import all_finite
from regard.attention.space import cut_into_tiles
from regard.attention.tracing import concrete
from regard.attention.weighings.weighing import Carried

_CELLS = 1 << 20


class Clean(NamedTuple):
    """A tensor without NaN and Inf, and where they were; None where there were none."""

    tensor: Tensor
    bad: Tensor | None = None


def clean(tensor: Tensor) -> Clean:
    """Replace NaN and Inf by 0 and remember where they stood.

    A zero in a hidden place changes nothing, while 0 * NaN would be NaN in every product that follows. Where the
    numbers cannot be asked for, nothing is replaced.
    """
    return clean_all(tensor)[0]


def clean_all(*tensors: Tensor) -> tuple[Clean, ...]:
    """Several tensors, each as `clean` does it; where they are small, our kernel looks at all of them at once."""
    if not concrete() or all_finite(*tensors):
        return tuple(map(Clean, tensors))
    return tuple(map(_replaced, tensors))


def _replaced(tensor: Tensor) -> Clean:
    # Where our kernel does not serve, a finite sum tells that all numbers are.
    found = all_finite(tensor)
    if math.isfinite(tensor.detach().sum().item()) if found is None else found:
        return Clean(tensor)
    bad = ~torch.isfinite(tensor.detach())
    return Clean(tensor.masked_fill(bad, 0), bad) if bool(bad.any()) else Clean(tensor)


def poison(call: Call, bad_query: Tensor | None, bad_key: Tensor | None, bad_value: Tensor | None) -> Tensor:
    """NaN where a query that sees anything is not finite, or sees a key or value that is not; 1 elsewhere.

    Where rows hang on the row before, what spoils one spoils those after it. The three are lifted to (batch, heads,
    time, size); the result is (batch, heads, Tq, value size or 1).
    """
    space = call.space
    size = 1 if bad_value is None else bad_value.shape[-1]
    nothing = torch.zeros((), dtype=torch.bool, device=space.device)
    flags = Prepared(
        _any(bad_query, nothing.expand(space.batch, space.heads, space.queries, 1)),
        _any(bad_key, nothing.expand(space.batch, space.key_heads, space.keys, 1)),
        nothing.expand(space.batch, space.key_heads, space.keys, size) if bad_value is None else bad_value,
    )
    by_score = torch.zeros((space.batch, space.heads, space.queries, 1), dtype=torch.bool, device=space.device)
    by_value = by_score.expand(*by_score.shape[:3], size).clone()
    for tile in cut_into_tiles(space, _CELLS, space.queries):
        visible = call.where.seen(tile).visible
        shape = (len(tile.batch), len(tile.heads), len(tile.rows), len(tile.columns))
        seen = torch.ones(shape, device=space.device) if visible is None else visible.expand(shape).float()
        part = flags.cut(tile).spread(tile)
        by_value[tile.index] = seen @ part.value.float() > 0
        by_score[tile.index] = (seen @ part.key.float() > 0) | (part.query & (seen.sum(-1, keepdim=True) > 0))
    if isinstance(call.weigh, Carried):
        by_score = by_score.cumsum(-2) > 0
    return torch.ones(by_value.shape, device=space.device).masked_fill_(by_value | by_score, torch.nan)


def _any(bad: Tensor | None, none: Tensor) -> Tensor:
    return none if bad is None else bad.any(-1, keepdim=True)
