"""Texts judged by a classifier: probabilities, and which words and sentences were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate

import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.grids import flat_grid, nested_grid
from regard.data.lexicon import Lexicon
from regard.data.passages import Span, passages, words
from regard.models import Classified, Classifier


@dataclass(frozen=True)
class Limits:
    """How much of a text is read.

    Args:
        words: most words of a sentence; longer ones are cut in pieces.
        sentences: most sentences of a text, for a model that reads sentences.
        flat: most words of a text, for a model that reads none but words.
        batch: texts at a time when they are judged.
    """

    words: int = 40
    sentences: int = 40
    flat: int = 400
    batch: int = 64

    def __post_init__(self) -> None:
        for name in ("words", "sentences", "flat", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"limits.{name} is {getattr(self, name)}, expected a positive number.")


@dataclass(frozen=True)
class Looked:
    """A sentence: its weight in the text, and (start, end, weight in the sentence) of every word."""

    weight: float
    words: list[tuple[int, int, float]]


@dataclass(frozen=True)
class Judged:
    """A text: the probability of every class, its sentences, and what its reader should know; empty where nothing."""

    probabilities: list[float]
    sentences: list[Looked]
    note: str = ""

    def record(self, text: str, labels: Sequence[str]) -> dict[str, object]:
        """The text with its class and all beside it, as JSON holds it."""
        best = labels[max(range(len(labels)), key=self.probabilities.__getitem__)]
        probabilities = dict(zip(labels, self.probabilities, strict=True))
        sentences = [asdict(one) for one in self.sentences]
        return {"text": text, "label": best, "probabilities": probabilities, "sentences": sentences}


class Judge:
    """Judges texts with a classifier of words (one level) or of sentences and words (two).

    Args:
        model: the classifier.
        lexicon: numbers of words.
        limits: how much of a text is read.
    """

    def __init__(self, model: Classifier, lexicon: Lexicon, limits: Limits) -> None:
        self.model, self.lexicon, self.limits = model, lexicon, limits
        self.nested = len(model.levels) == 2

    def grid(self, numbered: Sequence[list[list[int]]]) -> Int[Tensor, batch * levels]:
        """Numbered texts as the model reads them."""
        if self.nested:
            return nested_grid(numbered, self.limits.sentences)
        return flat_grid(numbered, self.limits.flat)

    def judge(self, texts: Sequence[str], device: torch.device) -> list[Judged]:
        """The texts judged, in their order; one without words has no sentences."""
        cut = [passages(text, self.limits.words) for text in texts]
        numbered = [
            self.lexicon.encode([words(text, spans) for spans in sentences])
            for text, sentences in zip(texts, cut, strict=True)
        ]
        # Texts of about one length share a batch, and the order is put back at the end.
        order = sorted(range(len(texts)), key=lambda place: sum(map(len, numbered[place])))
        found: dict[int, Judged] = {}
        for start in range(0, len(order), self.limits.batch):
            places = order[start : start + self.limits.batch]
            with torch.no_grad():
                said: Classified = self.model(self.grid([numbered[place] for place in places]).to(device))
            probabilities = said.scores.double().softmax(-1).tolist()
            weights = [_of_words(said, self.nested, row) for row in range(len(places))]
            for row, place in enumerate(places):
                looked = [Looked(*one) for one in _looked(cut[place], *weights[row])]
                found[place] = Judged(probabilities[row], looked, self._note(cut[place]))
        return [found[place] for place in range(len(texts))]

    def _note(self, sentences: list[list[Span]]) -> str:
        count, limits = sum(map(len, sentences)), self.limits
        if self.nested and len(sentences) > limits.sentences:
            return f"has {len(sentences)} sentences; only {limits.sentences} are read (limits.sentences)"
        if not self.nested and count > limits.flat:
            return f"has {count} words; only {limits.flat} are read (limits.flat)"
        return ""


def _of_words(said: Classified, nested: bool, row: int) -> tuple[list[float], list[list[float]]]:
    """Weights of sentences and of the words in each, the mean over the rows of a pool."""
    if nested:
        return said.weights[0][row].mean(0).tolist(), said.weights[1][row].mean(1).tolist()
    return [], [said.weights[0][row].mean(0).tolist()]


def _looked(
    sentences: list[list[Span]], weights: list[float], word_weights: list[list[float]]
) -> list[tuple[float, list[tuple[int, int, float]]]]:
    """Weight of each sentence, and of its words within it; what was not read has 0."""
    if not weights:
        # A flat model weighs words within the text: a sentence has the sum of its words.
        starts = [0, *accumulate(map(len, sentences))]
        flat = word_weights[0] + [0.0] * starts[-1]
        parts = [flat[start : start + len(one)] for start, one in zip(starts, sentences, strict=False)]
        weights = [sum(part) for part in parts]
        word_weights = [[one / (whole or 1.0) for one in part] for part, whole in zip(parts, weights, strict=True)]
    found = []
    for place, spans in enumerate(sentences):
        read = place < len(weights)
        own = word_weights[place] if read else [0.0] * len(spans)
        shares = [(span.start, span.end, round(own[at], 5)) for at, span in enumerate(spans)]
        found.append((round(weights[place], 5) if read else 0.0, shares))
    return found
