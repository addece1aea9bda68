"""A bidirectional recurrent encoder."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor, nn

from regard.layers import Dropout
from regard.models.embedding import Embedding
from regard.models.encoded import Encoded
from regard.models.recurrence import Cell, Recurrence


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
        turned = _turned(tokens.shape[1], lengths)
        last = (lengths - 1).clamp(min=0)[:, None]
        states = self.dropout(self.embedding(tokens))
        for onward, back in zip(self.onward, self.back, strict=True):
            left, right = _read(onward, states), _read(back, _moved(states, turned))
            final = _moved(torch.cat((left, right), -1), last).squeeze(1)
            states = self.dropout(torch.cat((left, _moved(right, turned)), -1))
        return Encoded(states, lengths, final)


def _read(recurrence: nn.Module, inputs: Tensor) -> Tensor:
    """Outputs from a state of zeros."""
    assert isinstance(recurrence, Recurrence)
    size, dtype = recurrence.layers.hidden_size, recurrence.layers.weight_ih_l0.dtype
    start = inputs.new_zeros((1, inputs.shape[0], size), dtype=dtype)
    return recurrence(inputs, (start,) * recurrence.count)[0]


def _turned(time: int, lengths: Tensor) -> Tensor:
    """Where each position lies in its source turned round; padding stays, (batch, time)."""
    places = torch.arange(time, device=lengths.device)
    mirrored = lengths[:, None] - 1 - places
    return torch.where(mirrored >= 0, mirrored, places)


def _moved(inputs: Tensor, places: Tensor) -> Tensor:
    """Inputs (batch, time, size) taken from places (batch, time)."""
    return inputs.gather(1, places.unsqueeze(-1).expand(-1, -1, inputs.shape[-1]))
