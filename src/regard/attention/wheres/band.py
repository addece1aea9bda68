"""A band of keys round the query's own position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

from torch import Tensor

from regard.attention.native.terms import OPEN

Align = Literal["end", "start"] | int
Count = TypeVar("Count", int, Tensor)


@dataclass(frozen=True)
class Band:
    """Keys from `left` before to `right` after the query's own position; None means no limit on that side.

    align says which key stands at a query's own position: "end" puts the last query beside the last key,
    "start" the first beside the first, and a number the first beside the key at that position.
    """

    left: int | None = None
    right: int | None = None
    align: Align = "end"

    def __post_init__(self) -> None:
        if self.align not in ("end", "start") and not isinstance(self.align, int):
            raise ValueError(
                f"align is {self.align!r}, expected 'end', 'start', or a whole number: the first query's key."
            )

    def shift(self, queries: Count, keys: Count) -> Count | int:
        """Position among `keys` of the first of `queries`."""
        if isinstance(self.align, int):
            return self.align
        return keys - queries if self.align == "end" else 0

    def limits(self, shift: int) -> tuple[int, int]:
        """Lowest and highest distance j - i that is seen, where `shift` puts key i + shift beside query i."""
        low = -OPEN if self.left is None else shift - self.left
        return low, OPEN if self.right is None else shift + self.right

    def shows(self, distance: Tensor) -> Tensor | None:
        """Where keys at these signed distances from the query are seen; None where all are."""
        before = None if self.left is None else distance >= -self.left
        after = None if self.right is None else distance <= self.right
        if before is None or after is None:
            return after if before is None else before
        return before & after
