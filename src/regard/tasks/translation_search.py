"""Translations of texts by a trained model, with what was looked at for each piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from regard.data import Pair
from regard.data.batches import collate
from regard.data.vocabulary import BEGIN, END, PAD, UNKNOWN, Vocabulary
from regard.models import Seq2Seq
from regard.tasks.translation_settings import Search
from regard.train.search import Hypothesis, search
from regard.train.strategies import Limits, Strategy

# Source positions that a search holds at a time, so that a few very long sources do not fill the memory.
_POSITIONS = 16_384


@dataclass(frozen=True)
class Prediction:
    """A translation, its pieces, and how the source was looked at for each of them (the end included)."""

    text: str
    source: list[str]
    target: list[str]
    score: float
    weights: list[list[float]] | None

    def sample(self, pair: Pair) -> dict[str, object]:
        """The translation beside that of a human, as it is shown."""
        return {
            "view": "translation",
            "source": self.source,
            "target": self.target,
            "reference": pair.target,
            "text": self.text,
            "source_text": pair.source,
            "weights": self.weights,
        }


@dataclass(frozen=True)
class Translator:
    """Translates texts.

    Args:
        model: what translates.
        source: pieces of a source.
        target: pieces of a translation.
        settings: how translations are searched.
    """

    model: Seq2Seq
    source: Vocabulary
    target: Vocabulary
    settings: Search

    def predict(self, texts: Sequence[str], strategy: Strategy, device: torch.device) -> Iterator[list[Prediction]]:
        """N-best translations of every text, in order; an empty text has an empty translation."""
        longest = self.settings.longest_source
        numbered = [self.source.encode(" ".join(text.split()))[:longest] for text in texts]
        # Texts of one length share a batch, and the order is put back at the end.
        order = sorted(range(len(numbered)), key=lambda place: -len(numbered[place]))
        found: list[list[Prediction]] = [[] for _ in numbered]
        while order:
            size = max(1, min(self.settings.batch, _POSITIONS // (len(numbered[order[0]]) + 1)))
            places, order = order[:size], order[size:]
            best = self._searched([numbered[place] for place in places], strategy, device)
            for place, mine in zip(places, best, strict=True):
                found[place] = mine
        yield from found

    def note(self, text: str) -> str:
        """What a user should know about a source; empty where there is nothing."""
        longest = self.settings.longest_source
        # A piece has at least one character, so shorter lines need not be counted.
        if len(text) <= longest or (pieces := len(self.source.encode(text))) <= longest:
            return ""
        return f"has {pieces} pieces; only the first {longest} are read (search.longest_source)"

    def _searched(
        self, sources: list[list[int]], strategy: Strategy, device: torch.device
    ) -> Iterator[list[Prediction]]:
        batch = collate([(source, []) for source in sources]).to(device)
        with torch.no_grad():
            encoded = self.model.encode(batch.source, batch.source_lengths)
            found = search(self.model.decoder, encoded, strategy, self._limits(device), begin=BEGIN, end=END)
        nothing = Prediction("", [], [], 0.0, None)
        for source, best in zip(sources, found, strict=True):
            yield [self._prediction(source, one) if source else nothing for one in best]

    def _limits(self, device: torch.device) -> Limits:
        """What a translation may be: never padding, a second beginning or an unknown piece."""
        may_follow = torch.ones(self.target.size, dtype=torch.bool, device=device)
        may_follow[[PAD, BEGIN, UNKNOWN]] = False
        settings = self.settings
        return Limits(
            settings.maximum, settings.minimum, allowed=lambda prefixes: may_follow.expand(len(prefixes), -1)
        )

    def _prediction(self, source: list[int], found: Hypothesis) -> Prediction:
        weights = None if found.weights is None else [[round(w, 5) for w in row] for row in found.weights.tolist()]
        return Prediction(
            self.target.decode(found.tokens),
            [*self.source.pieces(source), "</s>"],
            [*self.target.pieces(found.tokens), "</s>"],
            found.score,
            weights,
        )
