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
    inputs: Float[Tensor, "batch time size"], where: Where | None, queries: int, heads: tuple[int, ...] = ()
) -> Float[Tensor, "batch time size"]:
    """Inputs in which NaN and Inf are gone from positions that no query may see; what is seen stays as it is.

    `attend` lets nothing hidden through, but a projection before it would carry a hidden NaN into the gradient
    of its matrix, as 0 * NaN.

    Args:
        inputs: what is about to be projected.
        where: what is seen of it; None means all.
        queries: how many queries the where is made for.
        heads: () where it is made for (batch, queries, time), (1,) for (batch, heads, queries, time).

    Raises:
        ValueError: the where does not fit these sizes.
    """
    if where is None:
        return inputs
    space = Space((inputs.shape[0], *heads), 1, queries, inputs.shape[1], inputs.device)
    where.check(space)
    if clean(inputs).bad is None:
        return inputs
    return inputs.masked_fill(~_shown(space, where).unsqueeze(-1), 0)


def _shown(space: Space, where: Where) -> Bool[Tensor, "batch time"]:
    """Positions that at least one query may see."""
    found = torch.zeros((space.batch, space.keys), dtype=torch.bool, device=space.device)
    for tile in cut_into_tiles(space, _CELLS, space.queries):
        visible = where.seen(tile).visible
        shape = (len(tile.batch), 1, len(tile.rows), space.keys)
        seen = True if visible is None else visible.expand(shape).any(2)[:, 0]
        found[tile.batch.start : tile.batch.stop] |= seen
    return found
