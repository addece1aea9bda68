"""What the layers of a Transformer's encoder and decoder are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from torch import Tensor, nn

from regard.layers import Dropout, FeedForward, MultiHead, Sinusoidal
from regard.models.embedding import Embedding


class Norm(Enum):
    """Where a layer normalises: before each part (steadier to train), or after it, as published."""

    PRE = "pre"
    POST = "post"


@dataclass(frozen=True)
class LayerSizes:
    """Sizes of one Transformer layer."""

    size: int
    heads: int
    feed_forward_size: int
    dropout: float
    attention_dropout: float
    norm: Norm

    def attention(self) -> MultiHead:
        """A multi-head attention of these sizes."""
        return MultiHead(self.size, self.heads, dropout=self.attention_dropout)

    def feed_forward(self) -> FeedForward:
        """A position-wise network of these sizes."""
        return FeedForward(self.size, self.feed_forward_size, self.dropout)

    def residual(self) -> PreNorm | PostNorm:
        """A residual connection of this norm."""
        kinds: dict[Norm, type[PreNorm | PostNorm]] = {Norm.PRE: PreNorm, Norm.POST: PostNorm}
        return kinds[self.norm](self.size, self.dropout)

    def last(self) -> nn.Module:
        """What follows the last layer: pre-norm layers leave their sum unnormalised."""
        return {Norm.PRE: nn.LayerNorm, Norm.POST: nn.Identity}[self.norm](self.size)


class PreNorm(nn.Module):
    """x + part(norm(x))."""

    def __init__(self, size: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.dropout = nn.LayerNorm(size), Dropout(dropout)

    def forward(self, inputs: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        """Inputs and what the part makes of them."""
        return inputs + self.dropout(part(self.norm(inputs)))


class PostNorm(nn.Module):
    """norm(x + part(x))."""

    def __init__(self, size: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.dropout = nn.LayerNorm(size), Dropout(dropout)

    def forward(self, inputs: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        """Inputs and what the part makes of them, normalised together."""
        return self.norm(inputs + self.dropout(part(inputs)))


class Embedded(nn.Module):
    """Tokens as vectors scaled by sqrt(size), with positions and dropout (Vaswani et al. 2017, section 3.4)."""

    def __init__(self, vocabulary_size: int, size: int, dropout: float) -> None:
        super().__init__()
        self.table = Embedding(vocabulary_size, size)
        self.positions, self.dropout = Sinusoidal(size), Dropout(dropout)

    def forward(self, tokens: Tensor, start: int = 0) -> Tensor:
        """Vectors of tokens, of which the first is at position `start`."""
        return self.dropout(self.positions(self.table(tokens), start))
