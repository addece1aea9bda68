"""Sentences of words and their letters as one vector a word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.layers import Dropout


@dataclass(frozen=True)
class Words:
    """Sentences side by side, and every different word of them once.

    numbers: of words; 0 is padding and 1 unknown. letters: of every different word. counts: letters of each of these.
    spelling: which of them stands where.
    """

    numbers: Int[Tensor, "batch time"]
    letters: Int[Tensor, "different letters"]
    counts: Int[Tensor, " different"]
    spelling: Int[Tensor, "batch time"]


class Spelling(Protocol):
    """Makes vectors of words from their letters."""

    size: int

    def __call__(self, letters: Int[Tensor, "words letters"], counts: Int[Tensor, " words"], /) -> Tensor:
        """A vector for each word, (words, size)."""
        ...


class Context(Protocol):
    """Lets words know of each other."""

    size: int

    def __call__(self, inputs: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"], /) -> Tensor:
        """States of every word, (batch, time, size)."""
        ...


class WordEncoder(nn.Module):
    """Words as vectors: each one's own, joined with that of its spelling, then read in context.

    x_t = [E_(w_t) ; spelling(letters of w_t)],   h = context(x)

    While training, words are taken for unknown at a rate, so that spelling and neighbours learn to do without them.
    A word that occurs often in a batch is spelled once.

    Args:
        vocabulary_size: number of words; 0 is padding and 1 unknown.
        word_size: size of a word's own vector.
        spelling: makes vectors of letters.
        context: lets words know of each other.
        dropout: rate on what the context reads, while training.
        word_dropout: rate at which words are taken for unknown, while training.

    Raises:
        ValueError: word_size is not positive, or word_dropout is no rate.

    Source: Lample et al. 2016, sections 4.1 and 4.3; Kiperwasser and Goldberg 2016, section 3 (unknown words).
    """

    def __init__(
        self,
        vocabulary_size: int,
        word_size: int,
        spelling: Spelling,
        context: Context,
        dropout: float,
        word_dropout: float,
    ) -> None:
        super().__init__()
        if word_size < 1:
            raise ValueError(f"word_size is {word_size}, expected a positive number.")
        if not 0 <= word_dropout < 1:
            raise ValueError(f"word_dropout is {word_dropout}, expected a rate of at least 0 and below 1.")
        self.words = nn.Embedding(vocabulary_size, word_size, padding_idx=0)
        nn.init.normal_(self.words.weight, std=word_size**-0.5)
        self.spelling, self.context = spelling, context
        self.dropout, self.word_dropout = Dropout(dropout), word_dropout
        self.size = context.size

    def forward(self, words: Words, lengths: Int[Tensor, " batch"]) -> Float[Tensor, "batch time size"]:
        """States of every word."""
        return self.context(self.vectors(words, lengths), lengths)

    def vectors(self, words: Words, lengths: Int[Tensor, " batch"]) -> Float[Tensor, "batch time input"]:
        """What the context reads; zeros behind a sentence's end."""
        numbers = words.numbers
        if self.training and self.word_dropout > 0:
            dropped = torch.rand(numbers.shape, device=numbers.device) < self.word_dropout
            numbers = numbers.masked_fill(dropped & (numbers > 0), 1)
        spelled = self.spelling(words.letters, words.counts)[words.spelling]
        both = torch.cat((self.words(numbers), spelled), -1)
        behind = torch.arange(numbers.shape[1], device=lengths.device) >= lengths[:, None]
        return self.dropout(both.masked_fill(behind.unsqueeze(-1), 0.0))
