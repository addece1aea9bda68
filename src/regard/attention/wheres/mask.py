"""A mask given as a tensor."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from regard.attention.native.terms import Code, Program, Step, strided
from regard.attention.space import Space, Tile
from regard.attention.wheres.where import Seen, Where


@dataclass(frozen=True, eq=False)
class Mask(Where):
    """Show the keys for which a given tensor is True.

    visible(i, j)  =  tensor[..., i, j]

    Args:
        tensor: booleans that broadcast to (..., Tq, Tk); True means the key may be seen.

    Raises:
        ValueError: the tensor is not boolean, or does not broadcast to the scores.

    Example:
        >>> import regard as rg, torch
        >>> mask = rg.Mask(torch.tensor([[True, False, True]]))
        >>> rg.weights(torch.zeros(1, 1), torch.zeros(3, 1), where=mask)
        tensor([[0.5000, 0.0000, 0.5000]])

    Source: Vaswani et al. 2017, section 3.2.3 (hidden scores are set to minus infinity).
    """

    tensor: Bool[Tensor, ...]

    def __post_init__(self) -> None:
        if self.tensor.dtype != torch.bool:
            raise ValueError(
                f"Mask has dtype {self.tensor.dtype}, expected torch.bool with True = may be seen; for numbers "
                "to add to the scores use Bias."
            )

    def seen(self, tile: Tile) -> Seen:
        return Seen(tile.cut(tile.space.lift_cells(self.tensor, "Mask")))

    def check(self, space: Space) -> None:
        space.lift_cells(self.tensor, "Mask")

    def program(self, space: Space) -> Program:
        return Program((Step(Code.MASK, strided(space.lift_cells(self.tensor, "Mask"), 4)),))

    def select(self, index: Tensor) -> Where:
        return Mask(select_batch(self.tensor, index))

    def without_first(self, count: int) -> Where:
        return Mask(from_key(self.tensor, count))


def from_key(tensor: Tensor, first: int) -> Tensor:
    """The entries of the keys from `first` on, where the tensor has an axis of keys that varies."""
    return tensor[..., first:] if tensor.shape[-1] > 1 else tensor


def select_batch(tensor: Tensor, index: Tensor) -> Tensor:
    """Rows `index` of the batch, where the tensor has a batch axis that varies."""
    varies = tensor.dim() > 2 and tensor.shape[0] > 1
    return tensor.index_select(0, index) if varies else tensor
