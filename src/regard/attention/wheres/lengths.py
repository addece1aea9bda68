"""Padding is not seen."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor

from regard.attention.native.terms import Code, Program, Step
from regard.attention.space import Space, Tile
from regard.attention.wheres.where import Seen, Simple, Where


@dataclass(frozen=True, eq=False)
class Lengths(Where):
    """Hide keys at and after a sequence's length, and queries likewise.

    visible(i, j)  =  j < key_lengths  and  i < query_lengths

    Args:
        key_lengths: number of real keys of each sequence, (batch,).
        query_lengths: number of real queries of each sequence, (batch,); None means all are real. A query
            beyond it sees nothing, so its context is 0.

    Raises:
        ValueError: a tensor is not whole numbers, or has another shape than the batch.

    Example:
        >>> import regard as rg, torch
        >>> key = torch.zeros(2, 3, 1)
        >>> rg.weights(torch.zeros(2, 1, 1), key, where=rg.Lengths(torch.tensor([1, 2])))[:, 0]
        tensor([[1.0000, 0.0000, 0.0000],
                [0.5000, 0.5000, 0.0000]])

    Source: Bahdanau, Cho and Bengio 2015, equation 6 (the sum runs over the words that a sentence has).
    """

    key_lengths: Int[Tensor, " batch"]
    query_lengths: Int[Tensor, " batch"] | None = None

    def __post_init__(self) -> None:
        for name, lengths in (("key_lengths", self.key_lengths), ("query_lengths", self.query_lengths)):
            if lengths is not None and (lengths.is_floating_point() or lengths.is_complex()):
                raise ValueError(f"{name} has dtype {lengths.dtype}, expected whole numbers; use .long().")

    def seen(self, tile: Tile) -> Seen:
        keys = tile.cut(tile.space.lift_batch(self.key_lengths, "key_lengths"))
        visible = tile.column_index() < keys
        if self.query_lengths is not None:
            queries = tile.cut(tile.space.lift_batch(self.query_lengths, "query_lengths"))
            visible = visible & (tile.row_index() < queries)
        return Seen(visible)

    def check(self, space: Space) -> None:
        space.lift_batch(self.key_lengths, "key_lengths")
        if self.query_lengths is not None:
            space.lift_batch(self.query_lengths, "query_lengths")

    def select(self, index: Tensor) -> Where:
        queries = None if self.query_lengths is None else self.query_lengths.index_select(0, index)
        return Lengths(self.key_lengths.index_select(0, index), queries)

    def simple(self, space: Space) -> Simple | None:
        return Simple(keys=self.seen(space.whole()).visible) if self.query_lengths is None else None

    def program(self, space: Space) -> Program:
        keys = Program(
            (Step(Code.KEY_LENGTHS, (space.lift_batch(self.key_lengths, "key_lengths").long().flatten(),)),)
        )
        if self.query_lengths is None:
            return keys
        queries = space.lift_batch(self.query_lengths, "query_lengths").long().flatten()
        return keys.both(Program((Step(Code.QUERY_LENGTHS, (queries,)),)))

    def without_first(self, count: int) -> Where:
        return Lengths((self.key_lengths - count).clamp(min=0), self.query_lengths)
