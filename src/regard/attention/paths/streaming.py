"""A loop over tiles in the order of the queries, with what passes from row to row, and as little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from regard.attention.call import Prepared
from regard.attention.space import Space, Tile
from regard.attention.tracing import transformed

Found = TypeVar("Found")
Visit = Callable[[Prepared, Tile, Tensor | None], tuple[Found, Tensor | None]]


def stream(prepared: Prepared, tiles: Iterable[Tile], visit: Visit[Found]) -> Iterator[tuple[Tile, Found]]:
    """What `visit` finds in every tile, given the tile's part (cut, not spread) and the carry of the rows before.

    Where gradients are wanted a tile is visited again in the backward instead of kept.
    """
    carry: Tensor | None = None
    for tile in tiles:
        before = None if tile.rows.start == 0 else carry
        part = prepared.cut(tile)
        if torch.is_grad_enabled() and not transformed():
            found, carry = checkpoint(visit, part, tile, before, use_reentrant=False, preserve_rng_state=False)
        else:
            found, carry = visit(part, tile, before)
        yield tile, found


def joined(space: Space, pieces: Iterable[tuple[Tile, Tensor]]) -> Tensor:
    """One tensor (batch, heads, queries, ...) from pieces (batch, heads, rows, ...) in the order of the tiles."""
    rows: list[Tensor] = []
    heads: list[Tensor] = []
    batch: list[Tensor] = []
    for tile, piece in pieces:
        rows.append(piece)
        if tile.rows.stop == space.queries:
            heads.append(torch.cat(rows, dim=2))
            rows = []
            if tile.heads.stop == space.heads:
                batch.append(torch.cat(heads, dim=1))
                heads = []
    return torch.cat(batch)


def summed(space: Space, pieces: Iterable[tuple[Tile, Tensor]]) -> Tensor:
    """One tensor (batch, heads, ...) from pieces (batch, heads, ...) of which those of the same maps add up."""
    total: Tensor | None = None
    heads: list[Tensor] = []
    batch: list[Tensor] = []
    for tile, piece in pieces:
        total = piece if total is None else total + piece
        if tile.rows.stop == space.queries:
            heads.append(total)
            total = None
            if tile.heads.stop == space.heads:
                batch.append(torch.cat(heads, dim=1))
                heads = []
    return torch.cat(batch)
