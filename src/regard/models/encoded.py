"""What an encoder hands to a decoder, and what a decoder answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Lengths


@dataclass(frozen=True)
class Encoded:
    """A batch of encoded sources.

    states: one vector a source position, (batch, source, size). lengths: real positions of each source,
    (batch,). final: one vector for the whole source, (batch, size).
    """

    states: Float[Tensor, "batch source size"]
    lengths: Int[Tensor, " batch"]
    final: Float[Tensor, "batch size"]

    def select(self, index: Int[Tensor, " chosen"]) -> Encoded:
        """The chosen rows of the batch."""
        tensors = (self.states, self.lengths, self.final)
        return Encoded(*(tensor.index_select(0, index) for tensor in tensors))

    def visible(self) -> Lengths:
        """Where the source is not padding."""
        return Lengths(self.lengths)


class State(Protocol):
    """What a decoder remembers between steps."""

    def select(self, index: Int[Tensor, " chosen"]) -> State:
        """The state of the chosen rows of the batch, as a search reorders them."""
        ...


@dataclass(frozen=True)
class Step:
    """One step of a decoder.

    features: what the output layer reads, (batch, features). state: for the next step. weights: how the source
    was looked at, (batch, source); None where the decoder does not look.
    """

    features: Float[Tensor, "batch features"]
    state: State
    weights: Float[Tensor, "batch source"] | None


class Encoder(Protocol):
    """Turns sources into vectors."""

    size: int

    def __call__(self, tokens: Int[Tensor, "batch source"], lengths: Int[Tensor, " batch"], /) -> Any:
        """Encode a padded batch."""
        ...


class Decoder(Protocol):
    """Turns encoded sources into targets: all steps at once to learn, one by one to search."""

    output: nn.Linear

    def __call__(self, encoded: Encoded, inputs: Int[Tensor, "batch target"], /) -> Any:
        """Features (batch, target, features) of every step, given the true previous tokens."""
        ...

    def start(self, encoded: Encoded) -> State:
        """The state before the first step."""
        ...

    def step(self, inputs: Int[Tensor, " batch"], state: Any) -> Step:
        """One step, given the tokens of the step before."""
        ...
