"""Classifiers of texts as settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from regard.layers import MatrixPooling, Pool
from regard.models.classifier import Classifier, Level
from regard.models.mechanisms import Normaliser, SoftmaxWeights
from regard.models.readers import BothWays, Reader
from regard.models.word_table import WordTable


class Pooling(ABC):
    """How the states of a sequence become one vector."""

    @abstractmethod
    def build(self, size: int) -> Pool | MatrixPooling:
        """The layer for states of this size."""


@dataclass(frozen=True)
class OneContext(Pooling):
    """One learned context vector asks which positions matter (Yang et al. 2016).

    Args:
        hidden_size: size of the vectors that are compared with it.
        weigh: how scores become weights.
    """

    hidden_size: int = 64
    weigh: Normaliser = field(default_factory=SoftmaxWeights)

    def build(self, size: int) -> Pool | MatrixPooling:
        """A Pool."""
        return Pool(size, self.hidden_size, weigh=self.weigh.build())


@dataclass(frozen=True)
class Rows(Pooling):
    """Several learned context vectors, each with weights of its own (Lin et al. 2017).

    Args:
        rows: how many.
        hidden_size: size of the vectors that are compared with them.
        weigh: how scores become weights.
    """

    rows: int = 4
    hidden_size: int = 64
    weigh: Normaliser = field(default_factory=SoftmaxWeights)

    def build(self, size: int) -> Pool | MatrixPooling:
        """A MatrixPooling."""
        return MatrixPooling(size, self.hidden_size, self.rows, self.weigh.build())


class TextModel(ABC):
    """A classifier of texts."""

    @property
    @abstractmethod
    def levels(self) -> int:
        """1 where a text is a sequence of words, 2 where it is one of sentences."""

    @abstractmethod
    def build(self, table: WordTable, classes: int) -> Classifier:
        """The model for these words and so many classes."""


@dataclass(frozen=True)
class Flat(TextModel):
    """A text as one sequence of words: self-attentive pooling, or a Transformer.

    Args:
        reader: reads the words: BothWays, Convolutions or SelfAttention.
        pool: makes one vector of them: Rows or OneContext.
        dropout: rate on the vectors of words, between layers and on the text's vector while training.
    """

    reader: Reader = field(default_factory=BothWays)
    pool: Pooling = field(default_factory=Rows)
    dropout: float = 0.5

    @property
    def levels(self) -> int:
        """One."""
        return 1

    def build(self, table: WordTable, classes: int) -> Classifier:
        """A classifier of one level."""
        return Classifier(table, [_level(self.reader, self.pool, table.size, self.dropout)], classes, self.dropout)


@dataclass(frozen=True)
class Hierarchical(TextModel):
    """A text as sentences, and those as words: hierarchical attention.

    Args:
        words: reads the words of a sentence.
        word_pool: makes the sentence's vector of them.
        sentences: reads the vectors of the sentences.
        sentence_pool: makes the text's vector of them.
        dropout: rate on the vectors of words, between layers and on the text's vector while training.
    """

    words: Reader = field(default_factory=BothWays)
    word_pool: Pooling = field(default_factory=OneContext)
    sentences: Reader = field(default_factory=BothWays)
    sentence_pool: Pooling = field(default_factory=OneContext)
    dropout: float = 0.3

    @property
    def levels(self) -> int:
        """Two."""
        return 2

    def build(self, table: WordTable, classes: int) -> Classifier:
        """A classifier of two levels."""
        words = _level(self.words, self.word_pool, table.size, self.dropout)
        sentences = _level(self.sentences, self.sentence_pool, words.size, self.dropout)
        return Classifier(table, [sentences, words], classes, self.dropout)


def _level(reader: Reader, pool: Pooling, size: int, dropout: float) -> Level:
    made = reader.build(size, dropout)
    return Level(made, pool.build(made.size))
