"""Taggers as settings: what is known of a word, and how its neighbours come in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from regard.layers import CRF, Allowed
from regard.models.mechanisms import Normaliser, SoftmaxWeights
from regard.models.recurrence import Cell
from regard.models.spelling import LetterConvolution, LetterReader
from regard.models.tagger import Tagger
from regard.models.transformer_parts import LayerSizes, Norm
from regard.models.word_contexts import AttentiveContext, RecurrentContext, SelfAttentiveContext
from regard.models.word_encoder import Context, Spelling, WordEncoder


class Letters(ABC):
    """How a word's letters become a vector."""

    @abstractmethod
    def build(self, letters: int) -> Spelling:
        """The module for so many different letters."""


@dataclass(frozen=True)
class ReadLetters(Letters):
    """A small LSTM from both ends.

    Args:
        letter_size: size of a letter's vector.
        hidden_size: size of each direction.
    """

    letter_size: int = 32
    hidden_size: int = 64

    def build(self, letters: int) -> Spelling:
        """A LetterReader."""
        return LetterReader(letters, self.letter_size, self.hidden_size)


@dataclass(frozen=True)
class ConvolvedLetters(Letters):
    """Filters over neighbouring letters; two thirds of the time of a step with the LSTM.

    Args:
        letter_size: size of a letter's vector.
        filters: number of filters.
        reach: neighbours on each side that a filter sees.
    """

    letter_size: int = 32
    filters: int = 128
    reach: int = 1

    def build(self, letters: int) -> Spelling:
        """A LetterConvolution."""
        return LetterConvolution(letters, self.letter_size, self.filters, self.reach)


class Neighbours(ABC):
    """How the words of a sentence learn of each other."""

    @abstractmethod
    def build(self, input_size: int, dropout: float) -> Context:
        """The module over vectors of this size."""


@dataclass(frozen=True)
class ReadNeighbours(Neighbours):
    """Recurrent layers in both directions, without attention.

    Args:
        hidden_size: size of each direction.
        layers: stacked layers.
        cell: gru or lstm.
    """

    hidden_size: int = 192
    layers: int = 1
    cell: Cell = Cell.LSTM

    def build(self, input_size: int, dropout: float) -> RecurrentContext:
        """A RecurrentContext."""
        return RecurrentContext(self.cell, input_size, self.hidden_size, self.layers, dropout)


@dataclass(frozen=True)
class AttendedNeighbours(Neighbours):
    """Recurrent layers, and then every word looks at all of them.

    Args:
        reading: the recurrent layers.
        heads: heads of the attention.
        weigh: how scores become weights.
    """

    reading: ReadNeighbours = field(default_factory=ReadNeighbours)
    heads: int = 4
    weigh: Normaliser = field(default_factory=SoftmaxWeights)

    def build(self, input_size: int, dropout: float) -> AttentiveContext:
        """An AttentiveContext."""
        return AttentiveContext(self.reading.build(input_size, dropout), self.heads, self.weigh.build(), dropout)


@dataclass(frozen=True)
class SelfAttendedNeighbours(Neighbours):
    """A Transformer's encoder: attention alone.

    Args:
        size: size of every word's vector.
        heads: heads of every attention.
        layers: stacked layers.
        feed_forward_size: hidden size of the position-wise networks.
        norm: pre (steadier) or post (as published).
    """

    size: int = 192
    heads: int = 4
    layers: int = 3
    feed_forward_size: int = 768
    norm: Norm = Norm.PRE

    def build(self, input_size: int, dropout: float) -> SelfAttentiveContext:
        """A SelfAttentiveContext, with half of the dropout, which here acts twice in every layer."""
        sizes = LayerSizes(self.size, self.heads, self.feed_forward_size, dropout / 2, 0.0, self.norm)
        return SelfAttentiveContext(input_size, self.layers, sizes)


@dataclass(frozen=True)
class WordTagger:
    """A tagger of words by their letters, their neighbours, and the tags of these.

    Args:
        word_size: size of a word's own vector.
        letters: how letters become a vector: ReadLetters or ConvolvedLetters.
        neighbours: how words learn of each other: AttendedNeighbours, ReadNeighbours or SelfAttendedNeighbours.
        dropout: rate on vectors and states while training.
        word_dropout: rate at which words are taken for unknown while training.
    """

    word_size: int = 96
    letters: Letters = field(default_factory=ReadLetters)
    neighbours: Neighbours = field(default_factory=AttendedNeighbours)
    dropout: float = 0.4
    word_dropout: float = 0.25

    def build(self, words: int, letters: int, allowed: Allowed) -> Tagger:
        """The tagger for so many words and letters, and tags that may follow each other."""
        spelling = self.letters.build(letters)
        context = self.neighbours.build(self.word_size + spelling.size, self.dropout)
        encoder = WordEncoder(words, self.word_size, spelling, context, self.dropout, self.word_dropout)
        return Tagger(encoder, CRF(allowed.start.shape[0], allowed))
