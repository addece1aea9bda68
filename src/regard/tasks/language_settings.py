"""Settings of language modelling, what it can be compared with, and the numbers that are known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

from regard.data import Document, Splits, brown, dataset, read_documents, shakespeare
from regard.data.own_parts import check_read
from regard.data.vocabulary import Characters, Subwords, Vocabulary, Words
from regard.models import Stack
from regard.tasks.contract import Anchor, Variant
from regard.tasks.pieces import check_size
from regard.train.generation import Sampling
from regard.train.schedule import Cosine
from regard.train.settings import Training


class Packing(Enum):
    """Whether a token sees the documents before its own in a window: joined (it does) or apart."""

    JOINED = "joined"
    APART = "apart"

    @property
    def given(self) -> str:
        """What a token is predicted from, for a protocol."""
        return "those before it there" if self is Packing.JOINED else "those of its own document before it there"


@dataclass(frozen=True)
class Data:
    """What to learn from.

    Args:
        name: a data set by name (see `regard data`), or "files" for your own.
        train: your own training text: .txt files, a document each, or .jsonl files, a document a line (name: files).
        validation: your own validation text, in the same way.
        test: your own test text, in the same way.
        folder: where shakespeare's input.txt or brown's archive lies, instead of its official address.
        packing: whether a token sees what stands in its window before its own document: JOINED or APART.
    """

    name: str = "shakespeare"
    train: list[str] = field(default_factory=list)
    validation: list[str] = field(default_factory=list)
    test: list[str] = field(default_factory=list)
    folder: str | None = None
    packing: Packing = Packing.JOINED

    def load(self) -> Splits[Document]:
        """The three parts.

        Raises:
            ValueError: the data set is not known, its files are not right, or some would not be read.
            OSError: it cannot be had.
        """
        check_read(self.name, {"train": self.train, "validation": self.validation, "test": self.test})
        if self.name == "files":
            for part in ("train", "validation", "test"):
                if not getattr(self, part):
                    raise ValueError(
                        f"data.{part} is empty; with data.name=files all of data.train, data.validation and "
                        "data.test need files, for example data.train=[book.txt]."
                    )
            parts = (read_documents(*paths) for paths in (self.train, self.validation, self.test))
            return Splits("files", next(parts), next(parts), next(parts), "your own", "")
        local = {"shakespeare": shakespeare.load, "brown": brown.load}
        if self.folder is not None and self.name in local:
            return local[self.name](Path(self.folder))
        found: Splits[Document] = dataset(self.name, Document).load()
        return found


@dataclass(frozen=True)
class Pieces:
    """How text becomes tokens.

    Args:
        kind: characters, subwords (byte-pair) or words; fitted on the training part only.
        size: most tokens of a vocabulary.
    """

    kind: Literal["characters", "subwords", "words"] = "characters"
    size: int = 4000

    def __post_init__(self) -> None:
        check_size(self.kind, self.size)

    def fit(self, texts: list[str]) -> Vocabulary:
        """The vocabulary of training texts."""
        kinds: dict[str, type[Vocabulary]] = {"characters": Characters, "subwords": Subwords, "words": Words}
        return kinds[self.kind].fit(texts, self.size)


@dataclass(frozen=True)
class Config:
    """A language model. The defaults are nanoGPT's sizes for a CPU: a model of characters in two to three minutes.

    Args:
        data: what to learn from.
        pieces: how text becomes tokens.
        model: the stack; `longest` is the tokens of a window as well.
        training: how to train; tokens_per_batch in windows of model.longest.
        sampling: how texts are written on.
        validate_on: windows of the validation part that are looked at each time; null means all.
    """

    data: Data = field(default_factory=Data)
    pieces: Pieces = field(default_factory=Pieces)
    model: Stack = field(default_factory=Stack)
    training: Training = field(
        default_factory=lambda: Training(
            updates=2000,
            epochs=None,
            tokens_per_batch=12 * 64,
            learning_rate=3e-3,
            schedule=Cosine(total=2000, warmup=100, last=0.1),
            label_smoothing=0.0,
            weight_decay=0.1,
            validate_every=250,
        )
    )
    sampling: Sampling = field(default_factory=Sampling)
    validate_on: int | None = 1000

    def __post_init__(self) -> None:
        if self.model.longest < 2:
            raise ValueError(
                f"model.longest is {self.model.longest}, expected at least 2 tokens: one that is read and the next."
            )
        if self.validate_on is not None and self.validate_on < 1:
            raise ValueError(f"validate_on is {self.validate_on}, expected at least 1 window, or null for all.")


SMOKE = (
    "data.name=sums",
    "model.layers=1",
    "model.heads=2",
    "model.size=16",
    "model.longest=32",
    "training.updates=3",
    "sampling.maximum=20",
    "validate_on=10",
)
VARIANTS = (
    Variant("attention", "the task's own default: vectors of positions are added"),
    Variant("rotary", "queries and keys are turned by their positions", ("model.positions=ROTARY",)),
    Variant("no-positions", "the causal mask alone tells the order", ("model.positions=NONE",)),
    Variant("one-head", "one head for all of a layer", ("model.heads=1",)),
)
ANCHORS = (
    Anchor(
        "shakespeare",
        "held-out loss",
        1.88,
        "nanoGPT (Karpathy 2023), README: CPU settings, last tenth, 20 batches of 12 windows at random",
        1.88,
        minutes=2.0,
    ),
)
