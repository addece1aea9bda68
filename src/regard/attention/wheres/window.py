"""Only neighbours are seen."""

from __future__ import annotations

from dataclasses import dataclass

from regard.attention.space import Space, Tile
from regard.attention.wheres.where import Seen, Where


@dataclass(frozen=True)
class Window(Where):
    """Show `left` keys before and `right` keys after the query's own position, and that position itself.

    visible(i, j)  =  i + Tk - Tq - left  <=  j  <=  i + Tk - Tq + right

    Window(4, 0) therefore shows five keys. Positions are aligned at the end, as in Causal().

    Raises:
        ValueError: left or right is negative.

    Example:
        >>> import regard as rg, torch
        >>> rg.weights(torch.zeros(3, 1), torch.zeros(3, 1), where=rg.Window(1, 0))
        tensor([[1.0000, 0.0000, 0.0000],
                [0.5000, 0.5000, 0.0000],
                [0.0000, 0.5000, 0.5000]])

    Source: Beltagy, Peters and Cohan 2020, section 3.1 (sliding window).
    """

    left: int
    right: int

    def __post_init__(self) -> None:
        if self.left < 0 or self.right < 0:
            raise ValueError(
                f"left is {self.left} and right is {self.right}; both count visible neighbours beside the "
                "position itself and cannot be negative."
            )

    def seen(self, tile: Tile) -> Seen:
        offset = tile.column_index() - tile.row_index() - (tile.space.keys - tile.space.queries)
        return Seen(((offset >= -self.left) & (offset <= self.right))[None, None])

    def span(self, rows: range, space: Space) -> range:
        shift = space.keys - space.queries
        start = max(0, rows.start + shift - self.left)
        return range(min(start, space.keys), max(0, min(space.keys, rows.stop + shift + self.right)))
