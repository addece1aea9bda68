"""Ways in which the words of a sentence learn of each other."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Lengths, Weighing
from regard.layers import Dropout, MultiHead, Sinusoidal
from regard.models.recurrence import Cell
from regard.models.transformer_encoder import EncoderLayer
from regard.models.transformer_parts import LayerSizes
from regard.models.two_ways import TwoWays


class RecurrentContext(nn.Module):
    """Recurrent layers in both directions; between two of them, and behind the last, dropout.

    Source: Huang, Xu and Yu 2015, section 2.3.
    """

    def __init__(self, cell: Cell, input_size: int, hidden_size: int, layers: int, dropout: float) -> None:
        super().__init__()
        sizes = [input_size] + [2 * hidden_size] * (layers - 1)
        self.layers = nn.ModuleList(TwoWays(cell, size, hidden_size) for size in sizes)
        self.dropout = Dropout(dropout)
        self.size = 2 * hidden_size

    def forward(
        self, inputs: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time size"]:
        """States of every word."""
        for layer in self.layers:
            inputs = self.dropout(layer(inputs, lengths))
        return inputs


class AttentiveContext(nn.Module):
    """Recurrent layers, then every word looks at all of them.

    h = recurrent(x),   y = norm(h + MultiHead(h, h, h))

    Source: the layers are those of Huang, Xu and Yu 2015 and of Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, recurrent: RecurrentContext, heads: int, weigh: Weighing, dropout: float) -> None:
        super().__init__()
        self.recurrent, self.size = recurrent, recurrent.size
        self.attention = MultiHead(self.size, heads, weigh=weigh)
        self.norm, self.dropout = nn.LayerNorm(self.size), Dropout(dropout)

    def forward(
        self, inputs: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time size"]:
        """States of every word."""
        states = self.recurrent(inputs, lengths)
        return self.norm(states + self.dropout(self.attention(states, states, Lengths(lengths))))


class SelfAttentiveContext(nn.Module):
    """A Transformer's encoder over vectors of words.

    Source: Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, input_size: int, layers: int, sizes: LayerSizes) -> None:
        super().__init__()
        self.inside = nn.Linear(input_size, sizes.size)
        self.positions = Sinusoidal(sizes.size)
        self.layers = nn.ModuleList(EncoderLayer(sizes) for _ in range(layers))
        self.last, self.size = sizes.last(), sizes.size

    def forward(
        self, inputs: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time size"]:
        """States of every word."""
        states = self.positions(self.inside(inputs))
        for layer in self.layers:
            states = layer(states, Lengths(lengths))
        return self.last(states)
