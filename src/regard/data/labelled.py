"""Texts with one label each: a user's own, and how they are split so that no text is on two sides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from regard.data.tables import read_table


@dataclass(frozen=True)
class Labelled:
    """A text and the name of its class."""

    text: str
    label: str


def read_labelled(path: str | Path, text: str = "text", label: str = "label") -> list[Labelled]:
    r"""Texts and labels from a .csv, .tsv or .jsonl file; .gz is unpacked.

    Args:
        path: the file; its first row, or a .jsonl file's fields, name the columns.
        text: the column of the texts.
        label: the column of the labels, which may be words or numbers.

    Raises:
        ValueError: what `read_table` says; a text or a label is empty (the line is named); there is none at all.
        OSError: the file cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.tsv"
        >>> _ = path.write_text("text\tlabel\nwhat a day\t1\n", encoding="utf-8")
        >>> read_labelled(path)
        [Labelled(text='what a day', label='1')]
    """
    return [one for _line, one in labelled_lines(Path(path), text, label)]


def labelled_lines(path: Path, text: str, label: str) -> list[tuple[int, Labelled]]:
    """The same, each with the number of the line that it begins on.

    Raises:
        ValueError: see `read_labelled`.
        OSError: the file cannot be read.
    """
    found = [(row.line, Labelled(row[0], row[1].strip())) for row in read_table(path, (text, label))]
    if not found:
        raise ValueError(f"{path} has no rows; expected at least one text with its label.")
    for line, one in found:
        if not one.text.strip() or not one.label:
            missing = "label" if one.text.strip() else "text"
            raise ValueError(f"{path}:{line} has an empty {missing}; fill it in, or leave the row out.")
    return found


def bucket(text: str, buckets: int) -> int:
    """In which of so many parts a text belongs, decided by the text alone, so that its copies stay together.

    Example:
        >>> bucket("a text", 10) == bucket("a text", 10)
        True
    """
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % buckets


def split_by_text(
    examples: Iterable[Labelled], test: range, validation: range, buckets: int
) -> tuple[list[Labelled], list[Labelled], list[Labelled]]:
    """Train, validation and test by the bucket of every text; the same on every machine.

    Args:
        examples: all of them, in any order.
        test: buckets of the test set.
        validation: buckets of the validation set.
        buckets: how many there are.

    Example:
        >>> parts = split_by_text([Labelled(str(n), "") for n in range(100)], range(10), range(10, 20), 100)
        >>> sum(map(len, parts))
        100
    """
    parts: tuple[list[Labelled], list[Labelled], list[Labelled]] = ([], [], [])
    for one in examples:
        place = bucket(one.text, buckets)
        parts[2 if place in test else 1 if place in validation else 0].append(one)
    return parts
