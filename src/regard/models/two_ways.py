"""A sequence read in both directions, padding never."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.models.recurrence import Cell, Recurrence


class TwoWays(nn.Module):
    """Two recurrences, one onward and one back, joined at every position.

    h_j = [forward_j ; backward_j]

    The one that reads backward begins at the last real position, so a sequence is read alike in any batch.

    Args:
        cell: GRU or LSTM.
        input_size: size of an input.
        hidden_size: size of each direction.

    Example:
        >>> import torch
        >>> from regard.models.recurrence import Cell
        >>> from regard.models.two_ways import TwoWays
        >>> TwoWays(Cell.GRU, 3, 5)(torch.randn(2, 7, 3), torch.tensor([7, 2])).shape
        torch.Size([2, 7, 10])

    Source: Schuster and Paliwal 1997.
    """

    def __init__(self, cell: Cell, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.onward = Recurrence(cell, input_size, hidden_size, 1, 0.0)
        self.back = Recurrence(cell, input_size, hidden_size, 1, 0.0)

    def forward(
        self, inputs: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time both"]:
        """The states of both directions at every position."""
        mirror = turned(inputs.shape[1], lengths)
        left, right = states(self.onward, inputs), states(self.back, moved(inputs, mirror))
        return torch.cat((left, moved(right, mirror)), -1)


def states(recurrence: Recurrence, inputs: Float[Tensor, "batch time input"]) -> Tensor:
    """What a recurrence says at every position, from a state of zeros."""
    size, dtype = recurrence.layers.hidden_size, recurrence.layers.weight_ih_l0.dtype
    start = inputs.new_zeros((1, inputs.shape[0], size), dtype=dtype)
    return recurrence(inputs, (start,) * recurrence.count)[0]


def turned(time: int, lengths: Int[Tensor, " batch"]) -> Int[Tensor, "batch time"]:
    """Where each position lies in its sequence turned round; padding stays, so that it comes last both ways."""
    places = torch.arange(time, device=lengths.device)
    mirrored = lengths[:, None] - 1 - places
    return torch.where(mirrored >= 0, mirrored, places)


def moved(inputs: Float[Tensor, "batch time size"], places: Int[Tensor, "batch places"]) -> Tensor:
    """Inputs taken from places of their own sequence."""
    return inputs.gather(1, places.unsqueeze(-1).expand(-1, -1, inputs.shape[-1]))
