"""The sizes that every recurrent decoder is built from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor, nn

from regard.models.embedding import Embedding
from regard.models.recurrence import Cell


class Tying(Enum):
    """Which vocabulary matrices are one: none, the target's embedding and output, or the source's as well."""

    NONE = "none"
    OUTPUT = "output"
    ALL = "all"


@dataclass(frozen=True)
class DecoderSizes:
    """Sizes of a recurrent decoder; `source_size` is the size of an encoder's states."""

    vocabulary_size: int
    embedding_size: int
    hidden_size: int
    source_size: int
    layers: int
    cell: Cell
    dropout: float
    tying: Tying

    @property
    def feature_size(self) -> int:
        """Size of what the output layer reads."""
        return self.hidden_size if self.tying is Tying.NONE else self.embedding_size

    def embed(self) -> Embedding:
        """A table of target embeddings."""
        return Embedding(self.vocabulary_size, self.embedding_size)

    def output_for(self, table: nn.Embedding) -> nn.Linear:
        """The output layer, which shares the table's matrix where that is asked for."""
        return output_layer(self.feature_size, table, self.tying)


def output_layer(feature_size: int, table: nn.Embedding, tying: Tying) -> nn.Linear:
    """Features to scores of tokens; tied to the table unless `tying` says none."""
    output = nn.Linear(feature_size, table.num_embeddings)
    nn.init.zeros_(output.bias)
    if tying is Tying.NONE:
        nn.init.xavier_uniform_(output.weight)
    else:
        output.weight = table.weight
    return output


def join(*parts: Tensor) -> Tensor:
    """Parts joined along their last axis, in the dtype of the first."""
    return torch.cat([part.to(parts[0].dtype) for part in parts], dim=-1)
