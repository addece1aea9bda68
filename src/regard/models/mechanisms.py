"""Mechanisms as settings: which decoder looks at the source, how, where and when.

Each setting is a small dataclass that builds the part it describes, so that a config names a class and no model
asks which mechanism it has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from torch import nn

from regard.attention import Additive, Bilinear, Dot, Entmax, Location, Score, Softmax, Sparsemax, Weighing
from regard.models.bahdanau_decoder import BahdanauDecoder
from regard.models.encoded import Decoder
from regard.models.locality import Everywhere, NearOwnPosition, NearPrediction
from regard.models.luong_decoder import Feeding, LuongDecoder
from regard.models.plain_decoder import PlainDecoder
from regard.models.sizes import DecoderSizes


class Scoring(ABC):
    """How well a decoder's state matches a source position."""

    @abstractmethod
    def build(self, query_size: int, key_size: int) -> Score:
        """The score for queries and keys of these sizes."""


@dataclass(frozen=True)
class DotScore(Scoring):
    """Luong's dot: q . (P k), with a projection P only where the sizes differ.

    A bidirectional encoder's states are twice as wide as a decoder's; the projection is what Bilinear learns.
    """

    def build(self, query_size: int, key_size: int) -> Score:
        """Dot where sizes allow it, Bilinear otherwise."""
        return Dot(scale=1.0) if query_size == key_size else Bilinear(query_size, key_size)


@dataclass(frozen=True)
class GeneralScore(Scoring):
    """Luong's general: q . W . k."""

    def build(self, query_size: int, key_size: int) -> Score:
        """A Bilinear score."""
        return Bilinear(query_size, key_size)


@dataclass(frozen=True)
class AdditiveScore(Scoring):
    """Bahdanau's score and Luong's concat: a network with one hidden layer."""

    hidden_size: int = 256

    def build(self, query_size: int, key_size: int) -> Score:
        """An Additive score."""
        return Additive(query_size, key_size, self.hidden_size)


@dataclass(frozen=True)
class LocationScore(Scoring):
    """Luong's location: where to look is decided by the state alone."""

    max_keys: int = 512

    def build(self, query_size: int, key_size: int) -> Score:
        """A Location score."""
        return Location(query_size, self.max_keys)


class Place(ABC):
    """Which part of the source a Luong decoder may see at a step."""

    @abstractmethod
    def build(self, size: int) -> nn.Module:
        """The module that restricts states of this size."""


@dataclass(frozen=True)
class Global(Place):
    """All of the source."""

    def build(self, size: int) -> nn.Module:
        """No restriction."""
        return Everywhere()


@dataclass(frozen=True)
class LocalM(Place):
    """A window around the step's own position."""

    radius: float = 10.0

    def build(self, size: int) -> nn.Module:
        """A window of 2 * radius + 1 positions."""
        return NearOwnPosition(self.radius)


@dataclass(frozen=True)
class LocalP(Place):
    """A fading window around a predicted position."""

    radius: float = 10.0

    def build(self, size: int) -> nn.Module:
        """A window whose centre is learned."""
        return NearPrediction(size, self.radius)


class Normaliser(ABC):
    """How scores become weights."""

    @abstractmethod
    def build(self) -> Weighing:
        """The weighing."""


@dataclass(frozen=True)
class SoftmaxWeights(Normaliser):
    """Every position gets some weight."""

    temperature: float = 1.0

    def build(self) -> Weighing:
        """A Softmax."""
        return Softmax(self.temperature)


@dataclass(frozen=True)
class SparsemaxWeights(Normaliser):
    """Many positions get exactly none."""

    def build(self) -> Weighing:
        """A Sparsemax."""
        return Sparsemax()


@dataclass(frozen=True)
class EntmaxWeights(Normaliser):
    """Between the two: alpha 1 is softmax, alpha 2 is sparsemax."""

    alpha: float = 1.5

    def build(self) -> Weighing:
        """An Entmax."""
        return Entmax(self.alpha)


class Mechanism(ABC):
    """How a recurrent decoder looks at the source."""

    @abstractmethod
    def build(self, sizes: DecoderSizes) -> Decoder:
        """The decoder."""


@dataclass(frozen=True)
class NoAttention(Mechanism):
    """It does not: one vector has to hold the source."""

    def build(self, sizes: DecoderSizes) -> Decoder:
        """A decoder without attention."""
        return PlainDecoder(sizes)


@dataclass(frozen=True)
class Bahdanau(Mechanism):
    """Before each step (Bahdanau, Cho and Bengio 2015).

    Args:
        score: how well a state matches a source position.
        weigh: how scores become weights.
    """

    score: Scoring = field(default_factory=AdditiveScore)
    weigh: Normaliser = field(default_factory=SoftmaxWeights)

    def build(self, sizes: DecoderSizes) -> Decoder:
        """A decoder that attends before the step."""
        return BahdanauDecoder(sizes, self.score.build(sizes.hidden_size, sizes.source_size), self.weigh.build())


@dataclass(frozen=True)
class Luong(Mechanism):
    """After each step (Luong, Pham and Manning 2015).

    Args:
        score: how well a state matches a source position.
        place: which part of the source may be seen.
        feeding: whether a step is told what the step before read.
        weigh: how scores become weights.
    """

    score: Scoring = field(default_factory=GeneralScore)
    place: Place = field(default_factory=Global)
    feeding: Feeding = Feeding.INPUT
    weigh: Normaliser = field(default_factory=SoftmaxWeights)

    def build(self, sizes: DecoderSizes) -> Decoder:
        """A decoder that attends after the step."""
        score = self.score.build(sizes.hidden_size, sizes.source_size)
        place = self.place.build(sizes.hidden_size)
        return LuongDecoder(sizes, score, self.weigh.build(), place, self.feeding)
