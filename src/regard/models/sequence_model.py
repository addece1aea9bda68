"""One sequence of tokens: a language model, a masked model, a recommender whose tokens are items."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Memory, Where
from regard.attention.module import joined
from regard.layers import Dropout, Learned
from regard.models.activations import Activation
from regard.models.sequence_parts import Positions, SequenceLayer, SequenceSizes, Sight
from regard.models.sizes import Tying


@dataclass(frozen=True)
class SequenceState:
    """What a sequence model remembers between steps: a memory a layer, and how many positions there were."""

    memories: tuple[Memory, ...]
    time: int

    def select(self, index: Int[Tensor, " chosen"]) -> SequenceState:
        """The state of the chosen rows of the batch."""
        return SequenceState(tuple(memory.select(index) for memory in self.memories), self.time)


@dataclass(frozen=True)
class Stack:
    """A sequence model as settings.

    Args:
        layers: stacked layers.
        heads: heads of every attention.
        size: size of every position's vector.
        feed_forward_size: hidden size of the position-wise networks; null means 4 x size.
        longest: most positions of a sequence, where positions are learned.
        mask: CAUSAL (a language model) or BIDIRECTIONAL (a masked model).
        positions: LEARNED (a vector a position), ROTARY (queries and keys are turned) or NONE.
        activation: of the position-wise networks: RELU, SQUARED_RELU or GELU.
        tying: OUTPUT (the embedding is the output layer) or NONE.
        dropout: rate on embeddings and after every part while training.
        attention_dropout: rate at which weights are dropped while training.
    """

    layers: int = 4
    heads: int = 4
    size: int = 128
    feed_forward_size: int | None = None
    longest: int = 64
    mask: Sight = Sight.CAUSAL
    positions: Positions = Positions.LEARNED
    activation: Activation = Activation.SQUARED_RELU
    tying: Tying = Tying.OUTPUT
    dropout: float = 0.0
    attention_dropout: float = 0.0

    def build(self, vocabulary_size: int) -> SequenceModel:
        """The model for a vocabulary of this size."""
        return SequenceModel(vocabulary_size, self)

    def layer(self) -> SequenceSizes:
        """Sizes of one layer."""
        hidden = 4 * self.size if self.feed_forward_size is None else self.feed_forward_size
        return SequenceSizes(
            self.size, self.heads, hidden, self.activation, self.positions, self.dropout, self.attention_dropout
        )


class SequenceModel(nn.Module):
    """Tokens in, a vector at every position out; the output layer scores every token of the vocabulary.

    features = norm(layer_N(... layer_1(E tokens + P))),   p(token at t) = softmax(output(features_t))

    With a causal mask, features at t see the tokens up to t and predict the one after; with a bidirectional one they
    see all. What `forward` is told as `where` (Lengths for padding, Segments for packed documents) is seen on top.

    Args:
        vocabulary_size: number of tokens.
        settings: everything else; see `Stack`.

    Raises:
        ValueError: sizes do not fit, or a sequence is longer than the learned positions.

    Example:
        >>> import torch
        >>> from regard.models import Stack
        >>> model = Stack(layers=2, heads=2, size=8, longest=7).build(11)
        >>> model(torch.zeros(3, 5).long()).shape
        torch.Size([3, 5, 8])

    Source: Radford et al. 2019, section 2.3; initial values: section 2.3 too, after Radford et al. 2018, section 4.1.
    """

    def __init__(self, vocabulary_size: int, settings: Stack) -> None:
        super().__init__()
        if vocabulary_size < 1 or settings.layers < 1:
            raise ValueError(
                f"vocabulary_size is {vocabulary_size} and layers is {settings.layers}, expected both positive."
            )
        if settings.tying is Tying.ALL:
            raise ValueError("tying is ALL, but a sequence model has no source; expected OUTPUT or NONE.")
        self.settings, self.where = settings, settings.mask.where()
        self.table = nn.Embedding(vocabulary_size, settings.size)
        learned = settings.positions is Positions.LEARNED
        self.places = Learned(settings.longest, settings.size) if learned else None
        self.dropout = Dropout(settings.dropout)
        self.stack = nn.ModuleList(SequenceLayer(settings.layer()) for _ in range(settings.layers))
        self.last = nn.LayerNorm(settings.size, bias=False)
        self.output = nn.Linear(settings.size, vocabulary_size)
        self._initialise()
        if settings.tying is Tying.OUTPUT:
            self.output.weight = self.table.weight

    @property
    def layers(self) -> Iterator[SequenceLayer]:
        """The layers, first to last."""
        return (layer for layer in self.stack if isinstance(layer, SequenceLayer))

    def forward(
        self, tokens: Int[Tensor, "batch time"], where: Where | None = None
    ) -> Float[Tensor, "batch time size"]:
        """Features of every position."""
        states, seen = self.embed(tokens), joined(self.where, where)
        for layer in self.layers:
            states = layer(states, seen)
        return self.last(states)

    def weights(
        self, tokens: Int[Tensor, "batch time"], where: Where | None = None
    ) -> list[Float[Tensor, "batch heads time time"]]:
        """How every position looks at every other, layer by layer."""
        states, seen, found = self.embed(tokens), joined(self.where, where), []
        for layer in self.layers:
            states, weights = layer.weights(states, seen)
            found.append(weights)
        return found

    def begin(self, tokens: Int[Tensor, "batch time"]) -> tuple[Float[Tensor, "batch time size"], SequenceState]:
        """Features of the first positions, and the state after them, for `step`.

        Raises:
            ValueError: the mask is bidirectional: what was read would change with every token that is added.
        """
        if self.settings.mask is not Sight.CAUSAL:
            raise ValueError("mask is BIDIRECTIONAL; only a causal model can be asked step by step.")
        states, memories = self.embed(tokens), []
        for layer in self.layers:
            states, memory = layer.begin(states, self.where)
            memories.append(memory)
        return self.last(states), SequenceState(tuple(memories), tokens.shape[1])

    def step(
        self, tokens: Int[Tensor, "batch time"], state: SequenceState
    ) -> tuple[Float[Tensor, "batch time size"], SequenceState]:
        """Features of more positions, and the state after them."""
        states, memories = self.embed(tokens, state.time), []
        for layer, memory in zip(self.layers, state.memories, strict=True):
            states, grown = layer.step(states, memory, state.time)
            memories.append(grown)
        return self.last(states), SequenceState(tuple(memories), state.time + tokens.shape[1])

    def embed(self, tokens: Int[Tensor, "batch time"], start: int = 0) -> Float[Tensor, "batch time size"]:
        """Vectors of tokens, of which the first is at position `start`."""
        vectors = self.table(tokens)
        return self.dropout(vectors if self.places is None else self.places(vectors, start))

    def _initialise(self) -> None:
        """Normal with 0.02; what adds to the sum of the layers is smaller by the root of how many add to it."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        nn.init.zeros_(self.output.bias)
        for layer in self.layers:
            for adding in (layer.attention.output, layer.outside):
                nn.init.normal_(adding.weight, std=0.02 / math.sqrt(2 * self.settings.layers))
