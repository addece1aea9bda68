"""No query sees the future."""

from __future__ import annotations

from dataclasses import dataclass, field

from regard.attention.native.terms import Code, Program, Step
from regard.attention.space import Space, Tile
from regard.attention.wheres.band import Align, Band
from regard.attention.wheres.where import Documents, Seen, Simple, Where


@dataclass(frozen=True)
class Causal(Where):
    """Hide every key that comes after the query.

    align="end":    query i of Tq sees keys 0 .. Tk - Tq + i   (the last query sees all; a cache of keys)
    align="start":  query i sees keys 0 .. i
    align=n:        query i sees keys 0 .. n + i         (n keys come before the first query, more may follow)

    Beside Segments, i, Tq and Tk are counted in each document.

    Raises:
        ValueError: align is neither "end" nor "start" nor a whole number.

    Example:
        >>> import regard as rg, torch
        >>> rg.weights(torch.zeros(2, 1), torch.zeros(3, 1), where=rg.Causal())
        tensor([[0.5000, 0.5000, 0.0000],
                [0.3333, 0.3333, 0.3333]])

    Source: Vaswani et al. 2017, section 3.2.3 (masking in the decoder).
    """

    align: Align = "end"
    band: Band = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "band", Band(right=0, align=self.align))

    def _shift(self, space: Space) -> int:
        return self.band.shift(space.queries, space.keys)

    def within(self, documents: Documents) -> Where:
        return documents.banded(self.band)

    def seen(self, tile: Tile) -> Seen:
        shift = self._shift(tile.space)
        if tile.columns.stop - 1 <= tile.rows.start + shift:
            return Seen()
        return Seen((tile.column_index() <= tile.row_index() + shift)[None, None])

    def span(self, rows: range, space: Space) -> range:
        return range(max(0, min(space.keys, rows.stop + self._shift(space))))

    def simple(self, space: Space) -> Simple | None:
        return Simple(causal=True) if self._shift(space) == 0 else None

    def program(self, space: Space) -> Program:
        return Program((Step(Code.BAND, self.band.limits(self._shift(space))),))

    def without_first(self, count: int) -> Where:
        return self if self.band.align == "end" else super().without_first(count)
