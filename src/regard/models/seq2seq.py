"""An encoder and a decoder: from one sequence to another."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.models.encoded import Decoder, Encoded, Encoder


class Seq2Seq(nn.Module):
    """Encode a source, decode a target.

    p(y | x) = prod_t softmax(output(features_t)),   features = decoder(encoder(x), y_{<t})

    Args:
        encoder: turns (tokens, lengths) into Encoded.
        decoder: turns Encoded and previous tokens into features; owns the output layer.

    Example:
        >>> import torch
        >>> from regard.models import Recurrent
        >>> model = Recurrent(embedding_size=8, hidden_size=8).build(11, 13)
        >>> source, lengths, inputs = torch.ones(2, 5).long(), torch.tensor([5, 3]), torch.ones(2, 7).long()
        >>> model(source, lengths, inputs).shape
        torch.Size([2, 7, 8])
    """

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(
        self,
        source: Int[Tensor, "batch source"],
        lengths: Int[Tensor, " batch"],
        inputs: Int[Tensor, "batch target"],
    ) -> Float[Tensor, "batch target features"]:
        """Features of every step, given the true previous tokens."""
        return self.decoder(self.encoder(source, lengths), inputs)

    def encode(self, source: Int[Tensor, "batch source"], lengths: Int[Tensor, " batch"]) -> Encoded:
        """The encoded source, for a search."""
        return self.encoder(source, lengths)
