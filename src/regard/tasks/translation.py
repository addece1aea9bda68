"""Machine translation: a sentence in, its translation and the alignment out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Self

import torch
from accelerate import Accelerator
from torch import nn

from regard.data import Pair, Splits, dataset, multi30k, read_parallel
from regard.data.batches import Batch, collate, token_batches
from regard.data.evenly import evenly
from regard.data.vocabulary import (
    BEGIN,
    END,
    PAD,
    UNKNOWN,
    Characters,
    Subwords,
    Vocabulary,
    Words,
    load_vocabulary,
)
from regard.models import Seq2Seq
from regard.tasks.contract import Answer, Wish
from regard.tasks.translation_settings import ANCHORS, SMOKE, VARIANTS, Config, Data
from regard.train.distributed import gather_in_order, share, summed
from regard.train.loss import Loss, token_loss
from regard.train.metrics import Metric, bleu, chrf, exact_match
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation
from regard.train.search import Hypothesis, search
from regard.train.strategies import Greedy, Limits, Strategy

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


def _load(settings: Data) -> Splits[Pair]:
    if settings.name == "files":
        missing = [name for name in ("train", "validation", "test") if not getattr(settings, name)]
        if missing:
            raise ValueError(
                f"data.{missing[0]} is empty; with data.name=files all of data.train, data.validation and data.test "
                "need files, for example data.train=[train.en,train.fr]."
            )
        train, validation, test = (
            read_parallel(*paths) for paths in (settings.train, settings.validation, settings.test)
        )
        return Splits("files", train, validation, test, "your own", "")
    if settings.name == "multi30k" and settings.folder is not None:
        return multi30k.load(Path(settings.folder))
    found: Splits[Pair] = dataset(settings.name, Pair).load()
    return found


def fit(config: Config, splits: Splits[Pair]) -> tuple[Vocabulary, Vocabulary]:
    """Vocabularies of source and target, from the training part alone."""
    kinds: dict[str, type[Vocabulary]] = {"subwords": Subwords, "words": Words, "characters": Characters}
    kind = kinds[config.pieces.kind]
    sources, targets = [p.source for p in splits.train], [p.target for p in splits.train]
    if config.pieces.shared:
        both = kind.fit(sources + targets, config.pieces.size)
        return both, both
    return kind.fit(sources, config.pieces.size), kind.fit(targets, config.pieces.size)


class Translation:
    """A translator: model, vocabularies, and what runner and verbs ask of a task."""

    recipe = Config
    smoke = SMOKE
    variants = VARIANTS
    compared = ("none", "attention", "additive", "transformer")
    anchors = ANCHORS

    def __init__(self, config: Config, source: Vocabulary, target: Vocabulary) -> None:
        self.config, self.source, self.target = config, source, target
        torch.manual_seed(config.training.seed)
        self.model: Seq2Seq = config.model.build(source.size, target.size)
        self.examples: list[tuple[list[int], list[int]]] = []
        self.lengths: list[tuple[int, int]] = []
        self.validation: list[Pair] = []

    @staticmethod
    def data(config: Config) -> Splits[Pair]:
        """The three parts of the data, lower-cased if asked for.

        Raises:
            ValueError: the data set is not known, or its files are not right.
            OSError: it cannot be had.
        """
        splits = _load(config.data)
        if not config.data.lowercase:
            return splits
        train, validation, test = (
            [Pair(p.source.lower(), p.target.lower()) for p in part]
            for part in (splits.train, splits.validation, splits.test)
        )
        return Splits(splits.name, train, validation, test, splits.licence, splits.citation)

    @classmethod
    def of(cls, config: Config, splits: Splits[Pair]) -> Self:
        """A new translator for some data, ready to be trained."""
        made = cls(config, *fit(config, splits))
        made.use(splits)
        return made

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """The translator of a run folder, its weights not read yet.

        Raises:
            ValueError: a file of the run is damaged.
            FileNotFoundError: one is missing.
        """
        source = load_vocabulary(run.path / "source.vocabulary.json")
        return cls(config, source, load_vocabulary(run.path / "target.vocabulary.json"))

    def store(self, run: RunFolder) -> None:
        """Write what `stored` reads."""
        self.source.save(run.path / "source.vocabulary.json")
        self.target.save(run.path / "target.vocabulary.json")

    def use(self, splits: Splits[Pair]) -> None:
        """Number the training pairs and keep the validation pairs.

        Raises:
            ValueError: no training pair is left.
        """
        longest = self.config.data.longest
        numbered = ((self.source.encode(p.source), self.target.encode(p.target)) for p in splits.train)
        self.examples = [one for one in numbered if one[1] and max(map(len, one)) <= longest]
        if not self.examples:
            raise ValueError(
                f"no training pair is left: all {len(splits.train)} are empty or have more than data.longest "
                f"({longest}) pieces."
            )
        self.lengths = [(len(source) + 1, len(target) + 1) for source, target in self.examples]
        self.validation = splits.validation

    def batches(self, epoch: int) -> list[list[int]]:
        """Indices of every batch of an epoch."""
        training = self.config.training
        return token_batches(self.lengths, training.tokens_per_batch, training.seed, epoch)

    def collate(self, indices: list[int]) -> Batch:
        """The batch of these training pairs."""
        return collate([self.examples[index] for index in indices])

    def loss(self, model: nn.Module, batch: Batch) -> Loss:
        """Cross-entropy of the targets, summed."""
        features = model(batch.source, batch.source_lengths, batch.inputs)
        smoothing = self.config.training.label_smoothing if model.training else 0.0
        return token_loss(features, self.model.decoder.output, batch.targets, smoothing)

    def validate(self, model: nn.Module, processes: Accelerator) -> Validation:
        """BLEU of greedy translations, and the loss with the true previous words."""
        settings = self.config.search
        pairs = self.validation[: settings.validate_on]
        texts = self.translate([p.source for p in pairs], Greedy(), processes)
        score = bleu(texts, [p.target for p in pairs], lowercase=self.config.data.lowercase)
        total, count = 0.0, 0.0
        mine = share(pairs, processes)
        for start in range(0, len(mine), settings.batch):
            part = mine[start : start + settings.batch]
            numbered = [(self.source.encode(p.source), self.target.encode(p.target)) for p in part]
            loss = self.loss(model, collate(numbered).to(processes.device))
            total, count = total + float(loss.sum), count + float(loss.count)
        total, count = summed([total, count], processes)
        return Validation(score.value, {"loss": total / max(1.0, count), "BLEU": score.value})

    def translate(self, texts: Sequence[str], strategy: Strategy, processes: Accelerator) -> list[str]:
        """The best translation of every text, shared among the processes."""
        mine = share(texts, processes)
        found = [best[0].text for best in self.predict(mine, strategy, processes.device)]
        return gather_in_order(found, processes)

    def predict(self, texts: Sequence[str], strategy: Strategy, device: torch.device) -> Iterator[list[Prediction]]:
        """N-best translations of every text, in order; an empty text has an empty translation."""
        longest = self.config.search.longest_source
        numbered = [self.source.encode(" ".join(text.split()))[:longest] for text in texts]
        # Texts of one length share a batch, and the order is put back at the end.
        order = sorted(range(len(numbered)), key=lambda place: -len(numbered[place]))
        found: list[list[Prediction]] = [[] for _ in numbered]
        while order:
            size = max(1, min(self.config.search.batch, _POSITIONS // (len(numbered[order[0]]) + 1)))
            places, order = order[:size], order[size:]
            for place, best in zip(
                places, self._search([numbered[p] for p in places], strategy, device), strict=True
            ):
                found[place] = best
        yield from found

    def score(self, splits: Splits[Pair], processes: Accelerator) -> list[Metric]:
        """BLEU, chrF and exact match of translations of the test set by the run's search."""
        sources, references = [p.source for p in splits.test], [p.target for p in splits.test]
        texts = self.translate(sources, self.config.search.strategy(), processes)
        lowercase = self.config.data.lowercase
        return [bleu(texts, references, lowercase=lowercase), chrf(texts, references), exact_match(texts, references)]

    def baselines(self, splits: Splits[Pair]) -> list[Metric]:
        """BLEU of the trivial answer: the source itself."""
        sources, references = [p.source for p in splits.test], [p.target for p in splits.test]
        copied = bleu(sources, references, lowercase=self.config.data.lowercase)
        return [Metric("copying the source: BLEU", copied.value, copied.protocol)]

    def samples(self, splits: Splits[Pair], processes: Accelerator) -> list[dict[str, object]]:
        """Translations with alignments of test sentences of middling length, evenly spread over the test set."""
        fitting = [p for p in splits.test if 6 <= len(p.source.split()) <= 18] or splits.test
        chosen = evenly(fitting, 6)
        found = self.predict([p.source for p in chosen], self.config.search.strategy(), processes.device)
        return [
            {
                "view": "translation",
                "source": one.source,
                "target": one.target,
                "reference": pair.target,
                "text": one.text,
                "source_text": pair.source,
                "weights": one.weights,
            }
            for pair, (one, *_others) in zip(chosen, found, strict=True)
        ]

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """A translation of every line; an empty line stays empty."""
        strategy = self.config.search.strategy(wish.best)
        lower = self.config.data.lowercase
        while chunk := list(islice(lines, wish.together)):
            texts = [line.lower() if lower else line for line in chunk]
            for line, text, best in zip(chunk, texts, self.predict(texts, strategy, processes.device), strict=True):
                record = {"source": line, "translations": [asdict(one) for one in best]}
                yield Answer(best[0].text, record, self._note(text))

    def _note(self, text: str) -> str:
        longest = self.config.search.longest_source
        # A piece has at least one character, so shorter lines need not be counted.
        if len(text) <= longest or (pieces := len(self.source.encode(text))) <= longest:
            return ""
        return f"has {pieces} pieces; only the first {longest} are read (search.longest_source)"

    def _search(self, sources: list[list[int]], strategy: Strategy, device: torch.device) -> list[list[Prediction]]:
        batch = collate([(source, []) for source in sources]).to(device)
        with torch.no_grad():
            encoded = self.model.encode(batch.source, batch.source_lengths)
            limits = self._limits(device)
            found = search(self.model.decoder, encoded, strategy, limits, begin=BEGIN, end=END)
        return [
            [
                self._prediction(source, hypothesis) if source else Prediction("", [], [], 0.0, None)
                for hypothesis in best
            ]
            for source, best in zip(sources, found, strict=True)
        ]

    def _limits(self, device: torch.device) -> Limits:
        """What a translation may be: never padding, a second beginning or an unknown piece."""
        may_follow = torch.ones(self.target.size, dtype=torch.bool, device=device)
        may_follow[[PAD, BEGIN, UNKNOWN]] = False
        settings = self.config.search
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


TASK = Translation
