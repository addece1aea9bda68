"""Machine translation: a sentence in, its translation and the alignment out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Self

import torch
from accelerate import Accelerator
from torch import nn

from regard.data import Pair, Splits
from regard.data.batches import Batch, collate, token_batches
from regard.data.chunks import chunks
from regard.data.evenly import evenly
from regard.data.vocabulary import Vocabulary, load_vocabulary
from regard.models import Seq2Seq
from regard.tasks.contract import Answer, Wish
from regard.tasks.translation_search import Translator
from regard.tasks.translation_settings import ANCHORS, SMOKE, VARIANTS, Config
from regard.train.distributed import gather_in_order, share, summed
from regard.train.loss import Loss, token_loss
from regard.train.metrics import Metric, bleu, chrf, exact_match
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation
from regard.train.strategies import Greedy, Strategy

_SOURCE, _TARGET = "source.vocabulary.json", "target.vocabulary.json"


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
        self.translator = Translator(self.model, source, target, config.search)
        self.examples: list[tuple[list[int], list[int]]] = []
        self.validation: list[Pair] = []

    @classmethod
    def of(cls, config: Config, splits: Splits[Pair]) -> Self:
        """A new translator for some data, ready to be trained.

        Raises:
            ValueError: no training pair is left.
        """
        made, longest = cls(config, *config.pieces.fit(splits.train)), config.data.longest
        made.examples = [one for one in made._numbered(splits.train) if one[1] and max(map(len, one)) <= longest]
        if not made.examples:
            raise ValueError(
                f"no training pair is left: all {len(splits.train)} are empty or have more than data.longest "
                f"({longest}) pieces."
            )
        made.validation = splits.validation
        return made

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """The translator of a run folder, its weights not read yet.

        Raises:
            ValueError: a file of the run is damaged.
            FileNotFoundError: one is missing.
        """
        return cls(config, load_vocabulary(run.path / _SOURCE), load_vocabulary(run.path / _TARGET))

    def store(self, run: RunFolder) -> None:
        """Write what `stored` reads."""
        self.source.save(run.path / _SOURCE)
        self.target.save(run.path / _TARGET)

    def batches(self, epoch: int) -> list[list[int]]:
        """Indices of every batch of an epoch."""
        training = self.config.training
        lengths = [(len(source) + 1, len(target) + 1) for source, target in self.examples]
        return token_batches(lengths, training.tokens_per_batch, training.seed, epoch)

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
        mine = self._numbered(share(pairs, processes))
        for start in range(0, len(mine), settings.batch):
            loss = self.loss(model, collate(mine[start : start + settings.batch]).to(processes.device))
            total, count = total + float(loss.sum), count + float(loss.count)
        total, count = summed([total, count], processes)
        return Validation(score.value, {"loss": total / max(1.0, count), "BLEU": score.value})

    def translate(self, texts: Sequence[str], strategy: Strategy, processes: Accelerator) -> list[str]:
        """The best translation of every text, shared among the processes."""
        found = self.translator.predict(share(texts, processes), strategy, processes.device)
        return gather_in_order([best[0].text for best in found], processes)

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
        chosen = evenly([p for p in splits.test if 6 <= len(p.source.split()) <= 18] or splits.test, 6)
        sources, strategy = [pair.source for pair in chosen], self.config.search.strategy()
        found = self.translator.predict(sources, strategy, processes.device)
        return [best[0].sample(pair) for pair, best in zip(chosen, found, strict=True)]

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """A translation of every line; an empty line stays empty."""
        strategy, lower = self.config.search.strategy(wish.best), self.config.data.lowercase
        for chunk in chunks(lines, wish.together):
            texts = [line.lower() if lower else line for line in chunk]
            found = self.translator.predict(texts, strategy, processes.device)
            for line, text, best in zip(chunk, texts, found, strict=True):
                record = {"source": line, "translations": [asdict(one) for one in best]}
                yield Answer(best[0].text, record, self.translator.note(text))

    def _numbered(self, pairs: Sequence[Pair]) -> list[tuple[list[int], list[int]]]:
        return [(self.source.encode(pair.source), self.target.encode(pair.target)) for pair in pairs]


TASK = Translation
