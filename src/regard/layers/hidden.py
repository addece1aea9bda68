"""Keeping what is hidden out of a layer's own projections."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from regard.attention import Where
from regard.attention.finite import clean
from regard.attention.space import Space, cut_into_tiles

_CELLS = 1 << 20


def without_hidden(
    inputs: Float[Tensor, "batch time size"], where: Where | None, queries: int
) -> Float[Tensor, "batch time size"]:
    """Inputs in which NaN and Inf are gone from positions that no query may see; what is seen stays as it is.

    `attend` lets nothing hidden through, but a projection before it would carry a hidden NaN into the gradient
    of its matrix, as 0 * NaN. `queries` is how many queries the where is made for.
    """
    if where is None or clean(inputs).bad is None:
        return inputs
    return inputs.masked_fill(~shown(inputs, where, queries).unsqueeze(-1), 0)


def shown(inputs: Float[Tensor, "batch time size"], where: Where, queries: int) -> Bool[Tensor, "batch time"]:
    """Positions that at least one of the queries may see."""
    batch, time = inputs.shape[:2]
    space = Space((batch,), 1, queries, time, inputs.device)
    where.check(space)
    found = torch.zeros((batch, time), dtype=torch.bool, device=inputs.device)
    for tile in cut_into_tiles(space, _CELLS, queries):
        visible = where.seen(tile).visible
        shape = (len(tile.batch), 1, len(tile.rows), time)
        seen = True if visible is None else visible.expand(shape).any(2)[:, 0]
        found[tile.batch.start : tile.batch.stop] |= seen
    return found
