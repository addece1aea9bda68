"""Recurrent layers that read padded sequences in both directions."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.models.recurrence import Cell, Recurrence


class BothWays(nn.Module):
    """One recurrent layer a direction; what lies behind a sequence's end is never read.

    h_t = [forward_t ; backward_t],   final = [forward_T ; backward_1]

    Args:
        cell: GRU or LSTM.
        input_size: size of the inputs.
        hidden_size: size of each direction.

    Example:
        >>> import torch
        >>> states, final = BothWays(Cell.LSTM, 5, 3)(torch.zeros(2, 7, 5), torch.tensor([7, 4]))
        >>> states.shape, final.shape
        (torch.Size([2, 7, 6]), torch.Size([2, 6]))

    Source: Schuster and Paliwal 1997.
    """

    def __init__(self, cell: Cell, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.onward = Recurrence(cell, input_size, hidden_size, 1, 0.0)
        self.back = Recurrence(cell, input_size, hidden_size, 1, 0.0)
        self.size = 2 * hidden_size

    def forward(
        self, inputs: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch time size"], Float[Tensor, "batch size"]]:
        """States of every position and the final one; states behind an end mean nothing, but are finite."""
        # The backward layer reads each sequence turned round, so that padding comes last for both and spoils nothing.
        places = torch.arange(inputs.shape[1], device=lengths.device)
        mirrored = lengths[:, None] - 1 - places
        inputs = inputs.masked_fill((mirrored < 0).unsqueeze(-1), 0.0)
        turned = torch.where(mirrored >= 0, mirrored, places)
        left, right = _read(self.onward, inputs), _read(self.back, _moved(inputs, turned))
        last = (lengths - 1).clamp(min=0)[:, None]
        final = _moved(torch.cat((left, right), -1), last).squeeze(1)
        return torch.cat((left, _moved(right, turned)), -1), final


def _read(recurrence: Recurrence, inputs: Tensor) -> Tensor:
    """Outputs from a state of zeros."""
    size, dtype = recurrence.layers.hidden_size, recurrence.layers.weight_ih_l0.dtype
    start = inputs.new_zeros((1, inputs.shape[0], size), dtype=dtype)
    return recurrence(inputs, (start,) * recurrence.count)[0]


def _moved(inputs: Tensor, places: Tensor) -> Tensor:
    """Inputs (batch, time, size) taken from places (batch, time)."""
    return inputs.gather(1, places.unsqueeze(-1).expand(-1, -1, inputs.shape[-1]))
