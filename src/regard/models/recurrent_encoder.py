"""A bidirectional recurrent encoder."""

from __future__ import annotations

from jaxtyping import Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from regard.layers import Dropout
from regard.models.embedding import Embedding
from regard.models.encoded import Encoded
from regard.models.recurrence import Cell, initialise


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
        kind = {Cell.GRU: nn.GRU, Cell.LSTM: nn.LSTM}[cell]
        between = dropout if layers > 1 else 0.0
        self.recurrent = kind(
            embedding_size, hidden_size, layers, dropout=between, bidirectional=True, batch_first=True
        )
        initialise(self.recurrent)
        self.size = 2 * hidden_size

    def forward(self, tokens: Int[Tensor, "batch source"], lengths: Int[Tensor, " batch"]) -> Encoded:
        """Encode a padded batch."""
        embedded = self.dropout(self.embedding(tokens))
        packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
        outputs, hidden = self.recurrent(packed)
        states, _lengths = pad_packed_sequence(outputs, batch_first=True, total_length=tokens.shape[1])
        last = hidden[0] if isinstance(hidden, tuple) else hidden
        final = last[-2:].transpose(0, 1).flatten(1)
        return Encoded(self.dropout(states), lengths, final)
