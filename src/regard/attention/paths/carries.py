"""What passes from rows to the rows after them, kept for the backward."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from regard.attention.space import Tile


@dataclass
class Carries:
    """The carry before every block of rows, (blocks, batch, heads, 1, keys), in memory made once.

    Pieces that are small and live long, made between large ones that do not, would keep the memory of the large ones
    from being used again: all tiles together are Tq x Tk. `kept` is None where nothing is carried. `rows` is the
    number of rows of a block, all but the last.
    """

    rows: int
    kept: Tensor | None = None

    def keep(self, carry: Tensor | None, tile: Tile) -> None:
        """Keep the carry of a tile for the block after it."""
        if carry is None or tile.rows.stop == tile.space.queries:
            return
        if self.kept is None:
            space = tile.space
            blocks = -(-space.queries // self.rows)
            self.kept = carry.new_empty((blocks, space.batch, space.heads, 1, carry.shape[-1]))
        self.kept[self._block(tile) + 1][tile.index[:2]] = carry

    def before(self, tile: Tile) -> Tensor | None:
        """The carry that a tile begins with; None where nothing came before."""
        if self.kept is None or tile.rows.start == 0:
            return None
        return self.kept[self._block(tile)][tile.index[:2]]

    def _block(self, tile: Tile) -> int:
        return tile.rows.start // self.rows
