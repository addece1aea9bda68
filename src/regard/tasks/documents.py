"""Documents and sentences: their class, and the words and sentences that were looked at for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Self

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from regard.data import Labelled, Splits
from regard.data.batches import token_batches
from regard.data.evenly import evenly
from regard.data.grids import Grid
from regard.data.lexicon import Lexicon, fit_lexicon
from regard.data.passages import passages, words
from regard.data.sentences import FOLDS
from regard.data.texts import check_labels, labels_of
from regard.data.vectors import pretrained
from regard.data.vocabulary import UNKNOWN
from regard.layers import redundancy
from regard.models import Classified, WordTable
from regard.tasks.contract import Answer, Wish
from regard.tasks.documents_settings import ANCHORS, SMOKE, VARIANTS, Config, Counting
from regard.train.bag_of_words import majority, tf_idf
from regard.train.classification import classification_metrics
from regard.train.distributed import gather_in_order, share
from regard.train.judging import Judge, Judged
from regard.train.loss import Loss
from regard.train.metrics import Metric
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation

_SAMPLES = 6


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
        table = WordTable(
            lexicon.learned,
            config.known.embedding_size,
            unknown=UNKNOWN,
            word_dropout=config.known.dropout,
            pairs=torch.tensor(lexicon.pairs, dtype=torch.int64).view(-1, 2),
            spellings=torch.from_numpy(lexicon.spellings()) if lexicon.runs else None,
            vectors=vectors,
            tuning=config.known.tuning,
        )
        self.vector_size = table.size - config.known.embedding_size
        self.model = config.model.build(table, len(labels))
        self.judge = Judge(self.model, lexicon, config.limits)
        self.examples: list[list[list[int]]] = []
        self.classes: list[int] = []
        self.validation: list[Labelled] = []

    @staticmethod
    def data(config: Config) -> Splits[Labelled]:
        """The three parts of the data.

        Raises:
            ValueError: the data set is not known, or its files are not right.
            OSError: it cannot be had.
        """
        return config.data.load()

    @classmethod
    def of(cls, config: Config, splits: Splits[Labelled]) -> Self:
        """A new classifier for some data, ready to be trained."""
        known, longest = config.known, config.limits.words
        texts = [[words(one.text, s) for s in passages(one.text, longest)] for one in splits.train]
        vectors = pretrained(known.vectors)
        lexicon = fit_lexicon(
            texts,
            least=known.least,
            size=known.size,
            pairs=known.pairs,
            runs=known.runs,
            vector_words=[] if vectors is None else vectors.words[: known.beyond],
        )
        table = None if vectors is None else torch.from_numpy(vectors.of(lexicon.listed))
        made = cls(config, lexicon, labels_of(splits.train), table)
        made.examples = [lexicon.encode(text) for text in texts]
        made.classes = [made.labels.index(one.label) for one in splits.train]
        made.validation = splits.validation
        return made

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """The classifier of a run folder, its weights not read yet.

        Raises:
            ValueError: a file of the run is damaged.
            FileNotFoundError: one is missing.
        """
        lexicon, stored = Lexicon.load(run.path / "lexicon.json"), run.read_json("labels.json")
        assert isinstance(stored, dict)
        width = stored["vector_size"]
        return cls(config, lexicon, stored["labels"], torch.zeros(len(lexicon.listed), width) if width else None)

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
        weight = self._class_weights(scores)
        total = cross_entropy(scores, batch.classes, weight, reduction="sum", label_smoothing=smoothing)
        if self.config.redundancy:
            total = total + self.config.redundancy * sum(redundancy(one).sum() for one in found.weights)
        return Loss(total, plain.new_tensor(len(scores)), {"plain": plain.detach()})

    def validate(self, model: nn.Module, processes: Accelerator) -> Validation:
        """Accuracy, and the cross-entropy beside it."""
        found, true = self._probabilities(self.validation, processes), self._true(self.validation)
        right = 100 * float((found.argmax(1) == true).double().mean())
        loss = -float(found.gather(1, true[:, None]).clamp(min=1e-12).log().mean())
        return Validation(right, {"loss": loss, "accuracy": right})

    def score(self, splits: Splits[Labelled], processes: Accelerator) -> list[Metric]:
        """Accuracy, macro-F1, calibration error, and what is told of every class."""
        protocol = f"test set of {splits.name}{self._fold(splits)}; weights chosen by accuracy on validation"
        found = self._probabilities(splits.test, processes)
        return classification_metrics(found, self._true(splits.test), self.labels, protocol)

    def baselines(self, splits: Splits[Labelled]) -> list[Metric]:
        """Accuracy of the most frequent class, and of a linear model on words and pairs."""
        known, asked = [one.label for one in splits.train], [one.label for one in splits.test]
        texts, questions = ([self._plain(one.text) for one in part] for part in (splits.train, splits.test))
        return [majority(known, asked), tf_idf(texts, known, questions, asked)]

    def samples(self, splits: Splits[Labelled], processes: Accelerator) -> list[dict[str, object]]:
        """Test texts of middling length, evenly spread over the test set, with what was looked at."""
        ordered = sorted(splits.test, key=lambda one: len(one.text))
        middle = ordered[len(ordered) // 4 : -len(ordered) // 4] or ordered
        chosen = evenly(middle, _SAMPLES)
        found = self.judge.judge([one.text for one in chosen], processes.device)
        return [
            {"view": "passage", "true": one.label, **self._record(one.text, judged)}
            for one, judged in zip(chosen, found, strict=True)
        ]

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """The class of every line, which is one text; an empty line has none."""
        while chunk := list(islice(lines, wish.together)):
            for text, judged in zip(chunk, self.judge.judge(chunk, processes.device), strict=True):
                if not judged.sentences:
                    yield Answer("", {"text": text, "label": None}, "has no words, so it has no class")
                    continue
                record = self._record(text, judged)
                best = sorted(zip(judged.probabilities, self.labels, strict=True), reverse=True)[: wish.best]
                record["labels"] = [label for _probability, label in best]
                yield Answer(best[0][1], record, judged.note)

    def _record(self, text: str, judged: Judged) -> dict[str, object]:
        probabilities = dict(zip(self.labels, judged.probabilities, strict=True))
        label = max(self.labels, key=probabilities.__getitem__)
        sentences = [asdict(one) for one in judged.sentences]
        return {"text": text, "label": label, "probabilities": probabilities, "sentences": sentences}

    def _probabilities(self, examples: Sequence[Labelled], processes: Accelerator) -> Tensor:
        mine = self.judge.judge([one.text for one in share(examples, processes)], processes.device)
        return torch.tensor(gather_in_order([one.probabilities for one in mine], processes), dtype=torch.float64)

    def _true(self, examples: Sequence[Labelled]) -> Tensor:
        check_labels(examples, self.labels, "data")
        return torch.tensor([self.labels.index(one.label) for one in examples])

    def _class_weights(self, scores: Tensor) -> Tensor | None:
        if self.config.counting is Counting.ALIKE:
            return None
        counts = torch.bincount(torch.tensor(self.classes), minlength=len(self.labels)).to(scores)
        return len(self.classes) / (len(self.labels) * counts)

    def _plain(self, text: str) -> str:
        longest = self.config.limits.words
        return " ".join(word for spans in passages(text, longest) for word in words(text, spans))

    def _fold(self, splits: Splits[Labelled]) -> str:
        return f", fold {self.config.data.fold} of {FOLDS}" if splits.name == "mr" else ""


TASK = Documents
