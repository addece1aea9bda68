"""A learned number for every distance."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from regard.attention.space import Space, Tile
from regard.attention.wheres.alibi import check_heads
from regard.attention.wheres.where import Kind, Seen, Where


@dataclass(frozen=True, eq=False)
class RelativeBias(Where):
    """Add to each score the number that a table has for its distance.

    score(i, j)  +  table[..., R + clip(j - (i + Tk - Tq), -R, R)]

    Positions are aligned at the end, as in Causal(). Keys farther than R share the last entry. The table, and not
    Tq x Tk numbers, receives the gradient.

    Args:
        table: (heads, 2 R + 1), or (2 R + 1,) for all heads; entry R is for the position itself.

    Raises:
        ValueError: the table's last size is even, or it has not one row for each head.

    Example:
        >>> import regard as rg, torch
        >>> bias = rg.RelativeBias(torch.tensor([0.0, 1.0, 0.0]))
        >>> rg.weights(torch.zeros(2, 1), torch.zeros(2, 1), where=bias)
        tensor([[0.7311, 0.2689],
                [0.2689, 0.7311]])

    Source: Shaw, Uszkoreit and Vaswani 2018, section 3.2 (clipped distances); Raffel et al. 2020 (a number for each).
    """

    table: Float[Tensor, ...]

    def __post_init__(self) -> None:
        if self.table.dim() not in (1, 2) or self.table.shape[-1] % 2 == 0:
            raise ValueError(
                f"table has shape {tuple(self.table.shape)}, expected (heads, 2 R + 1) or (2 R + 1,): as many "
                "entries to the left as to the right, and one for the position itself."
            )

    def seen(self, tile: Tile) -> Seen:
        radius = self.table.shape[-1] // 2
        away = tile.column_index() - tile.row_index() - (tile.space.keys - tile.space.queries)
        table = self.table[None] if self.table.dim() == 1 else self.table[tile.heads.start : tile.heads.stop]
        return Seen(prior=table[:, away.clamp(-radius, radius) + radius][None])

    def check(self, space: Space) -> None:
        check_heads("table", self.table, space, self.table.dim() - 1)

    def without_first(self, count: int) -> Where:
        return self

    def learned(self) -> tuple[Tensor, ...]:
        return (self.table,)

    @property
    def kind(self) -> Kind:
        return Kind.PRIOR
