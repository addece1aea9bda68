"""Numbers added to the scores."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention.native.terms import Code, Program, Step, single, strided
from regard.attention.space import Space, Tile
from regard.attention.tracing import concrete
from regard.attention.wheres.mask import from_key, select_batch
from regard.attention.wheres.where import Kind, Seen, Where


@dataclass(frozen=True, eq=False)
class Bias(Where):
    """Add given numbers to the scores; they may be learned.

    score(i, j)  +  tensor[..., i, j]

    Minus infinity hides a key.

    Args:
        tensor: numbers that broadcast to (..., Tq, Tk); it receives a gradient where it asks for one.

    Raises:
        ValueError: the tensor is boolean or whole numbers, or does not broadcast to the scores.

    Example:
        >>> import regard as rg, torch
        >>> bias = rg.Bias(torch.tensor([[0.0, 1.0, -torch.inf]]))
        >>> rg.weights(torch.zeros(1, 1), torch.zeros(3, 1), where=bias)
        tensor([[0.2689, 0.7311, 0.0000]])

    Source: Raffel et al. 2020, section 2.1 (a learned number added to each score).
    """

    tensor: Float[Tensor, ...]
    hides: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.tensor.is_floating_point():
            raise ValueError(
                f"Bias has dtype {self.tensor.dtype}, expected a floating-point dtype; for True = may be seen "
                "use Mask."
            )
        hides = not concrete() or bool(torch.isneginf(self.tensor.detach()).any())
        object.__setattr__(self, "hides", hides)

    def seen(self, tile: Tile) -> Seen:
        prior = tile.cut(tile.space.lift_cells(self.tensor, "Bias"))
        return Seen(visible=~torch.isneginf(prior.detach()) if self.hides else None, prior=prior)

    def check(self, space: Space) -> None:
        space.lift_cells(self.tensor, "Bias")

    def program(self, space: Space) -> Program:
        prior = single(space.lift_cells(self.tensor, "Bias"))
        visible = (Step(Code.MASK, strided(~torch.isneginf(prior.detach()), 4)),) if self.hides else ()
        return Program(visible, (Step(Code.BIAS, strided(prior, 4)),))

    def select(self, index: Tensor) -> Where:
        return Bias(select_batch(self.tensor, index))

    def without_first(self, count: int) -> Where:
        return Bias(from_key(self.tensor, count))

    def learned(self) -> tuple[Tensor, ...]:
        return (self.tensor,)

    @property
    def kind(self) -> Kind:
        return Kind.PRIOR
