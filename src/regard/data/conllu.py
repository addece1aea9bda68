"""CoNLL-U: sentences as tables of ten columns, read and written without losing anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from regard.data.blocks import numbered_blocks

_WORD, _RANGE, _EMPTY = re.compile(r"[1-9]\d*"), re.compile(r"[1-9]\d*-[1-9]\d*"), re.compile(r"\d+\.[1-9]\d*")


class Column(IntEnum):
    """The ten columns of CoNLL-U, in their order."""

    ID = 0
    FORM = 1
    LEMMA = 2
    UPOS = 3
    XPOS = 4
    FEATS = 5
    HEAD = 6
    DEPREL = 7
    DEPS = 8
    MISC = 9


@dataclass(frozen=True)
class Row:
    """One line of a sentence: a word, a range of words written as one (1-2), or an empty node (8.1).

    cells: the ten columns as they stand. line: its number in the file, 0 where it is from none.
    """

    cells: tuple[str, ...]
    line: int = 0

    @property
    def is_word(self) -> bool:
        """Whether it is a word of the sentence, which has a whole number as its ID."""
        return _WORD.fullmatch(self.cells[Column.ID]) is not None


@dataclass(frozen=True)
class Sentence:
    """Comments, without their line ends, and rows."""

    comments: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def words(self) -> tuple[Row, ...]:
        """The rows that are words: ranges and empty nodes are left out."""
        return tuple(row for row in self.rows if row.is_word)

    def column(self, column: Column) -> tuple[str, ...]:
        """One column of the words."""
        return tuple(row.cells[column] for row in self.words)

    def with_column(self, column: Column, values: Sequence[str]) -> Sentence:
        """The sentence with other values in one column of its words; all else stays.

        Raises:
            ValueError: there are not as many values as words, or one is empty or has a tab or a line end.
        """
        if len(values) != len(self.words):
            raise ValueError(f"values has {len(values)} entries, expected {len(self.words)}: one for each word.")
        for value in values:
            if not value or "\t" in value or "\n" in value:
                raise ValueError(f"values has {value!r}, expected text without tabs and line ends; '_' means none.")
        left = iter(values)
        rows = tuple(
            replace(row, cells=_put(row.cells, column, next(left))) if row.is_word else row for row in self.rows
        )
        return replace(self, rows=rows)

    def text(self) -> str:
        """The lines of the sentence, each with its end, without the blank line after them."""
        lines = [*self.comments, *("\t".join(row.cells) for row in self.rows)]
        return "".join(f"{line}\n" for line in lines)


def sentence_of(words: Sequence[str]) -> Sentence:
    r"""A sentence of bare words: all columns but ID and FORM are '_'.

    Raises:
        ValueError: there is no word, or one is empty or has a tab or a line end.

    Example:
        >>> sentence_of(["a", "dog"]).text()
        '1\ta\t_\t_\t_\t_\t_\t_\t_\t_\n2\tdog\t_\t_\t_\t_\t_\t_\t_\t_\n'
    """
    if not words:
        raise ValueError("words is empty; expected at least one.")
    rows = tuple(Row((str(place), *"_" * 9)) for place in range(1, len(words) + 1))
    return Sentence((), rows).with_column(Column.FORM, words)


def read_conllu(path: str | Path) -> list[Sentence]:
    r"""The sentences of a CoNLL-U file; writing them gives the same text again.

    Args:
        path: a UTF-8 file; .gz is unpacked.

    Raises:
        ValueError: a line has not ten columns, an ID is not the next one, a comment stands among the rows, a
            sentence has no word, or the file is empty or not UTF-8. File and line are named.
        OSError: the file cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "words.conllu"
        >>> _ = path.write_text(sentence_of(["a", "dog"]).text() + "\n", encoding="utf-8")
        >>> read_conllu(path)[0].column(Column.FORM)
        ('a', 'dog')

    Source: de Marneffe, Manning, Nivre and Zeman 2021, section 2 (the format of Universal Dependencies, version 2).
    """
    return [sentence_from(str(path), lines) for lines in numbered_blocks(Path(path))]


def conllu_text(sentences: Iterable[Sentence]) -> str:
    r"""Sentences as the text of a CoNLL-U file: a blank line after each.

    Example:
        >>> conllu_text([sentence_of(["a"])]).endswith("_\n\n")
        True
    """
    return "".join(f"{sentence.text()}\n" for sentence in sentences)


def sentence_from(where: str, lines: Sequence[tuple[int, str]]) -> Sentence:
    """A sentence from its numbered lines; `where` they are from is what an error names.

    Raises:
        ValueError: see `read_conllu`.
    """
    comments = []
    for _number, line in lines:
        if not line.startswith("#"):
            break
        comments.append(line)
    rows = tuple(_rows(where, lines[len(comments) :]))
    if not any(row.is_word for row in rows):
        raise ValueError(f"{where}:{lines[0][0]} begins a sentence without words; expected at least one.")
    return Sentence(tuple(comments), rows)


def _rows(where: str, lines: Sequence[tuple[int, str]]) -> Iterator[Row]:
    expected = 1
    for number, line in lines:
        cells = tuple(line.split("\t"))
        if len(cells) != len(Column):
            raise ValueError(
                f"{where}:{number} has {len(cells)} column(s) divided by tabs, expected {len(Column)}: {line[:60]!r}."
            )
        if not all(cells):
            raise ValueError(
                f"{where}:{number} has an empty column {Column(cells.index('')).name}; write '_' for none."
            )
        if _WORD.fullmatch(cells[Column.ID]):
            if cells[Column.ID] != str(expected):
                raise ValueError(
                    f"{where}:{number} has ID {cells[Column.ID]}, expected {expected}: words count from 1."
                )
            expected += 1
        elif not (_RANGE.fullmatch(cells[Column.ID]) or _EMPTY.fullmatch(cells[Column.ID])):
            raise ValueError(
                f"{where}:{number} has ID {cells[Column.ID]!r}, expected a number, a range (1-2) or an empty "
                "node (1.1)."
            )
        yield Row(cells, number)


def _put(cells: tuple[str, ...], column: Column, value: str) -> tuple[str, ...]:
    return (*cells[:column], value, *cells[column + 1 :])
