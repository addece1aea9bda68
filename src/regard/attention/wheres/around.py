"""Only keys near a centre are seen: Luong's local attention."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Real
from torch import Tensor

from regard.attention.native.terms import Code, Program, Step, single, strided
from regard.attention.space import Space, Tile
from regard.attention.wheres.where import Kind, Seen, Where


@dataclass(frozen=True, eq=False)
class Around(Where):
    """Show keys within `radius` of a centre, and with `gaussian` let their weight fade with distance.

    visible(i, j)  =  centre_i - radius  <=  j  <=  centre_i + radius
    gaussian:         weight(i, j) * exp(-(j - centre_i)^2 / (2 sigma^2)),   sigma = radius / 2

    The factor comes after normalising and the weights are not normalised again, so a row then sums to less
    than one. A centre that is predicted (local-p) is a real number and receives its gradient through the
    factor; local-m puts the centre at the query's own position and uses no factor.

    Args:
        centre: position of the centre in keys, one for each query; broadcasts to (..., Tq).
        radius: D, keys on each side, a positive number.
        gaussian: whether weights fade.

    Raises:
        ValueError: radius is not positive; centre does not broadcast to the queries.

    Example:
        >>> import regard as rg, torch
        >>> where = rg.Around(torch.tensor([1.5]), 1.0)
        >>> rg.weights(torch.zeros(1, 1), torch.zeros(4, 1), where=where)
        tensor([[0.0000, 0.5000, 0.5000, 0.0000]])

    Source: Luong, Pham and Manning 2015, section 3.2 and equation 10.
    """

    centre: Real[Tensor, ...]
    radius: float
    gaussian: bool = False

    def __post_init__(self) -> None:
        if self.radius <= 0:
            raise ValueError(f"radius is {self.radius}, expected a positive number of keys on each side.")

    def _lifted(self, space: Space) -> Tensor:
        return space.lift_cells(self.centre.unsqueeze(-1), "centre (with an axis of keys)")

    def seen(self, tile: Tile) -> Seen:
        distance = tile.column_index() - tile.cut(self._lifted(tile.space))
        visible = distance.detach().abs() <= self.radius
        if not self.gaussian:
            return Seen(visible)
        sigma = self.radius / 2
        return Seen(visible, factor=torch.exp(-distance.square() / (2 * sigma * sigma)))

    def check(self, space: Space) -> None:
        self._lifted(space)

    def program(self, space: Space) -> Program:
        centre, *strides = strided(single(self._lifted(space)), 3)
        # What is shown changes in steps, of which there is no gradient.
        shown = (Step(Code.AROUND, (centre.detach(), *strides, float(self.radius))),)
        return Program(shown, (Step(Code.GAUSS, (centre, *strides, self.radius / 2)),) if self.gaussian else ())

    def select(self, index: Tensor) -> Where:
        varies = self.centre.dim() > 1 and self.centre.shape[0] > 1
        return Around(self.centre.index_select(0, index) if varies else self.centre, self.radius, self.gaussian)

    def without_first(self, count: int) -> Where:
        return Around(self.centre - count, self.radius, self.gaussian)

    def learned(self) -> tuple[Tensor, ...]:
        return (self.centre,) if self.gaussian else ()

    @property
    def kind(self) -> Kind:
        return Kind.PRIOR if self.gaussian else Kind.MASK
