"""A bidirectional recurrent encoder."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor, nn

from regard.layers import Dropout
from regard.models.embedding import Embedding
from regard.models.encoded import Encoded
from regard.models.recurrence import Cell, Recurrence
from regard.models.two_ways import moved, states, turned


class RecurrentEncoder(nn.Module):
    """Read a source in both directions.

    h_j = [forward_j ; backward_j],   final = [forward_S ; backward_1]

    Padding is never read, so a sentence is encoded alike in any batch.

    Args:
        vocabulary_size: number of source tokens; token 0 is padding.
        embedding_size: size of a token's vector.
        hidden_size: size of each direction.
        layers: stacked layers.
        cell: GRU or LSTM.
        dropout: rate on embeddings and between layers.

    Example:
        >>> import torch
        >>> from regard.models import Cell, RecurrentEncoder
        >>> encoder = RecurrentEncoder(11, 4, 3, 1, Cell.GRU, 0.0)
        >>> encoder(torch.tensor([[5, 6, 7], [5, 0, 0]]), torch.tensor([3, 1])).states.shape
        torch.Size([2, 3, 6])

    Source: Bahdanau, Cho and Bengio 2015, section 3.2.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        hidden_size: int,
        layers: int,
        cell: Cell,
        dropout: float,
    ) -> None:
        super().__init__()
        self.embedding = Embedding(vocabulary_size, embedding_size)
        self.dropout = Dropout(dropout)
        sizes = [embedding_size] + [2 * hidden_size] * (layers - 1)
        self.onward = nn.ModuleList(Recurrence(cell, size, hidden_size, 1, 0.0) for size in sizes)
        self.back = nn.ModuleList(Recurrence(cell, size, hidden_size, 1, 0.0) for size in sizes)
        self.size = 2 * hidden_size

    def forward(self, tokens: Int[Tensor, "batch source"], lengths: Int[Tensor, " batch"]) -> Encoded:
        """Encode a padded batch."""
        # The backward layers read each source turned round, so that padding comes last for both and spoils nothing.
        mirror = turned(tokens.shape[1], lengths)
        last = (lengths - 1).clamp(min=0)[:, None]
        inputs = self.dropout(self.embedding(tokens))
        for onward, back in zip(self.onward, self.back, strict=True):
            assert isinstance(onward, Recurrence)
            assert isinstance(back, Recurrence)
            left, right = states(onward, inputs), states(back, moved(inputs, mirror))
            final = moved(torch.cat((left, right), -1), last).squeeze(1)
            inputs = self.dropout(torch.cat((left, moved(right, mirror)), -1))
        return Encoded(inputs, lengths, final)
