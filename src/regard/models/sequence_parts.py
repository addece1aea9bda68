"""What one layer of a sequence model is made of: attention of a sequence to itself, and a position-wise network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jaxtyping import Float
from torch import Tensor, nn

from regard.attention import Attention, Causal, Memory, Where
from regard.attention import weights as weights_of
from regard.layers import Dropout, Rotary
from regard.layers.heads import apart, joined
from regard.models.activations import Activation


class Sight(Enum):
    """Which positions a position sees: those up to itself, or all."""

    CAUSAL = "causal"
    BIDIRECTIONAL = "bidirectional"

    def where(self) -> Where | None:
        """The same as an answer to `attend`."""
        return Causal() if self is Sight.CAUSAL else None


class Positions(Enum):
    """How a model knows where a token stands: vectors that are added, queries and keys that are turned, or not."""

    LEARNED = "learned"
    ROTARY = "rotary"
    NONE = "none"


@dataclass(frozen=True)
class SequenceSizes:
    """Sizes of one layer of a sequence model."""

    size: int
    heads: int
    feed_forward_size: int
    activation: Activation
    positions: Positions
    dropout: float
    attention_dropout: float


class SelfAttention(nn.Module):
    """Heads that read their own sequence, their queries, keys and values made by one product.

    [q; k; v] = W x,   y = W^O [head_1; ...; head_h],   head_i = attend(q_i, k_i, v_i)

    With rotary positions, q and k are turned by their positions first.

    Source: Vaswani et al. 2017, section 3.2.2; without biases: Chowdhery et al. 2022, section 2.
    """

    def __init__(self, sizes: SequenceSizes) -> None:
        super().__init__()
        if sizes.size % sizes.heads:
            raise ValueError(f"size is {sizes.size} and heads is {sizes.heads}; size must be a multiple of heads.")
        self.heads = sizes.heads
        self.inside = nn.Linear(sizes.size, 3 * sizes.size, bias=False)
        self.output = nn.Linear(sizes.size, sizes.size, bias=False)
        self.rotary = Rotary(sizes.size // sizes.heads) if sizes.positions is Positions.ROTARY else None
        self.attention = Attention(dropout=sizes.attention_dropout)

    def forward(
        self, inputs: Float[Tensor, "batch time size"], where: Where | None
    ) -> Float[Tensor, "batch time size"]:
        """What every position reads."""
        query, key, value = self._apart(inputs, 0)
        return self.output(joined(self.attention(query, key, value, where=where)))

    def weights(
        self, inputs: Float[Tensor, "batch time size"], where: Where | None
    ) -> Float[Tensor, "batch heads time time"]:
        """How every position looks at every other."""
        query, key, _ = self._apart(inputs, 0)
        return weights_of(query, key, score=self.attention.score, where=where, weigh=self.attention.weigh)

    def begin(
        self, inputs: Float[Tensor, "batch time size"], where: Where | None
    ) -> tuple[Float[Tensor, "batch time size"], Memory]:
        """What the first positions read, and a memory of them."""
        query, key, value = self._apart(inputs, 0)
        read = self.attention(query, key, value, where=where)
        return self.output(joined(read)), Memory(key, value, score=self.attention.score, where=where)

    def step(
        self, inputs: Float[Tensor, "batch time size"], memory: Memory, start: int
    ) -> tuple[Float[Tensor, "batch time size"], Memory]:
        """What more positions read, the first of them at `start`, and the memory that has grown by them."""
        query, key, value = self._apart(inputs, start)
        grown = memory.append(key, value)
        return self.output(joined(grown.ask(query, self.attention.weigh))), grown

    def _apart(self, inputs: Tensor, start: int) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (batch, heads, time, size of a head)."""
        # Cut along the last axis, whose gradients are put together by one copy.
        query, key, value = (apart(part, self.heads) for part in self.inside(inputs).chunk(3, dim=-1))
        if self.rotary is not None:
            query, key = self.rotary(query, start), self.rotary(key, start)
        return query, key, value


class SequenceLayer(nn.Module):
    """Self-attention, then a position-wise network; each reads a normalised sum and adds to it.

    x <- x + attention(norm(x)),   x <- x + W_2 f(W_1 norm(x))

    Source: Radford et al. 2019, section 2.3 (norms before the parts); Xiong et al. 2020.
    """

    def __init__(self, sizes: SequenceSizes) -> None:
        super().__init__()
        self.attention, self.bend = SelfAttention(sizes), sizes.activation.function()
        self.before_attention = nn.LayerNorm(sizes.size, bias=False)
        self.before_feed_forward = nn.LayerNorm(sizes.size, bias=False)
        self.inside = nn.Linear(sizes.size, sizes.feed_forward_size, bias=False)
        self.outside = nn.Linear(sizes.feed_forward_size, sizes.size, bias=False)
        self.dropout = Dropout(sizes.dropout)

    def forward(self, inputs: Float[Tensor, "batch time size"], where: Where | None) -> Tensor:
        """The layer at every position."""
        read = self.attention(self.before_attention(inputs), where)
        return self._feed_forward(inputs + self.dropout(read))

    def weights(self, inputs: Float[Tensor, "batch time size"], where: Where | None) -> tuple[Tensor, Tensor]:
        """The layer at every position, and how each looks at every other, (batch, heads, time, time)."""
        return self(inputs, where), self.attention.weights(self.before_attention(inputs), where)

    def begin(self, inputs: Float[Tensor, "batch time size"], where: Where | None) -> tuple[Tensor, Memory]:
        """The layer at the first positions, and a memory of them."""
        read, memory = self.attention.begin(self.before_attention(inputs), where)
        return self._feed_forward(inputs + self.dropout(read)), memory

    def step(self, inputs: Float[Tensor, "batch time size"], memory: Memory, start: int) -> tuple[Tensor, Memory]:
        """The layer at more positions, and the memory that has grown by them."""
        read, grown = self.attention.step(self.before_attention(inputs), memory, start)
        return self._feed_forward(inputs + self.dropout(read)), grown

    def _feed_forward(self, inputs: Tensor) -> Tensor:
        hidden = self.bend(self.inside(self.before_feed_forward(inputs)))
        return inputs + self.dropout(self.outside(hidden))
