"""A classifier of sequences of sequences: read, pool to one vector, and so on upward; then classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Answer, Lengths
from regard.layers import Dropout, MatrixPooling, Pool
from regard.models.readers import Reading


@dataclass(frozen=True)
class Classified:
    """Scores of the classes, (batch, classes), and how every level looked at the one below, top first.

    Level k of weights is (batch, n_1, ..., n_(k-1), rows, n_k); each row sums to one, or to zero where nothing is.
    """

    scores: Float[Tensor, "batch classes"]
    weights: tuple[Tensor, ...]


class Level(nn.Module):
    """One level of a hierarchy: sequences of vectors in, one vector for each sequence out.

    Args:
        reader: makes states of the vectors.
        pool: makes one vector of the states: Pool for one, MatrixPooling for several rows, which are joined.

    Source: Yang et al. 2016, section 2.2; several rows: Lin et al. 2017, section 2.1.
    """

    def __init__(self, reader: Reading, pool: Pool | MatrixPooling) -> None:
        super().__init__()
        assert isinstance(reader, nn.Module)
        self.reader, self.pool = reader, pool
        rows = pool.interests.out_features if isinstance(pool, MatrixPooling) else 1
        self.size = reader.size * rows

    def forward(self, inputs: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"]) -> Answer:
        """Context (batch, size) and weights (batch, rows, time)."""
        real = torch.arange(inputs.shape[1], device=inputs.device) < lengths[:, None]
        states = self.reader(inputs.masked_fill(~real.unsqueeze(-1), 0), lengths)
        found: Answer = self.pool(states, Lengths(lengths))
        weights = found.weights if found.weights.dim() == 3 else found.weights.unsqueeze(1)
        return Answer(found.context.flatten(1), weights)


class Classifier(nn.Module):
    """Words to a class by as many levels as there are: one for a sentence, two for a document.

    p = softmax(W v + b),   v the vector of the top level

    Args:
        table: turns tokens into vectors; token 0 is padding and comes last.
        levels: from the top (document) to the bottom (words).
        classes: how many classes.
        dropout: rate on the vectors of words and on v while training.

    Raises:
        ValueError: tokens have not one axis for each level.

    Example:
        >>> import torch
        >>> from regard.layers import Pool
        >>> from regard.models.classifier import Classifier, Level
        >>> from regard.models.readers import NeighbourReader
        >>> sentences = Level(NeighbourReader(5, 7, [3]), Pool(7, 4))
        >>> words = Level(NeighbourReader(3, 5, [1]), Pool(5, 4))
        >>> model = Classifier(torch.nn.Embedding(11, 3), [sentences, words], classes=2, dropout=0.1)
        >>> found = model(torch.tensor([[[5, 6, 0], [7, 8, 9]], [[5, 0, 0], [0, 0, 0]]]))
        >>> found.scores.shape, [tuple(weights.shape) for weights in found.weights]
        (torch.Size([2, 2]), [(2, 1, 2), (2, 2, 1, 3)])

    Source: Yang et al. 2016, equations 1 to 12.
    """

    def __init__(self, table: nn.Module, levels: Sequence[Level], classes: int, dropout: float) -> None:
        super().__init__()
        self.table, self.levels = table, nn.ModuleList(levels)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(levels[0].size, classes)

    def forward(self, tokens: Int[Tensor, batch * levels]) -> Classified:
        """Scores, and what every level looked at."""
        if tokens.dim() != len(self.levels) + 1:
            raise ValueError(
                f"tokens has shape {tuple(tokens.shape)}, expected (batch, ...) with {len(self.levels)} more axes, "
                "one for each level."
            )
        real, weights = tokens != 0, list[Tensor]()
        vectors: Tensor = self.dropout(self.table(tokens))
        for level in reversed(self.levels):
            vectors, looked = _pooled(level, vectors, real)
            weights.insert(0, looked)
            real = real.any(-1)
        return Classified(self.output(self.dropout(vectors)), tuple(weights))


def _pooled(level: nn.Module, vectors: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Vectors (..., size) and weights (..., rows, time) of groups (..., time, input); empty groups are not read."""
    groups, time = real.shape[:-1], real.shape[-1]
    lengths = real.sum(-1).flatten()
    if real.dim() == 2:
        found: Answer = level(vectors, lengths)
        return found.context, found.weights
    # Where nothing is real at all, one empty group is read all the same: it gives the zeros, in their shape.
    filled = (lengths > 0).nonzero().flatten() if bool(real.any()) else lengths.new_zeros(1)
    found = level(vectors.reshape(-1, time, vectors.shape[-1])[filled], lengths[filled])
    pairs = (found.context, found.weights)
    whole = [part.new_zeros((len(lengths), *part.shape[1:])).index_copy(0, filled, part) for part in pairs]
    context, weights = (part.reshape(*groups, *part.shape[1:]) for part in whole)
    return context, weights
