"""Questions about stories as padded numbers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.stories import Question, words_of
from regard.data.vocabulary import PAD, Words

# No letter and no space: Unicode keeps it for a program's own use, so no text has it.
_JOINER = "\ufdd0"


@dataclass(frozen=True)
class StoryBatch:
    """Stories, the questions asked of them and the numbers of their answers; PAD fills up."""

    story: Int[Tensor, "batch sentences words"]
    question: Int[Tensor, "batch words"]
    answer: Int[Tensor, " batch"]

    def __len__(self) -> int:
        return len(self.answer)

    def to(self, device: torch.device) -> StoryBatch:
        """The batch on a device."""
        return StoryBatch(self.story.to(device), self.question.to(device), self.answer.to(device))

    def rows(self, indices: Sequence[int]) -> StoryBatch:
        """Some of it, as wide as its longest story."""
        chosen = torch.tensor(indices, dtype=torch.int64)
        story = self.story[chosen]
        # A sentence without words is a place like any other: only what is empty in all to the end is cut.
        told = (story != PAD).any(-1).any(0).nonzero()
        longest = int(told.max()) + 1 if len(told) else 1
        return StoryBatch(story[:, :longest], self.question[chosen], self.answer[chosen])


def fit_words(questions: Sequence[Question]) -> Words:
    """All words of stories and questions, and every answer as one word."""
    sentences = {sentence for one in questions for sentence in (*one.story, one.text)}
    texts = [*map(_spaced, sentences), *(as_word(one.answer) for one in questions)]
    return Words.fit(texts, size=1 << 31)


def number_stories(questions: Sequence[Question], words: Words, most: int) -> StoryBatch:
    """Numbers of the last `most` sentences of every story, of its question and its answer."""
    known: dict[str, list[int]] = {}

    def numbers(text: str) -> list[int]:
        # The same few sentences are told again and again.
        if text not in known:
            known[text] = words.encode(_spaced(text))
        return known[text]

    stories = [[numbers(sentence) for sentence in one.story[-most:]] for one in questions]
    asked = [numbers(one.text) for one in questions]
    answers = [(words.encode(as_word(one.answer)) or [PAD])[0] for one in questions]
    longest, widest = (max([1, *map(len, lists)]) for lists in (stories, known.values()))
    story = torch.zeros(len(questions), longest, widest, dtype=torch.int64)
    question = torch.zeros(len(questions), widest, dtype=torch.int64)
    for row, (sentences, ask) in enumerate(zip(stories, asked, strict=True)):
        question[row, : len(ask)] = torch.tensor(ask, dtype=torch.int64)
        for place, sentence in enumerate(sentences):
            story[row, place, : len(sentence)] = torch.tensor(sentence, dtype=torch.int64)
    return StoryBatch(story, question, torch.tensor(answers, dtype=torch.int64))


def whole_batches(count: int, size: int, seed: int, epoch: int) -> list[list[int]]:
    """Indices in shuffled batches of one size; what is left over waits for the next epoch's order.

    Seed and epoch decide everything. Fewer examples than a batch are one batch.

    Example:
        >>> [len(batch) for batch in whole_batches(7, 3, seed=1, epoch=0)], whole_batches(1, 3, seed=1, epoch=0)
        ([3, 3], [[0]])
    """
    order = list(range(count))
    random.Random(f"{seed}-{epoch}").shuffle(order)
    if count < size:
        return [order]
    return [order[start : start + size] for start in range(0, count - size + 1, size)]


def as_word(answer: str) -> str:
    """An answer as one word, whatever it is made of."""
    return answer.replace(" ", _JOINER)


def from_word(word: str) -> str:
    """The answer that `as_word` made a word of.

    Example:
        >>> from_word(as_word("new_york or rome"))
        'new_york or rome'
    """
    return word.replace(_JOINER, " ")


def _spaced(text: str) -> str:
    return " ".join(words_of(text))
