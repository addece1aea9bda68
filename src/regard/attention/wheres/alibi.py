"""Far keys lose, in proportion to their distance."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from regard.attention.native.terms import Code, Program, Step, single
from regard.attention.space import Space, Tile
from regard.attention.wheres.where import Kind, Seen, Where


@dataclass(frozen=True, eq=False)
class Alibi(Where):
    """Take from each score what its distance costs.

    score(i, j)  -  slope * |i + Tk - Tq - j|

    Positions are aligned at the end, as in Causal(). Nothing is hidden; add it to a mask: Causal() + Alibi(slopes).
    The slopes of the paper are `regard.layers.alibi_slopes(heads)`.

    Args:
        slopes: one for each head, (heads,), or one number for all, (); they may be learned.

    Raises:
        ValueError: slopes has more than one axis, or not one slope for each head.

    Example:
        >>> import regard as rg, torch
        >>> rg.weights(torch.zeros(1, 1), torch.zeros(3, 1), where=rg.Alibi(torch.tensor(1.0)))
        tensor([[0.0900, 0.2447, 0.6652]])

    Source: Press, Smith and Lewis 2022, section 3.
    """

    slopes: Float[Tensor, ...]

    def seen(self, tile: Tile) -> Seen:
        away = tile.column_index() - tile.row_index() - (tile.space.keys - tile.space.queries)
        return Seen(prior=-per_head(self.slopes, tile)[:, None, None] * away.abs())

    def check(self, space: Space) -> None:
        check_heads("slopes", self.slopes, space, self.slopes.dim())

    def program(self, space: Space) -> Program:
        slopes = single(self.slopes).expand(space.heads).contiguous()
        return Program(priors=(Step(Code.SLOPE, (slopes, 1, space.keys - space.queries)),))

    def without_first(self, count: int) -> Where:
        return self

    def learned(self) -> tuple[Tensor, ...]:
        return (self.slopes,)

    @property
    def kind(self) -> Kind:
        return Kind.PRIOR


def check_heads(name: str, tensor: Tensor, space: Space, leading: int) -> None:
    """Raise ValueError where a tensor has `leading` axes of heads that do not fit the space."""
    if leading > 1 or (leading == 1 and len(tensor) != space.heads):
        raise ValueError(
            f"{name} has shape {tuple(tensor.shape)}, but there are {space.heads} heads; give one entry for each "
            "head, or leave that axis out."
        )


def per_head(tensor: Tensor, tile: Tile) -> Tensor:
    """The entries of a tile's heads, (heads or 1,)."""
    return tensor[tile.heads.start : tile.heads.stop] if tensor.dim() else tensor[None]
