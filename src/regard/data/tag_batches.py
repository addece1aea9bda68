"""Batches of tagged sentences: words by number, and the letters of each different word once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.inventory import Inventory
from regard.data.tagged import Tagged

PAD, UNKNOWN = 0, 1
_SPECIAL = ("<pad>", "<unk>")
# Letters of a word that are read: with a longer one, its first and its last ones.
_LONGEST = 30
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class TagBatch:
    """Sentences side by side.

    words: numbers of lower-cased words. lengths: how many words each sentence has. letters: of every different word
    of the batch. letter_counts: how many letters each of them has. spelling: which of these words stands where.
    tags: 0 behind a sentence's end.
    """

    words: Int[Tensor, "batch time"]
    lengths: Int[Tensor, " batch"]
    letters: Int[Tensor, "different letters"]
    letter_counts: Int[Tensor, " different"]
    spelling: Int[Tensor, "batch time"]
    tags: Int[Tensor, "batch time"]

    def to(self, device: torch.device) -> TagBatch:
        """The batch on a device."""
        tensors = (self.words, self.lengths, self.letters, self.letter_counts, self.spelling, self.tags)
        return TagBatch(*(tensor.to(device) for tensor in tensors))


@dataclass(frozen=True)
class Numbering:
    """Words, letters and tags by number, known from training sentences alone.

    Words are looked up lower-cased, with each digit as 0; letters as they are. 0 is padding and 1 unknown.
    """

    words: Inventory
    letters: Inventory
    tags: Inventory

    @classmethod
    def of(cls, sentences: Sequence[Tagged], least: int) -> Numbering:
        """The words that occur at least so often, and all letters and tags.

        Raises:
            ValueError: there is no word.
        """
        words = [word for one in sentences for word in one.words]
        if not words:
            raise ValueError("the training part has no words; expected tagged sentences.")
        return cls(
            Inventory.of(map(plain, words), _SPECIAL, least),
            Inventory.of((letter for word in words for letter in word), _SPECIAL),
            Inventory.of(tag for one in sentences for tag in one.tags),
        )

    def knows(self, word: str) -> bool:
        """Whether a word has a number of its own."""
        return self._number(word) != UNKNOWN

    def _number(self, word: str) -> int:
        # A word may look like what stands for padding.
        return max(self.words.number(plain(word), UNKNOWN), UNKNOWN)

    def tag_numbers(self, tags: Sequence[str]) -> list[int]:
        """Numbers of tags.

        Raises:
            ValueError: a tag does not occur in the training part.
        """
        for tag in tags:
            if self.tags.number(tag, -1) < 0:
                known = ", ".join(self.tags.items[:20])
                raise ValueError(
                    f"tag {tag!r} does not occur in the training part, which has {known}; correct it there."
                )
        return [self.tags.number(tag) for tag in tags]

    def collate(self, sentences: Sequence[Tagged]) -> TagBatch:
        """A padded batch; unknown tags are not accepted."""
        tags = [self.tag_numbers(one.tags) for one in sentences]
        return self._batch([one.words for one in sentences], tags)

    def untagged(self, sentences: Sequence[Sequence[str]]) -> TagBatch:
        """A padded batch of words alone; its tags are all 0."""
        return self._batch(sentences, [[0] * len(words) for words in sentences])

    def _batch(self, sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[int]]) -> TagBatch:
        different = {word: place for place, word in enumerate(dict.fromkeys(w for words in sentences for w in words))}
        letters = [[self.letters.number(letter, UNKNOWN) for letter in ends(word)] for word in different]
        return TagBatch(
            padded([[self._number(word) for word in words] for words in sentences]),
            torch.tensor([len(words) for words in sentences]),
            padded(letters),
            torch.tensor([len(row) for row in letters]),
            padded([[different[word] for word in words] for words in sentences]),
            padded(tags),
        )

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        self.words.save(folder / "words.json")
        self.letters.save(folder / "letters.json")
        self.tags.save(folder / "tags.json")

    @classmethod
    def load(cls, folder: Path) -> Numbering:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: one is damaged.
        """
        return cls(*(Inventory.load(folder / f"{name}.json") for name in ("words", "letters", "tags")))


def plain(word: str) -> str:
    """A word as it is looked up.

    Example:
        >>> plain("May-2004")
        'may-0000'
    """
    return _DIGIT.sub("0", word.lower())


def ends(word: str) -> str:
    """A word, or its two ends where it is very long.

    Example:
        >>> ends("tag"), len(ends("x" * 99))
        ('tag', 30)
    """
    return word if len(word) <= _LONGEST else word[: _LONGEST // 2] + word[-_LONGEST // 2 :]


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """Rows as one tensor, filled up with 0."""
    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], dtype=torch.int64)
