"""What recorded rows see: ranges of keys, hidden keys and priors, in memory that grows with their number."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Sight:
    """Which keys each recorded row sees, and what is added to its scores.

    visible(row, j)  =  position - left <= j <= position + right  and  first <= j < stop  and  shown_j  and  mask_j

    where position is that of the row among the keys (`Attended.rows`). None says nothing. Axes of size 1 are the
    same for all.

    Args:
        left: visible keys before the row's own position.
        right: visible keys after it.
        first: the first visible key of each row.
        stop: the key after the last visible one.
        shown: which keys any row sees.
        mask: which cells are seen, where ranges cannot say it.
        bias: numbers added to the scores.
        relative: numbers added by distance j - position, the first for the distance `nearest`.
        nearest: distance of the first of `relative`.
    """

    left: int | None = None
    right: int | None = None
    first: Int[Tensor, "batch heads queries"] | None = None
    stop: Int[Tensor, "batch heads queries"] | None = None
    shown: Bool[Tensor, "batch keys"] | None = None
    mask: Bool[Tensor, "batch heads queries keys"] | None = None
    bias: Float[Tensor, "batch heads queries keys"] | None = None
    relative: Float[Tensor, "batch heads reach"] | None = None
    nearest: int = 0

    def tensors(self) -> dict[str, Tensor]:
        """What is held as tensors, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if isinstance(value, Tensor)}

    def visible(
        self, position: Int[Tensor, " rows"], rows: Tensor, columns: range, batch: int, head: int
    ) -> Tensor | None:
        """Which cells of chosen rows and neighbouring columns are seen, or broadcast to it; None for all.

        Args:
            position: of the rows among the keys.
            rows: their numbers in the record.
            columns: keys, neighbours.
            batch: sequence.
            head: query head.
        """
        key = torch.arange(columns.start, columns.stop)
        found: list[Tensor] = []
        if self.left is not None:
            found.append(key >= position[:, None] - self.left)
        if self.right is not None:
            found.append(key <= position[:, None] + self.right)
        if self.first is not None:
            found.append(key >= own(self.first, batch, head)[rows, None])
        if self.stop is not None:
            found.append(key < own(self.stop, batch, head)[rows, None])
        if self.shown is not None:
            found.append(keys_of(self.shown, batch)[columns.start : columns.stop])
        if self.mask is not None:
            found.append(own(self.mask, batch, head)[_rows(self.mask, rows), columns.start : columns.stop])
        if not found:
            return None
        cells = found[0]
        for each in found[1:]:
            cells = cells & each
        return cells

    def prior(
        self, position: Int[Tensor, " rows"], rows: Tensor, columns: range, batch: int, head: int
    ) -> Tensor | None:
        """What is added to the scores of the cells, or broadcasts to it; None for nothing."""
        added = None
        if self.relative is not None:
            line = own(self.relative, batch, head)
            distance = torch.arange(columns.start, columns.stop) - position[:, None] - self.nearest
            added = line[distance.clamp(0, len(line) - 1)].float()
        if self.bias is not None:
            cells = own(self.bias, batch, head)[_rows(self.bias, rows)]
            given = cells if cells.shape[-1] == 1 else cells[..., columns.start : columns.stop]
            added = given.float() if added is None else added + given.float()
        return added

    def span(self, position: Int[Tensor, " rows"], rows: Tensor, columns: range, batch: int, head: int) -> range:
        """Columns beside which these rows see none of `columns`."""
        start, stop = columns.start, columns.stop
        if self.left is not None:
            start = max(start, int(position.min()) - self.left)
        if self.right is not None:
            stop = min(stop, int(position.max()) + self.right + 1)
        if self.first is not None and self.stop is not None:
            first, last = own(self.first, batch, head)[rows], own(self.stop, batch, head)[rows]
            filled = last > first
            if not bool(filled.any()):
                return range(start, start)
            start, stop = max(start, int(first[filled].min())), min(stop, int(last.max()))
        return range(start, max(start, stop))

    def alone(self, batch: int, head: int) -> Sight:
        """What one map sees, as of the only head of the only sequence."""

        def one(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else own(tensor, batch, head)[None, None]

        return replace(
            self,
            first=one(self.first),
            stop=one(self.stop),
            shown=None if self.shown is None else keys_of(self.shown, batch)[None],
            mask=one(self.mask),
            bias=one(self.bias),
            relative=one(self.relative),
        )

    def without_key(self, key: int, keys: int) -> Sight:
        """The same sight with one key hidden from all rows."""
        shown = torch.ones((1, keys), dtype=torch.bool) if self.shown is None else self.shown.clone()
        shown[:, key] = False
        return replace(self, shown=shown)


def own(tensor: Tensor, batch: int, head: int) -> Tensor:
    """The entry of a sequence and a head, where axes of size 1 are the same for all."""
    return keys_of(tensor, batch)[head if tensor.shape[1] > 1 else 0]


def keys_of(tensor: Tensor, batch: int) -> Tensor:
    """The entry of a sequence, likewise."""
    return tensor[batch if len(tensor) > 1 else 0]


def _rows(tensor: Tensor, rows: Tensor) -> Tensor:
    """Which rows of a tensor (batch, heads, queries or 1, keys) are meant."""
    return rows if tensor.shape[2] > 1 else torch.zeros_like(rows[:1])
