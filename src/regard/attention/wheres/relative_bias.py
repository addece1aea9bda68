"""A learned number for every distance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention.native.terms import Code, Program, Step, single
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
        radius, rows, columns = self.table.shape[-1] // 2, len(tile.rows), len(tile.columns)
        table = self.table[None] if self.table.dim() == 1 else self.table[tile.heads.start : tile.heads.stop]
        # A row is the one before it, moved on by one. So one row is looked up, closed to a ring that holds the
        # distances of all rows, and read again and again, each time one place short of a whole turn.
        ring = rows + columns
        steps = torch.arange(ring, device=tile.space.device)
        first = tile.columns.start - tile.rows.start - (tile.space.keys - tile.space.queries)
        away = torch.where(steps < columns, steps, steps - ring) + first
        around = table[:, away.clamp(-radius, radius) + radius].repeat(1, rows)[:, : rows * (ring - 1)]
        return Seen(prior=around.view(1, -1, rows, ring - 1)[..., :columns])

    def check(self, space: Space) -> None:
        check_heads("table", self.table, space, self.table.dim() - 1)

    def program(self, space: Space) -> Program:
        table = single(self.table).contiguous()
        size, step = table.shape[-1], 0 if table.dim() == 1 else table.shape[-1]
        return Program(priors=(Step(Code.TABLE, (table, step, size // 2, space.keys - space.queries)),))

    def without_first(self, count: int) -> Where:
        return self

    def learned(self) -> tuple[Tensor, ...]:
        return (self.table,)

    @property
    def kind(self) -> Kind:
        return Kind.PRIOR
