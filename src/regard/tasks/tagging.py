"""Tagging: a sentence in, a tag for every word out, and what the words looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Self

import torch
from accelerate import Accelerator
from torch import nn

from regard.data import Splits, Tagged
from regard.data.batches import token_batches
from regard.data.chunks import chunks
from regard.data.evenly import evenly
from regard.data.tag_batches import Numbering, TagBatch
from regard.data.untagged import untagged
from regard.layers import Allowed
from regard.models import Tagger
from regard.tasks.contract import Answer, Wish
from regard.tasks.tagging_samples import sample
from regard.tasks.tagging_scores import baselines, main_metric, metrics
from regard.tasks.tagging_search import Choice, taggings, words_of
from regard.tasks.tagging_settings import ANCHORS, SMOKE, VARIANTS, Config, allowed_tags, check_tags, training_part
from regard.train.distributed import gather_in_order, share
from regard.train.loss import Loss
from regard.train.metrics import Metric
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation


class Tagging:
    """A tagger: model, numbers of words and tags, and what runner and verbs ask of a task."""

    recipe = Config
    smoke = SMOKE
    variants = VARIANTS
    compared = ("none", "attention")
    anchors = ANCHORS

    def __init__(self, config: Config, numbering: Numbering) -> None:
        self.config, self.numbering = config, numbering
        torch.manual_seed(config.training.seed)
        allowed: Allowed = allowed_tags(numbering.tags.items, config.data.scheme)
        self.model: Tagger = config.model.build(len(numbering.words), len(numbering.letters), allowed)
        self.examples: list[Tagged] = []
        self.validation: list[Tagged] = []

    @classmethod
    def of(cls, config: Config, splits: Splits[Tagged]) -> Self:
        """A new tagger for some data.

        Raises:
            ValueError: no training sentence is left, all words have the same tag, or tags break the scheme.
        """
        check_tags(config.data, splits)
        examples = training_part(splits, config.data.longest)
        made = cls(config, Numbering.of(examples, config.least))
        made.examples, made.validation = examples, splits.validation
        return made

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """The tagger of a run folder, its weights not read yet."""
        return cls(config, Numbering.load(run.path))

    def store(self, run: RunFolder) -> None:
        """Write what `stored` reads."""
        self.numbering.save(run.path)

    def batches(self, epoch: int) -> list[list[int]]:
        """Indices of every batch of an epoch."""
        lengths, training = [(len(one.words),) * 2 for one in self.examples], self.config.training
        return token_batches(lengths, training.tokens_per_batch, training.seed, epoch)

    def collate(self, indices: list[int]) -> TagBatch:
        """The batch of these training sentences."""
        return self.numbering.collate([self.examples[index] for index in indices])

    def loss(self, model: nn.Module, batch: TagBatch) -> Loss:
        """Minus the log-likelihood of the tags, summed; a count for each word."""
        return Loss(-model(words_of(batch), batch.lengths, batch.tags).sum(), batch.lengths.sum(), {})

    def validate(self, model: nn.Module, processes: Accelerator) -> Validation:
        """F1 of spans where tags mark them, else accuracy."""
        tags = self.tag([one.words for one in self.validation], processes)
        found = main_metric(tags, self.validation, self.config.data.scheme)
        return Validation(found.value, {found.name: found.value})

    def tag(self, sentences: Sequence[Sequence[str]], processes: Accelerator) -> list[list[str]]:
        """The most probable tags of every sentence, shared among the processes."""
        mine = share(sentences, processes)
        return gather_in_order([best[0].tags for best in self.n_best(mine, 1, processes.device)], processes)

    def n_best(self, sentences: Sequence[Sequence[str]], count: int, device: torch.device) -> list[list[Choice]]:
        """The most probable taggings of every sentence, best first; one without words has an empty one."""
        return taggings(self.model, self.numbering, sentences, count, self.config.batch, device)

    def score(self, splits: Splits[Tagged], processes: Accelerator) -> list[Metric]:
        """Accuracy, and F1 where tags mark spans, on the test set."""
        tags = self.tag([one.words for one in splits.test], processes)
        return metrics(tags, splits.test, self.config.data.scheme, self.numbering.knows)

    def baselines(self, splits: Splits[Tagged]) -> list[Metric]:
        """Each word's most frequent tag, and a linear model of each word alone."""
        return baselines(splits, self.config.data.scheme)

    def samples(self, splits: Splits[Tagged], processes: Accelerator) -> list[dict[str, object]]:
        """Test sentences of middling length with attention, probabilities and transitions."""
        fitting = [one for one in splits.test if 6 <= len(one.words) <= 16] or splits.test
        chosen = evenly(fitting, 6)
        found = self.n_best([one.words for one in chosen], 1, processes.device)
        return [
            sample(self.model, self.numbering, one, processes.device)
            for one, (best, *_) in zip(chosen, found, strict=True)
            if best.log_probability is not None
        ]

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """Tags of every sentence, in the form that it came in: text, columns or CoNLL-U."""
        sentences = untagged(lines, self.config.data.column, self.config.form, self.numbering.tags.items)
        for chunk in chunks(sentences, wish.together):
            found = self.n_best([one.words for one in chunk], wish.best, processes.device)
            for one, best in zip(chunk, found, strict=True):
                record = {"words": list(one.words), "taggings": [asdict(choice) for choice in best]}
                yield Answer(one.answered(best[0].tags), record, best[0].note)


TASK = Tagging
