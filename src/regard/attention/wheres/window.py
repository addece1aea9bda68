"""Only neighbours are seen."""

from __future__ import annotations

from dataclasses import dataclass, field

from regard.attention.native.terms import Code, Program, Step
from regard.attention.space import Space, Tile
from regard.attention.wheres.band import Align, Band
from regard.attention.wheres.where import Documents, Seen, Where


@dataclass(frozen=True)
class Window(Where):
    """Show `left` keys before and `right` keys after the query's own position, and that position itself.

    visible(i, j)  =  i + Tk - Tq - left  <=  j  <=  i + Tk - Tq + right

    Window(4, 0) therefore shows five keys. Positions are aligned at the end, as in Causal(); align="start" puts 0
    in the place of Tk - Tq, and align=n puts n there. Beside Segments, i, Tq and Tk are counted in each document.

    Args:
        left: visible keys before the query's own position; None means all.
        right: visible keys after it; None means all.
        align: "end" puts the last query beside the last key, "start" the first beside the first, and a number
            the first query beside the key at that position.

    Raises:
        ValueError: left or right is negative; align is neither "end" nor "start" nor a whole number.

    Example:
        >>> import regard as rg, torch
        >>> rg.weights(torch.zeros(3, 1), torch.zeros(3, 1), where=rg.Window(1, 0))
        tensor([[1.0000, 0.0000, 0.0000],
                [0.5000, 0.5000, 0.0000],
                [0.0000, 0.5000, 0.5000]])

    Source: Beltagy, Peters and Cohan 2020, section 3.1 (sliding window).
    """

    left: int | None
    right: int | None
    align: Align = "end"
    band: Band = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if min(self.left or 0, self.right or 0) < 0:
            raise ValueError(
                f"left is {self.left} and right is {self.right}; both count visible neighbours beside the "
                "position itself and cannot be negative. For no limit give None."
            )
        object.__setattr__(self, "band", Band(self.left, self.right, self.align))

    def within(self, documents: Documents) -> Where:
        return documents.banded(self.band)

    def seen(self, tile: Tile) -> Seen:
        shift = self.band.shift(tile.space.queries, tile.space.keys)
        visible = self.band.shows(tile.column_index() - tile.row_index() - shift)
        return Seen(None if visible is None else visible[None, None])

    def span(self, rows: range, space: Space) -> range:
        shift = self.band.shift(space.queries, space.keys)
        start = 0 if self.left is None else max(0, rows.start + shift - self.left)
        stop = space.keys if self.right is None else rows.stop + shift + self.right
        return range(min(start, space.keys), max(0, min(space.keys, stop)))

    def program(self, space: Space) -> Program:
        return Program((Step(Code.BAND, self.band.limits(self.band.shift(space.queries, space.keys))),))

    def without_first(self, count: int) -> Where:
        return self if self.band.align == "end" else super().without_first(count)
