"""Texts with labels by name or from a user's own files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.data import Labelled, Splits, dataset
from regard.data.labelled import labelled_lines
from regard.data.own_parts import check_read
from regard.data.sentences import load_mr, load_trec


@dataclass(frozen=True)
class LabelledTexts:
    """Which texts with labels.

    Args:
        name: a data set by name (see `regard data`), or "files" for your own.
        train: your own training texts: a .csv, .tsv or .jsonl file (with name: files).
        validation: your own validation texts.
        test: your own test texts.
        text: the column or field of the texts in your files.
        label: the column or field of the labels.
        folder: where the files of TREC or MR lie, instead of their official address.
        fold: which of MR's ten folds is the test set.
    """

    name: str = "trec"
    train: str = ""
    validation: str = ""
    test: str = ""
    text: str = "text"
    label: str = "label"
    folder: str | None = None
    fold: int = 0

    def load(self) -> Splits[Labelled]:
        """The three parts.

        Raises:
            ValueError: the data set is not known, a file is not right, or a label is not among the training ones.
            OSError: a file cannot be had.
        """
        check_read(self.name, {"train": self.train, "validation": self.validation, "test": self.test})
        folder = None if self.folder is None else Path(self.folder)
        if self.name == "files":
            return self._own()
        if self.name == "trec":
            return load_trec(folder)
        if self.name == "mr":
            return load_mr(folder, self.fold)
        found: Splits[Labelled] = dataset(self.name, Labelled).load()
        return found

    def _own(self) -> Splits[Labelled]:
        for name in ("train", "validation", "test"):
            if not getattr(self, name):
                raise ValueError(
                    f"data.{name} is empty; with data.name=files all of data.train, data.validation and data.test "
                    "need a file, for example data.train=train.csv."
                )
        files = (self.train, self.validation, self.test)
        train, validation, test = (labelled_lines(Path(path), self.text, self.label) for path in files)
        known = labels_of([one for _line, one in train])
        for path, part in ((self.validation, validation), (self.test, test)):
            for line, one in part:
                check_label(one, known, f"{path}:{line}")
        taught, checked, asked = ([one for _line, one in part] for part in (train, validation, test))
        return Splits("files", taught, checked, asked, "your own", "")


def labels_of(examples: Sequence[Labelled]) -> list[str]:
    """Every label once, in alphabetical order.

    Raises:
        ValueError: there are fewer than two.
    """
    found = sorted({one.label for one in examples})
    if len(found) < 2:
        raise ValueError(f"the training texts have the label(s) {found}; expected at least two different ones.")
    return found


def check_label(one: Labelled, known: Sequence[str], where: str) -> None:
    """Raise ValueError where a label is not known; what is known is named."""
    if one.label not in known:
        shown = ", ".join(map(repr, known[:5])) + (", ..." if len(known) > 5 else "")
        raise ValueError(
            f"{where} has the label {one.label!r}, which no training text has; expected one of {shown}. Correct it, "
            "or put texts with this label into data.train."
        )


def class_numbers(examples: Sequence[Labelled], labels: Sequence[str]) -> list[int]:
    """The place of every example's label among the labels.

    Raises:
        ValueError: a label is not among them.

    Example:
        >>> class_numbers([Labelled("so", "yes"), Labelled("never", "no")], ["no", "yes"])
        [1, 0]
    """
    for number, one in enumerate(examples, start=1):
        check_label(one, labels, f"text {number}")
    return [labels.index(one.label) for one in examples]
