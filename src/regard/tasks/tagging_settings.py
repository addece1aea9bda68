"""Settings of the tagging task, what can be compared, and the numbers that are known."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from regard.data import Splits, Tagged, dataset, read_tagged, ud_ewt
from regard.data.conllu import Column
from regard.data.own_parts import check_read
from regard.data.schemes import Scheme, check_sentences, may_follow
from regard.data.untagged import Form
from regard.layers import Allowed
from regard.models import WordTagger
from regard.tasks.contract import Anchor, Variant
from regard.train.schedule import Cosine
from regard.train.settings import Training


@dataclass(frozen=True)
class Data:
    """What to learn from.

    Args:
        name: a data set by name (see `regard data`), or "files" for your own.
        train: your own training file: CoNLL-U (.conllu), or a word a line with its tag in the last column.
        validation: your own validation file.
        test: your own test file.
        folder: where the files of UD English-EWT lie, instead of its official address.
        column: which column of CoNLL-U is the tag: UPOS, XPOS or any other; only in FEATS, DEPS and MISC is "_" one.
        scheme: BIO or BIOES where tags mark spans, such as names; null where each word has a tag of its own.
        longest: training sentences with more words than this are left out, and how many is said.
    """

    name: str = "ud-ewt"
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    folder: str | None = None
    column: Column = Column.UPOS
    scheme: Scheme | None = None
    longest: int = 120

    def load(self) -> Splits[Tagged]:
        """The three parts.

        Raises:
            ValueError: the data set is not known, or its files are not right or would not be read.
            OSError: it cannot be had.
        """
        check_read(self.name, {"train": self.train, "validation": self.validation, "test": self.test})
        if self.name == "files":
            train, validation, test = (self._own(part) for part in ("train", "validation", "test"))
            return Splits("files", train, validation, test, "your own", "")
        if self.name == "ud-ewt":
            return ud_ewt.load(None if self.folder is None else Path(self.folder), self.column)
        found: Splits[Tagged] = dataset(self.name, Tagged).load()
        return found

    def _own(self, part: str) -> list[Tagged]:
        path: str | None = getattr(self, part)
        if path is None:
            raise ValueError(
                f"data.{part} is null; with data.name=files all of data.train, data.validation and data.test need a "
                f"file, for example data.{part}={part}.conllu."
            )
        return read_tagged(path, self.column)


@dataclass(frozen=True)
class Config:
    """Tagging. The defaults are the recipe for parts of speech on UD English-EWT.

    Args:
        data: what to learn from.
        model: the tagger.
        training: how to train.
        least: words that occur less often in the training part have no vector of their own.
        batch: sentences at a time when tags are searched.
        form: how the input of `regard run` is laid out: TEXT, COLUMNS or CONLLU; TOLD is as its first line tells.

    Raises:
        ValueError: a number is too small, or labels are to be smoothed, which a chain's are not.
    """

    data: Data = field(default_factory=Data)
    model: WordTagger = field(default_factory=WordTagger)
    training: Training = field(
        default_factory=lambda: Training(
            epochs=10,
            tokens_per_batch=512,
            learning_rate=3e-3,
            schedule=Cosine(total=4200, warmup=200),
            label_smoothing=0.0,
        )
    )
    least: int = 2
    batch: int = 64
    form: Form = Form.TOLD

    def __post_init__(self) -> None:
        for name in ("least", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number.")
        if self.training.label_smoothing:
            raise ValueError(
                f"training.label_smoothing is {self.training.label_smoothing}, but a tagger learns whole taggings, "
                "of which none is smoothed; set it to 0."
            )


SMOKE = (
    "data.name=tags",
    "model.word_size=8",
    "model.letters.letter_size=8",
    "model.letters.hidden_size=8",
    "model.neighbours.reading.hidden_size=8",
    "model.neighbours.heads=2",
    "training.updates=5",
    "training.tokens_per_batch=200",
)

_ATTENDED = "model.neighbours=AttendedNeighbours"
VARIANTS = (
    Variant("none", "no attention: recurrent layers alone", ("model.neighbours=ReadNeighbours",)),
    Variant("attention", "the task's own default: recurrent layers, then multi-head attention"),
    Variant("sparse", "the same with sparsemax", (_ATTENDED, "model.neighbours.weigh=SparsemaxWeights")),
    Variant("transformer", "attention alone, Vaswani et al. 2017", ("model.neighbours=SelfAttendedNeighbours",)),
    Variant("letter-filters", "letters by convolution", ("model.letters=ConvolvedLetters",)),
)

ANCHORS = (
    Anchor(
        "ud-ewt",
        "accuracy",
        96.94,
        "spaCy, en_udv25_englishewt_trf: a pretrained transformer, UD 2.5",
        94.5,
        minutes=10.0,
    ),
)


def check_tags(data: Data, splits: Splits[Tagged]) -> None:
    """Raise ValueError where tags of any part break the scheme, as it would otherwise be told after training."""
    if data.scheme is None:
        return
    for part, path in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        check_sentences(getattr(splits, part), data.scheme, path or f"the {part} part of {splits.name}")


def training_part(splits: Splits[Tagged], longest: int) -> list[Tagged]:
    """The training sentences that are not too long; how many were left out is told on standard error.

    Raises:
        ValueError: none is left, or all words have the same tag.
    """
    every = splits.train
    found = [one for one in every if len(one.words) <= longest]
    if not found:
        raise ValueError(
            f"no training sentence is left: all {len(every)} have more than data.longest ({longest}) words."
        )
    tags = {tag for one in found for tag in one.tags}
    if len(tags) == 1:
        raise ValueError(
            f"all words of the training part have the tag {tags.pop()!r}; expected at least two tags, in the last "
            "column of its lines, or in data.column of CoNLL-U."
        )
    left = len(every) - len(found)
    if left:
        print(
            f"{left} of {len(every)} training sentences, of more than {longest} words (data.longest), are left out",
            file=sys.stderr,
        )
    return found


def allowed_tags(tags: Sequence[str], scheme: Scheme | None) -> Allowed:
    """Which of these tags may follow each other.

    Raises:
        ValueError: a tag is not of the scheme.
    """
    if scheme is None:
        return Allowed.everything(len(tags))
    rows = [[may_follow(one, other, scheme) for other in tags] for one in tags]
    start, end = [may_follow(None, tag, scheme) for tag in tags], [may_follow(tag, None, scheme) for tag in tags]
    return Allowed(torch.tensor(rows), torch.tensor(start), torch.tensor(end))
