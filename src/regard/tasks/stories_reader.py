"""A memory network and its words: from questions about stories to answers and what was read for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor

from regard.attention import Softmax
from regard.data import Question
from regard.data.stories import words_of
from regard.data.story_batches import StoryBatch, from_word, number_stories
from regard.data.vocabulary import UNKNOWN, Words
from regard.models import MemoryNetwork
from regard.train.distributed import share, summed
from regard.train.restarts import losses_of_each

# Questions that are answered at a time.
TOGETHER = 256


@dataclass(frozen=True)
class Read:
    """Probabilities of all words as answers, and weights of the sentences that were read, (hops, sentences)."""

    odds: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Reader:
    """Answers by the chosen network.

    Args:
        model: the networks.
        words: their vocabulary.
    """

    model: MemoryNetwork
    words: Words

    @property
    def memory(self) -> int:
        """The most sentences that are read."""
        return self.model.max_memories

    @property
    def beginning(self) -> str:
        """What training still is in; empty where the softmax is reached."""
        return "" if isinstance(self.model.weigh, Softmax) else "linear start"

    def read(self, questions: Sequence[Question], device: torch.device) -> Iterator[Read]:
        """What the chosen network makes of each question, in order."""
        for start in range(0, len(questions), TOGETHER):
            part = questions[start : start + TOGETHER]
            batch = number_stories(part, self.words, self.memory).to(device)
            with torch.no_grad():
                found = self.model(batch.story, batch.question)
            odds, weights = found.logits[:, self.model.chosen].softmax(-1), found.weights[:, self.model.chosen]
            for one, of_words, of_sentences in zip(part, odds, weights, strict=True):
                yield Read(of_words, of_sentences[:, : min(self.memory, len(one.story))])

    def measure(self, part: StoryBatch, processes: Accelerator) -> tuple[list[float], list[float]]:
        """Share of wrong answers, and mean loss, of every network; the processes share the questions."""
        mine, found = share(range(len(part)), processes), torch.zeros(2, len(self.model.each))
        for start in range(0, len(mine), TOGETHER):
            batch = part.rows(mine[start : start + TOGETHER]).to(processes.device)
            logits = self.model(batch.story, batch.question).logits
            wrong = (logits.argmax(-1) != batch.answer[:, None]).float()
            found += torch.stack((wrong, losses_of_each(logits, batch.answer))).sum(1).cpu()
        *totals, count = summed([*found.flatten().tolist(), float(len(mine))], processes)
        means = [total / max(1.0, count) for total in totals]
        return means[: len(means) // 2], means[len(means) // 2 :]

    def answer(self, read: Read) -> str:
        """The most probable word."""
        return self._text(int(read.odds.argmax()))

    def ranked(self, read: Read, count: int) -> list[dict[str, object]]:
        """The most probable words, best first."""
        best, places = read.odds.topk(min(count, len(read.odds)))
        pairs = zip(best.tolist(), places.tolist(), strict=True)
        return [{"text": self._text(place), "probability": round(odd, 5)} for odd, place in pairs]

    def record(self, one: Question, read: Read) -> dict[str, object]:
        """A question, our answer, and the sentences that were read with each hop's weights."""
        cut = max(0, len(one.story) - self.memory)
        return {
            "story": list(one.story[cut:]),
            "question": one.text,
            "text": self.answer(read),
            "supporting": [place - cut for place in one.supporting if place >= cut],
            "weights": [[round(weight, 5) for weight in row] for row in read.weights.tolist()],
        }

    def note(self, one: Question) -> str:
        """What of a question could not be read; empty where all could."""
        told = {word for text in (*one.story, one.text) for word in words_of(text)}
        unknown = sorted(word for word in told if self.words.encode(word) == [UNKNOWN])
        notes = [f"has words that training did not have: {', '.join(unknown)}"] if unknown else []
        if len(one.story) > self.memory:
            notes.append(f"has {len(one.story)} sentences; only the last {self.memory} are read")
        return "; ".join(notes)

    def _text(self, word: int) -> str:
        return from_word(self.words.decode([word]))
