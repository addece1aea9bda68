"""No query sees the future."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from regard.attention.space import Space, Tile
from regard.attention.wheres.where import Seen, Where


@dataclass(frozen=True)
class Causal(Where):
    """Hide every key that comes after the query.

    align="end":    query i of Tq sees keys 0 .. Tk - Tq + i   (the last query sees all; a cache of keys)
    align="start":  query i sees keys 0 .. i

    Raises:
        ValueError: align is neither "end" nor "start".

    Example:
        >>> import regard as rg, torch
        >>> rg.weights(torch.zeros(2, 1), torch.zeros(3, 1), where=rg.Causal())
        tensor([[0.5000, 0.5000, 0.0000],
                [0.3333, 0.3333, 0.3333]])

    Source: Vaswani et al. 2017, section 3.2.3 (masking in the decoder).
    """

    align: Literal["end", "start"] = "end"

    def __post_init__(self) -> None:
        if self.align not in ("end", "start"):
            raise ValueError(f"align is {self.align!r}, expected 'end' or 'start'.")

    def _shift(self, space: Space) -> int:
        return space.keys - space.queries if self.align == "end" else 0

    def seen(self, tile: Tile) -> Seen:
        shift = self._shift(tile.space)
        if tile.columns.stop - 1 <= tile.rows.start + shift:
            return Seen()
        return Seen((tile.column_index() <= tile.row_index() + shift)[None, None])

    def span(self, rows: range, space: Space) -> range:
        return range(max(0, min(space.keys, rows.stop + self._shift(space))))
