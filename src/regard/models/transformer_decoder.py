"""The Transformer's decoder: no position sees the future, and every one sees the source."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Causal, Memory, Where
from regard.models.encoded import Encoded, Step
from regard.models.sizes import Tying, output_layer
from regard.models.transformer_parts import Embedded, LayerSizes


@dataclass(frozen=True)
class TransformerState:
    """Between two steps: what every layer remembers of the target and of the source."""

    own: tuple[Memory, ...]
    source: tuple[Memory, ...]
    time: int

    def select(self, index: Int[Tensor, " chosen"]) -> TransformerState:
        """The state of the chosen rows of the batch."""
        own = tuple(memory.select(index) for memory in self.own)
        return TransformerState(own, tuple(memory.select(index) for memory in self.source), self.time)


class DecoderLayer(nn.Module):
    """Causal self-attention, attention to the source, then a position-wise network."""

    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.own, self.source, self.feed_forward = sizes.attention(), sizes.attention(), sizes.feed_forward()
        self.around_own, self.around_source = sizes.residual(), sizes.residual()
        self.around_feed_forward = sizes.residual()

    def forward(self, inputs: Tensor, states: Tensor, visible: Where) -> Tensor:
        """The layer at every position of the target."""
        inputs = self.around_own(inputs, lambda x: self.own(x, x, Causal()))
        inputs = self.around_source(inputs, lambda x: self.source(x, states, visible))
        return self.around_feed_forward(inputs, self.feed_forward)

    def step(self, inputs: Tensor, own: Memory, source: Memory) -> tuple[Tensor, Memory, Tensor]:
        """The layer at one more position: its output, its grown memory and its weights on the source."""
        grown, weights = own, inputs

        def look_back(x: Tensor) -> Tensor:
            nonlocal grown
            grown = self.own.extend(own, x)
            return self.own.step(x, grown).context

        def look_across(x: Tensor) -> Tensor:
            nonlocal weights
            answer = self.source.step(x, source)
            weights = answer.weights
            return answer.context

        inputs = self.around_source(self.around_own(inputs, look_back), look_across)
        return self.around_feed_forward(inputs, self.feed_forward), grown, weights


class TransformerDecoder(nn.Module):
    """Write a target by causal self-attention and attention to the source.

    Args:
        vocabulary_size: number of target tokens; token 0 is padding.
        layers: stacked layers.
        sizes: sizes of a layer.
        tying: whether the output layer is the embedding.

    Source: Vaswani et al. 2017, section 3.1; pre-norm: Xiong et al. 2020.
    """

    def __init__(self, vocabulary_size: int, layers: int, sizes: LayerSizes, tying: Tying) -> None:
        super().__init__()
        self.embedded = Embedded(vocabulary_size, sizes.size, sizes.dropout)
        self.stack = nn.ModuleList(DecoderLayer(sizes) for _ in range(layers))
        self.last = sizes.last()
        self.output = output_layer(sizes.size, self.embedded.table, tying)

    @property
    def layers(self) -> list[DecoderLayer]:
        """The layers, first to last."""
        return [layer for layer in self.stack if isinstance(layer, DecoderLayer)]

    def forward(
        self, encoded: Encoded, inputs: Int[Tensor, "batch target"]
    ) -> Float[Tensor, "batch target features"]:
        """Features of every step, given the true previous tokens."""
        states, visible = self.embedded(inputs), encoded.visible()
        for layer in self.layers:
            states = layer(states, encoded.states, visible)
        return self.last(states)

    def start(self, encoded: Encoded) -> TransformerState:
        """The state before the first step: nothing written, the source remembered by every layer."""
        visible, nothing = encoded.visible(), encoded.states[:, :0]
        own = tuple(layer.own.remember(nothing) for layer in self.layers)
        return TransformerState(
            own, tuple(layer.source.remember(encoded.states, visible) for layer in self.layers), 0
        )

    def step(self, inputs: Int[Tensor, " batch"], state: TransformerState) -> Step:
        """One step, given the tokens of the step before; weights are the last layer's, averaged over heads."""
        outputs, own, weights = self.embedded(inputs[:, None], state.time), [], None
        for layer, before, source in zip(self.layers, state.own, state.source, strict=True):
            outputs, grown, weights = layer.step(outputs, before, source)
            own.append(grown)
        after = TransformerState(tuple(own), state.source, state.time + 1)
        looked = None if weights is None else weights[:, :, 0].mean(1)
        return Step(self.last(outputs)[:, 0], after, looked)
