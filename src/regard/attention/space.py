"""The grid of queries and keys that one call works on, and the tiles it is cut into."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Space:
    """Sizes of one attention problem, lifted to (batch, heads, queries, keys).

    `lead` keeps the leading sizes the caller used, so that masks and results keep the caller's rank.
    """

    lead: tuple[int, ...]
    key_heads: int
    queries: int
    keys: int
    device: torch.device

    @property
    def batch(self) -> int:
        """Problems that differ in more than their head."""
        return math.prod(self.lead[:-1]) if len(self.lead) > 1 else math.prod(self.lead)

    @property
    def heads(self) -> int:
        """Query heads; 1 where the caller's tensors have no axis of heads."""
        return self.lead[-1] if len(self.lead) > 1 else 1

    @property
    def problems(self) -> int:
        """Independent maps of queries by keys."""
        return math.prod(self.lead)

    def lift_cells(self, tensor: Tensor, name: str) -> Tensor:
        """View a tensor that broadcasts to (*lead, queries, keys) as (batch, heads, queries, keys)."""
        shape = (*self.lead, self.queries, self.keys)
        fits = tensor.dim() <= len(shape) and all(
            have in (1, want) for have, want in zip(reversed(tensor.shape), reversed(shape), strict=False)
        )
        if not fits:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}, which does not broadcast to the scores "
                f"{shape} (..., queries, keys). Give it those axes, with 1 where it does not vary."
            )
        missing = len(shape) - tensor.dim()
        tensor = tensor.reshape((1,) * missing + tuple(tensor.shape))
        if len(self.lead) == 0:
            return tensor[None, None]
        if len(self.lead) == 1:
            return tensor[:, None]
        if len(self.lead) == 2:
            return tensor
        kept = tensor.shape[-3:]
        return tensor.expand(*self.lead[:-1], *kept).reshape(-1, *kept)

    def lift_batch(self, tensor: Tensor, name: str) -> Tensor:
        """View one number per sequence as (batch, 1, 1, 1)."""
        wanted = self.lead[:-1] if len(self.lead) > 1 else self.lead
        if tuple(tensor.shape) != wanted:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}, expected {tuple(wanted)}: one length for each "
                "sequence of the batch."
            )
        return tensor.reshape(-1, 1, 1, 1)

    def lift_sequence(self, tensor: Tensor, length: int, name: str) -> Tensor:
        """View one number per position, (length,) or (..., length), as (batch or 1, length)."""
        wanted = self.lead[:-1] if len(self.lead) > 1 else self.lead
        if tuple(tensor.shape[:-1]) not in ((), (1,), wanted) or tensor.shape[-1] != length:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}, expected {(length,)} or {(*wanted, length)}: one number "
                "for each position, the same in every sequence of the batch or not."
            )
        return torch.atleast_2d(tensor).flatten(0, -2)

    def whole(self) -> Tile:
        """The tile that is the whole space."""
        return Tile(self, range(self.batch), range(self.heads), range(self.queries), range(self.keys))


@dataclass(frozen=True)
class Tile:
    """A rectangle of the space: some sequences, some heads, some queries, some keys."""

    space: Space
    batch: range
    heads: range
    rows: range
    columns: range

    @property
    def problems(self) -> slice:
        """Where this tile's maps lie when batch and heads are one axis."""
        first = self.batch.start * self.space.heads + self.heads.start
        return slice(first, first + len(self.batch) * len(self.heads))

    @property
    def index(self) -> tuple[slice, slice, slice]:
        """Where this tile's queries lie in (batch, heads, queries, size)."""
        batch, heads, rows = (slice(span.start, span.stop) for span in (self.batch, self.heads, self.rows))
        return batch, heads, rows

    @property
    def key_heads(self) -> slice:
        """The key heads that this tile's query heads read."""
        group = self.space.heads // self.space.key_heads
        return slice(self.heads.start // group, (self.heads.stop - 1) // group + 1)

    def row_index(self) -> Tensor:
        """Positions of the queries, (rows, 1)."""
        return torch.arange(self.rows.start, self.rows.stop, device=self.space.device)[:, None]

    def column_index(self) -> Tensor:
        """Positions of the keys, (1, columns)."""
        return torch.arange(self.columns.start, self.columns.stop, device=self.space.device)[None, :]

    def cut(self, lifted: Tensor) -> Tensor:
        """The tile of a tensor that broadcasts to (batch, heads, queries, keys)."""
        spans = (self.batch, self.heads, self.rows, self.columns)
        index = tuple(
            slice(None) if size == 1 else slice(span.start, span.stop)
            for size, span in zip(lifted.shape, spans, strict=True)
        )
        return lifted[index]


def cut_into_tiles(space: Space, cells: int, most_rows: int, keys: int | None = None) -> Iterator[Tile]:
    """Cut the space into tiles of whole rows with about `cells` scores each, where a tile needs `keys` of the keys.

    Several heads, and with small maps several sequences, share one tile so that no product is tiny.
    """
    keys = max(1, space.keys if keys is None else keys)
    rows = max(1, min(space.queries, most_rows, cells // keys))
    maps = max(1, cells // (rows * keys))
    heads = min(space.heads, maps)
    batch = max(1, maps // space.heads) if heads == space.heads else 1
    for b in range(0, space.batch, batch):
        for h in range(0, space.heads, heads):
            for r in range(0, space.queries, rows):
                yield Tile(
                    space,
                    range(b, min(b + batch, space.batch)),
                    range(h, min(h + heads, space.heads)),
                    range(r, min(r + rows, space.queries)),
                    range(space.keys),
                )
