"""Documents and sentences: their class, and the words and sentences that were looked at for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from itertools import islice
from typing import Self

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from regard.data import Labelled, Splits
from regard.data.batches import token_batches
from regard.data.grids import Grid
from regard.data.lexicon import Lexicon, fit_lexicon
from regard.data.passages import passages, words
from regard.data.sentences import FOLDS
from regard.data.texts import LabelledTexts, check_labels, labels_of
from regard.data.vectors import pretrained
from regard.data.vocabulary import UNKNOWN
from regard.layers import redundancy
from regard.models import Classified, Convolutions, Flat, TextModel, Tuning, WordTable
from regard.tasks.contract import Anchor, Answer, Variant, Wish
from regard.train.bag_of_words import majority, tf_idf
from regard.train.classification import classification_metrics
from regard.train.distributed import gather_in_order, share
from regard.train.judging import Judge, Judged, Limits
from regard.train.loss import Loss
from regard.train.metrics import Metric
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation
from regard.train.schedule import Cosine
from regard.train.settings import Training

_SAMPLES = 6
# Recipes of the known numbers; all else is as in the defaults.
_MR = (
    "data.name=mr",
    "known.vectors=glove",
    "known.tuning=TUNED",
    "model.reader=AsTheyAre",
    "training.epochs=4",
    "training.tokens_per_batch=1100",
    "training.schedule.total=760",
)
_IMDB = (
    "data.name=imdb",
    "known.least=3",
    "known.pairs=50000",
    "known.runs=0",
    "known.embedding_size=64",
    "model=Hierarchical",
    "model.words=AsTheyAre",
    "model.sentences=BothWays",
    "model.sentences.hidden_size=32",
    "training.epochs=2",
    "training.tokens_per_batch=8000",
    "training.schedule.total=1300",
)


class Counting(Enum):
    """How much an example counts in the loss: all alike, or so that all classes count alike."""

    ALIKE = "alike"
    BALANCED = "balanced"


@dataclass(frozen=True)
class Known:
    """Which words are known, and as what.

    Args:
        least: occurrences in the training texts of a word or a pair that is learned.
        size: most learned words.
        pairs: most pairs of neighbouring words that are learned as well.
        runs: most runs of three to five letters that are learned, so that a word says something by its spelling.
        embedding_size: size of a learned vector.
        vectors: pretrained vectors beside the learned ones: none, glove, or a file in GloVe's text format.
        tuning: whether pretrained vectors are kept or tuned.
        beyond: how many of the most frequent words with a pretrained vector are known without having been learned.
        dropout: rate at which words are read as unknown while training; their pretrained vector stays.
    """

    least: int = 1
    size: int = 30_000
    pairs: int = 20_000
    runs: int = 20_000
    embedding_size: int = 100
    vectors: str = "none"
    tuning: Tuning = Tuning.KEPT
    beyond: int = 20_000
    dropout: float = 0.1


@dataclass(frozen=True)
class Config:
    """Documents. The defaults are the demonstration: TREC's questions in about half a minute.

    Args:
        data: what to learn from.
        known: which words are known.
        limits: how much of a text is read.
        model: Flat (self-attentive pooling, Transformer) or Hierarchical.
        redundancy: weight of the penalty for rows of weights that repeat each other (Lin et al. 2017, equation 8).
        counting: how much an example counts.
        training: how to train; batches are counted in words.
    """

    data: LabelledTexts = field(default_factory=LabelledTexts)
    known: Known = field(default_factory=Known)
    limits: Limits = field(default_factory=Limits)
    model: TextModel = field(default_factory=lambda: Flat(reader=Convolutions()))
    redundancy: float = 0.0
    counting: Counting = Counting.ALIKE
    training: Training = field(
        default_factory=lambda: Training(
            epochs=8,
            tokens_per_batch=500,
            learning_rate=2e-3,
            schedule=Cosine(total=900, warmup=50, last=0.0),
            precision="float32",
        )
    )


class Documents:
    """A classifier of texts: model, words, labels, and what runner and verbs ask of a task."""

    recipe = Config
    smoke = ("data.name=moods", "known.embedding_size=8", "known.pairs=50", "known.runs=50", "training.updates=3")
    variants = (
        Variant("default", "the recipe: words with their neighbours, four rows of weights"),
        Variant("self-attentive", "Lin et al. 2017", ("model.reader=BothWays", "redundancy=0.03")),
        Variant("hierarchical", "Yang et al. 2016", ("model=Hierarchical",)),
        Variant("transformer", "Vaswani et al. 2017", ("model.reader=SelfAttention",)),
        Variant("sparse", "the recipe with sparsemax", ("model.pool.weigh=SparsemaxWeights",)),
    )
    compared = ("default", "self-attentive", "hierarchical", "transformer")
    anchors = (
        Anchor(
            "trec",
            "accuracy",
            91.2,
            "Kim 2014, table 2, CNN-rand",
            91.2,
            runs=(("known.vectors=glove",),),
            minutes=0.7,
        ),
        Anchor(
            "mr",
            "accuracy",
            76.1,
            "Kim 2014, table 2, CNN-rand, ten folds",
            77.5,
            runs=tuple((*_MR, f"data.fold={fold}") for fold in range(FOLDS)),
            minutes=6.0,
        ),
        Anchor(
            "imdb",
            "accuracy",
            88.89,
            "Maas et al. 2011, table 2, full model and bag of words, on the published test half",
            88.0,
            runs=(_IMDB,),
            minutes=6.0,
        ),
    )

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
        self.ordered: dict[int, list[list[int]]] = {}
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
        # The runner asks at every step how far the epoch is; it is put in order once.
        if epoch not in self.ordered:
            lengths = [(count, count) for count in (sum(map(len, text)) for text in self.examples)]
            self.ordered = {epoch: token_batches(lengths, training.tokens_per_batch, training.seed, epoch)}
        return self.ordered[epoch]

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
        chosen = middle[:: max(1, len(middle) // _SAMPLES)][:_SAMPLES]
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
