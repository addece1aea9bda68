"""Settings of machine translation, the mechanisms it can be compared with, and the numbers that are known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from regard.data import Pair, Splits, dataset, multi30k, read_parallel
from regard.data.own_parts import check_read
from regard.data.vocabulary import Characters, Subwords, Vocabulary, Words
from regard.models import Architecture, Recurrent
from regard.tasks.contract import Anchor, Variant
from regard.tasks.pieces import check_size
from regard.train.schedule import Exponential
from regard.train.settings import Training
from regard.train.strategies import Beam, Greedy, Strategy


@dataclass(frozen=True)
class Data:
    """What to learn from.

    Args:
        name: a data set by name (see `regard data`), or "files" for your own.
        train: your own training pairs: two text files, or one .tsv, .csv or .jsonl (with name: files).
        validation: your own validation pairs, in the same way.
        test: your own test pairs, in the same way.
        folder: where Multi30k's files lie, instead of its official address.
        lowercase: whether all text is lower-cased, references included.
        longest: training pairs with more pieces than this on a side are left out.
    """

    name: str = "statcan"
    train: list[str] = field(default_factory=list)
    validation: list[str] = field(default_factory=list)
    test: list[str] = field(default_factory=list)
    folder: str | None = None
    lowercase: bool = False
    longest: int = 80

    def load(self) -> Splits[Pair]:
        """The three parts, lower-cased if asked for.

        Raises:
            ValueError: the data set is not known, its files are not right, or some would not be read.
            OSError: it cannot be had.
        """
        check_read(self.name, {"train": self.train, "validation": self.validation, "test": self.test})
        splits = self._found()
        if not self.lowercase:
            return splits
        train, validation, test = (
            [Pair(pair.source.lower(), pair.target.lower()) for pair in part]
            for part in (splits.train, splits.validation, splits.test)
        )
        return Splits(splits.name, train, validation, test, splits.licence, splits.citation)

    def _found(self) -> Splits[Pair]:
        if self.name == "files":
            train, validation, test = (self._own(name) for name in ("train", "validation", "test"))
            return Splits("files", train, validation, test, "your own", "")
        if self.name == "multi30k" and self.folder is not None:
            return multi30k.load(Path(self.folder))
        found: Splits[Pair] = dataset(self.name, Pair).load()
        return found

    def _own(self, name: str) -> list[Pair]:
        paths: list[str] = getattr(self, name)
        if not paths:
            raise ValueError(
                f"data.{name} is empty; with data.name=files all of data.train, data.validation and data.test "
                "need files, for example data.train=[train.en,train.fr]."
            )
        return read_parallel(*paths)


@dataclass(frozen=True)
class Pieces:
    """How text becomes pieces.

    Args:
        kind: subwords (byte-pair), words or characters; fitted on the training part only.
        size: most pieces of a vocabulary.
        shared: whether source and target have one vocabulary.
    """

    kind: Literal["subwords", "words", "characters"] = "subwords"
    size: int = 4000
    shared: bool = False

    def __post_init__(self) -> None:
        check_size(self.kind, self.size)

    def fit(self, pairs: Sequence[Pair]) -> tuple[Vocabulary, Vocabulary]:
        """Vocabularies of source and target, from training pairs alone."""
        kinds: dict[str, type[Vocabulary]] = {"subwords": Subwords, "words": Words, "characters": Characters}
        kind = kinds[self.kind]
        sources, targets = [pair.source for pair in pairs], [pair.target for pair in pairs]
        if self.shared:
            both = kind.fit(sources + targets, self.size)
            return both, both
        return kind.fit(sources, self.size), kind.fit(targets, self.size)


@dataclass(frozen=True)
class Search:
    """How translations are searched when they are scored or asked for.

    Args:
        beam: hypotheses side by side; 1 is greedy.
        length_penalty: 0 prefers short translations, 1 is a mean over the length.
        maximum: most pieces of a translation.
        minimum: fewest pieces.
        validate_on: sentences of the validation set that are translated (greedily) at each validation.
        batch: sentences at a time.
        longest_source: pieces of a source that are read; the rest is cut.
    """

    beam: int = 5
    length_penalty: float = 1.0
    maximum: int = 200
    minimum: int = 0
    validate_on: int = 500
    batch: int = 64
    longest_source: int = 1000

    def strategy(self, n_best: int = 1) -> Strategy:
        """The strategy for scoring."""
        return Greedy() if self.beam == 1 == n_best else Beam(max(self.beam, n_best), self.length_penalty, n_best)


@dataclass(frozen=True)
class Config:
    """Translation. The defaults are the demonstration: English to French in about four minutes on two cores.

    Args:
        data: what to learn from.
        pieces: how text becomes pieces.
        model: the architecture: Recurrent (with a mechanism) or Transformer.
        training: how to train.
        search: how to search for translations.
    """

    data: Data = field(default_factory=Data)
    pieces: Pieces = field(default_factory=Pieces)
    model: Architecture = field(default_factory=lambda: Recurrent(dropout=0.1))
    training: Training = field(
        default_factory=lambda: Training(
            minutes=4.0, epochs=None, tokens_per_batch=1024, learning_rate=2e-3, schedule=Exponential(800, 100)
        )
    )
    search: Search = field(default_factory=Search)


SMOKE = (
    "data.name=copy",
    "pieces.kind=words",
    "model=Recurrent",
    "model.embedding_size=16",
    "model.hidden_size=16",
    "training.updates=3",
    "training.tokens_per_batch=500",
    "search.validate_on=5",
    "search.beam=2",
    "search.maximum=15",
)

VARIANTS = (
    Variant("none", "no attention: one vector holds the source", ("model=Recurrent", "model.mechanism=NoAttention")),
    Variant("attention", "the task's own default"),
    Variant("additive", "Bahdanau 2015", ("model=Recurrent", "model.mechanism=Bahdanau")),
    Variant("general", "Luong 2015, general score, input feeding", ("model=Recurrent", "model.mechanism=Luong")),
    Variant(
        "local-p",
        "Luong 2015, a predicted window",
        ("model=Recurrent", "model.mechanism=Luong", "model.mechanism.place=LocalP"),
    ),
    Variant(
        "sparse",
        "additive score, sparsemax",
        ("model=Recurrent", "model.mechanism=Bahdanau", "model.mechanism.weigh=SparsemaxWeights"),
    ),
    Variant("transformer", "Vaswani et al. 2017", ("model=Transformer",)),
)

_MULTI30K = (
    "data.name=multi30k",
    "data.lowercase=true",
    "pieces.size=5000",
    "model=Recurrent",
    "model.mechanism=Bahdanau",
    "training.tokens_per_batch=2048",
    "training.patience=30",
    "training.minutes=40",
    "training.learning_rate=2e-3",
    "training.schedule=Exponential",
    "training.schedule.half_life=1500",
    "training.schedule.warmup=200",
    "training.keep=3",
    "training.average=4",
)
ANCHORS = (
    Anchor(
        "copy",
        "exact match",
        100.0,
        "a solvable task",
        99.5,
        (("data.name=copy", "pieces.kind=words", "training.minutes=1.5"),),
        1.5,
    ),
    Anchor("multi30k-gru", "BLEU", 38.1, "JoeyNMT 2.3.0, GRU, measured on these files", 35.0, (_MULTI30K,), 40),
)
