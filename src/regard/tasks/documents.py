"""Documents and sentences: their class, and the words and sentences that were looked at for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from regard.data import Labelled, Splits
from regard.data.batches import token_batches
from regard.data.chunks import chunks
from regard.data.evenly import evenly
from regard.data.grids import Grid
from regard.data.lexicon import Lexicon
from regard.data.passages import passages, words
from regard.data.texts import class_numbers, labels_of
from regard.layers import redundancy
from regard.models import Classified
from regard.tasks.contract import Answer, Wish
from regard.tasks.documents_settings import ANCHORS, SMOKE, VARIANTS, Config, Counting, protocol_of
from regard.tasks.documents_words import baselines, fit_words, word_table
from regard.train.classification import balancing, classification_metrics, right_and_loss
from regard.train.distributed import gather_in_order, share
from regard.train.judging import Judge
from regard.train.loss import Loss
from regard.train.metrics import Metric
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation


class Documents:
    """A classifier of texts: model, words, labels, and what runner and verbs ask of a task."""

    recipe = Config
    smoke = SMOKE
    variants = VARIANTS
    compared = ("default", "self-attentive", "hierarchical", "transformer")
    anchors = ANCHORS

    def __init__(self, config: Config, lexicon: Lexicon, labels: list[str], vectors: Tensor | None) -> None:
        self.config, self.lexicon, self.labels = config, lexicon, labels
        torch.manual_seed(config.training.seed)
        table = word_table(config.known, lexicon, vectors)
        self.vector_size = table.size - config.known.embedding_size
        self.model = config.model.build(table, len(labels))
        self.judge = Judge(self.model, lexicon, config.limits)
        self.examples: list[list[list[int]]] = []
        self.classes: list[int] = []
        self.weight: Tensor | None = None
        self.validation: list[Labelled] = []

    @classmethod
    def of(cls, config: Config, splits: Splits[Labelled]) -> Self:
        """A new classifier for some data, ready to be trained."""
        texts = [[words(one.text, s) for s in passages(one.text, config.limits.words)] for one in splits.train]
        lexicon, vectors = fit_words(config.known, texts)
        made = cls(config, lexicon, labels_of(splits.train), vectors)
        made.examples = [lexicon.encode(text) for text in texts]
        made.classes, made.validation = class_numbers(splits.train, made.labels), splits.validation
        if config.counting is Counting.BALANCED:
            made.weight = balancing(torch.tensor(made.classes), len(made.labels))
        return made

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """The classifier of a run folder, its weights not read yet."""
        lexicon = Lexicon.load(run.path / "lexicon.json")
        found = run.read_fields("labels.json", {"labels": list, "vector_size": int})
        vectors = torch.zeros(len(lexicon.listed), found["vector_size"]) if found["vector_size"] else None
        return cls(config, lexicon, found["labels"], vectors)

    def store(self, run: RunFolder) -> None:
        """Write what `stored` reads."""
        self.lexicon.save(run.path / "lexicon.json")
        run.write_json("labels.json", {"labels": self.labels, "vector_size": self.vector_size})

    def batches(self, epoch: int) -> list[list[int]]:
        """Indices of every batch of an epoch."""
        training = self.config.training
        lengths = [(count, count) for count in (sum(map(len, text)) for text in self.examples)]
        return token_batches(lengths, training.tokens_per_batch, training.seed, epoch)

    def collate(self, indices: list[int]) -> Grid:
        """The batch of these training texts."""
        tokens = self.judge.grid([self.examples[index] for index in indices])
        return Grid(tokens, torch.tensor([self.classes[index] for index in indices]))

    def loss(self, model: nn.Module, batch: Grid) -> Loss:
        """Cross-entropy of the classes, with the penalty for rows that repeat each other, summed."""
        found: Classified = model(batch.tokens)
        scores, smoothing = found.scores.float(), self.config.training.label_smoothing
        plain = cross_entropy(scores, batch.classes, reduction="sum")
        if not model.training:
            return Loss(plain, plain.new_tensor(len(scores)), {"plain": plain})
        weight = None if self.weight is None else self.weight.to(scores)
        total = cross_entropy(scores, batch.classes, weight, reduction="sum", label_smoothing=smoothing)
        if self.config.redundancy:
            total = total + self.config.redundancy * sum(redundancy(one).sum() for one in found.weights)
        return Loss(total, plain.new_tensor(len(scores)), {"plain": plain.detach()})

    def validate(self, model: nn.Module, processes: Accelerator) -> Validation:
        """Accuracy, and the cross-entropy beside it."""
        right, loss = right_and_loss(self._probabilities(self.validation, processes), self._true(self.validation))
        return Validation(right, {"loss": loss, "accuracy": right})

    def score(self, splits: Splits[Labelled], processes: Accelerator) -> list[Metric]:
        """Accuracy, macro-F1, calibration error, and what is told of every class."""
        protocol = f"{protocol_of(splits.name, self.config)}; weights chosen by accuracy on validation"
        found = self._probabilities(splits.test, processes)
        return classification_metrics(found, self._true(splits.test), self.labels, protocol)

    def baselines(self, splits: Splits[Labelled]) -> list[Metric]:
        """Accuracy of the most frequent class, and of a linear model on words and pairs."""
        return baselines(splits, self.config.limits.words)

    def samples(self, splits: Splits[Labelled], processes: Accelerator) -> list[dict[str, object]]:
        """Test texts of middling length, evenly spread over the test set, with what was looked at."""
        ordered = sorted(splits.test, key=lambda one: len(one.text))
        chosen = evenly(ordered[len(ordered) // 4 : -len(ordered) // 4] or ordered, 6)
        found = self.judge.judge([one.text for one in chosen], processes.device)
        return [
            {"view": "passage", "true": one.label, **judged.record(one.text, self.labels)}
            for one, judged in zip(chosen, found, strict=True)
        ]

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """The class of every line, which is one text; an empty line has none."""
        for chunk in chunks(lines, wish.together):
            for text, judged in zip(chunk, self.judge.judge(chunk, processes.device), strict=True):
                if not judged.sentences:
                    yield Answer("", {"text": text, "label": None}, "has no words, so it has no class")
                    continue
                # Of two that are as probable the first is the better one, here as in the record.
                places = sorted(range(len(self.labels)), key=lambda place: -judged.probabilities[place])
                best = [self.labels[place] for place in places]
                yield Answer(best[0], judged.record(text, self.labels) | {"labels": best[: wish.best]}, judged.note)

    def _probabilities(self, asked: Sequence[Labelled], processes: Accelerator) -> Tensor:
        mine = self.judge.judge([one.text for one in share(asked, processes)], processes.device)
        return torch.tensor(gather_in_order([one.probabilities for one in mine], processes), dtype=torch.float64)

    def _true(self, examples: Sequence[Labelled]) -> Tensor:
        return torch.tensor(class_numbers(examples, self.labels))


TASK = Documents
