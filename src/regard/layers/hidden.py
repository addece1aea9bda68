"""Keeping what is hidden out of a layer's own projections."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention import Where
from regard.attention.finite import clean
from regard.attention.space import Space, cut_into_tiles
from regard.attention.wheres.where import Everything

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
        heads: () where it is made for (batch, queries, time), (heads,) for (batch, heads, queries, time).

    Raises:
        ValueError: the where does not fit these sizes.
    """
    space = Space((inputs.shape[0], *heads), 1, queries, inputs.shape[1], inputs.device)
    _, keys = _meeting(inputs, where or Everything(), space)
    return inputs if keys is None else inputs.masked_fill(~keys.unsqueeze(-1), 0)


def without_blind(
    queries: Float[Tensor, "batch time size"], where: Where | None, keys: int
) -> Float[Tensor, "batch time size"]:
    """Queries in which NaN and Inf are gone from those that may see nothing; the rest stay as they are.

    Args:
        queries: what is about to be projected.
        where: what they see of the keys, for (batch, queries, keys); None means all.
        keys: how many keys there are.

    Raises:
        ValueError: the where does not fit these sizes.
    """
    space = Space((queries.shape[0],), 1, queries.shape[1], keys, queries.device)
    rows, _ = _meeting(queries, where or Everything(), space)
    return queries if rows is None else queries.masked_fill(~rows.unsqueeze(-1), 0)


def _meeting(inputs: Tensor, where: Where, space: Space) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """Queries that see a key, (batch, Tq), and keys that a query sees, (batch, Tk); None for finite inputs."""
    where.check(space)
    if clean(inputs).bad is None:
        return None, None
    seeing = torch.zeros((space.batch, space.queries), dtype=torch.bool, device=space.device)
    seen = torch.zeros((space.batch, space.keys), dtype=torch.bool, device=space.device)
    for tile in cut_into_tiles(space, _CELLS, space.queries):
        visible = where.seen(tile).visible
        cells = torch.ones((), dtype=torch.bool, device=space.device) if visible is None else visible
        cells = cells.expand(len(tile.batch), len(tile.heads), len(tile.rows), space.keys).any(1)
        batch = slice(tile.batch.start, tile.batch.stop)
        seeing[batch, tile.rows.start : tile.rows.stop] |= cells.any(2)
        seen[batch] |= cells.any(1)
    return seeing, seen
