"""Recurrent layers that run over all steps, or one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Memory


class Cell(Enum):
    """Which recurrent cell: GRU (Cho et al. 2014) or LSTM (Hochreiter and Schmidhuber 1997)."""

    GRU = "gru"
    LSTM = "lstm"


Hidden = tuple[Tensor, ...]


class Recurrence(nn.Module):
    """Stacked recurrent layers whose hidden state is a tuple of tensors (layers, batch, size).

    A GRU has one such tensor, an LSTM two. `forward` takes (batch, time, input size).
    """

    def __init__(self, cell: Cell, input_size: int, size: int, layers: int, dropout: float) -> None:
        super().__init__()
        kind = {Cell.GRU: nn.GRU, Cell.LSTM: nn.LSTM}[cell]
        between = dropout if layers > 1 else 0.0
        self.layers = kind(input_size, size, layers, dropout=between, batch_first=True)
        self.count = {Cell.GRU: 1, Cell.LSTM: 2}[cell]
        initialise(self.layers)

    def forward(self, inputs: Float[Tensor, "batch time input"], hidden: Hidden) -> tuple[Tensor, Hidden]:
        """Outputs (batch, time, size) and the hidden state after the last step."""
        # Autocast narrows inside of the layers; what enters has to be of one dtype.
        dtype = self.layers.weight_ih_l0.dtype
        before = tuple(tensor.to(dtype) for tensor in hidden)
        outputs, after = self.layers(inputs.to(dtype), before if len(before) > 1 else before[0])
        return outputs, after if isinstance(after, tuple) else (after,)


class Bridge(nn.Module):
    """The decoder's first hidden state, from a vector of the whole source.

    hidden_0 = tanh(W final + b), every layer and tensor of the state with its own W   (Bahdanau et al., A.2.2)
    """

    def __init__(self, recurrence: Recurrence, final_size: int) -> None:
        super().__init__()
        self.shape = (recurrence.count, recurrence.layers.num_layers, recurrence.layers.hidden_size)
        self.linear = nn.Linear(final_size, self.shape[0] * self.shape[1] * self.shape[2])

    def forward(self, final: Float[Tensor, "batch size"]) -> Hidden:
        """Tensors (layers, batch, size)."""
        hidden = self.linear(final).tanh().unflatten(-1, self.shape)
        return tuple(hidden.permute(1, 2, 0, 3).contiguous().unbind(0))


@dataclass(frozen=True)
class RecurrentState:
    """Between two steps: the hidden state, the source to look at, what was just read, and the time."""

    hidden: Hidden
    memory: Memory | None
    lengths: Tensor
    fed: Tensor | None
    time: int

    def select(self, index: Int[Tensor, " chosen"]) -> RecurrentState:
        """The state of the chosen rows of the batch."""
        return RecurrentState(
            tuple(tensor.index_select(1, index) for tensor in self.hidden),
            None if self.memory is None else self.memory.select(index),
            self.lengths.index_select(0, index),
            None if self.fed is None else self.fed.index_select(0, index),
            self.time,
        )


def initialise(recurrent: nn.RNNBase) -> None:
    """Orthogonal recurrent matrices, and an LSTM that begins by remembering (forget gate 1)."""
    for name, parameter in recurrent.named_parameters():
        if "weight_hh" in name:
            for gate in parameter.data.split(recurrent.hidden_size):
                nn.init.orthogonal_(gate)
        elif "weight_ih" in name:
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.zeros_(parameter)
            if isinstance(recurrent, nn.LSTM) and "bias_ih" in name:
                parameter.data[recurrent.hidden_size : 2 * recurrent.hidden_size] = 1.0
