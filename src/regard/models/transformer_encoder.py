"""The Transformer's encoder: every position sees every position."""

from __future__ import annotations

from jaxtyping import Int
from torch import Tensor, nn

from regard.attention import Lengths, Where
from regard.models.encoded import Encoded
from regard.models.transformer_parts import Embedded, LayerSizes


class EncoderLayer(nn.Module):
    """Self-attention, then a position-wise network."""

    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.attention, self.feed_forward = sizes.attention(), sizes.feed_forward()
        self.around_attention, self.around_feed_forward = sizes.residual(), sizes.residual()

    def forward(self, inputs: Tensor, where: Where) -> Tensor:
        """The layer at every position."""
        attended = self.around_attention(inputs, lambda x: self.attention(x, x, where))
        return self.around_feed_forward(attended, self.feed_forward)


class TransformerEncoder(nn.Module):
    """Read a source by self-attention.

    Args:
        vocabulary_size: number of source tokens; token 0 is padding.
        layers: stacked layers.
        sizes: sizes of a layer.

    Source: Vaswani et al. 2017, section 3.1; pre-norm: Xiong et al. 2020.
    """

    def __init__(self, vocabulary_size: int, layers: int, sizes: LayerSizes) -> None:
        super().__init__()
        self.embedded = Embedded(vocabulary_size, sizes.size, sizes.dropout)
        self.layers = nn.ModuleList(EncoderLayer(sizes) for _ in range(layers))
        self.last = sizes.last()
        self.size = sizes.size

    def forward(self, tokens: Int[Tensor, "batch source"], lengths: Int[Tensor, " batch"]) -> Encoded:
        """Encode a padded batch; `final` is the mean of the real positions."""
        where = Lengths(lengths)
        states = self.embedded(tokens)
        for layer in self.layers:
            states = layer(states, where)
        states = self.last(states)
        real = (tokens != 0).unsqueeze(-1)
        final = (states * real).sum(1) / lengths.clamp(min=1).unsqueeze(-1)
        return Encoded(states, lengths, final)
