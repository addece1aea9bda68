"""Sentences to be tagged, in three forms, each answered in the form that it came in."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Protocol

from regard.data.blocks import blocks
from regard.data.columns import cells_of
from regard.data.conllu import Column, Sentence, sentence_from

_WHERE = "the input"


class Form(Enum):
    """In which form sentences come: as their first line tells, or always in one."""

    TOLD = "told"
    TEXT = "text"
    COLUMNS = "columns"
    CONLLU = "conllu"


class Untagged(Protocol):
    """A sentence that wants tags."""

    @property
    def words(self) -> tuple[str, ...]:
        """What is to be tagged."""
        ...

    def answered(self, tags: Sequence[str]) -> str:
        """The sentence with its tags, each line with its end, without the blank line after them."""
        ...


@dataclass(frozen=True)
class Plain:
    """Words of a line of text; answered by a line for each word and its tag."""

    words: tuple[str, ...]

    def answered(self, tags: Sequence[str]) -> str:
        r"""Word and tag, divided by a tab.

        Example:
            >>> Plain(("a", "dog")).answered(["DET", "NOUN"])
            'a\tDET\ndog\tNOUN\n'
        """
        return "".join(f"{word}\t{tag}\n" for word, tag in zip(self.words, tags, strict=True))


@dataclass(frozen=True)
class Rows:
    """Lines of columns, of which the first is a word; answered by one more column at the end, as for conlleval."""

    rows: tuple[tuple[str, ...], ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The first column."""
        return tuple(row[0] for row in self.rows)

    def answered(self, tags: Sequence[str]) -> str:
        """All columns and the tag."""
        return "".join("\t".join((*row, tag)) + "\n" for row, tag in zip(self.rows, tags, strict=True))


@dataclass(frozen=True)
class Universal:
    """A sentence of CoNLL-U; answered by the same with one column of its words replaced."""

    sentence: Sentence
    column: Column

    @property
    def words(self) -> tuple[str, ...]:
        """Its words; ranges and empty nodes have no tags of their own."""
        return self.sentence.column(Column.FORM)

    def answered(self, tags: Sequence[str]) -> str:
        """The sentence."""
        return self.sentence.with_column(self.column, tags).text()


def untagged(
    lines: Iterable[str], column: Column = Column.UPOS, form: Form = Form.TOLD, tags: Container[str] = ()
) -> Iterator[Untagged]:
    r"""Sentences of any lines: unless their form is given, the first one that is not blank tells it.

    One that begins with "# ", or has ten columns divided by tabs, begins CoNLL-U; one with another number of tabs
    begins columns, where blank lines divide sentences, and so does one of two words or more between spaces of which
    the last is a known tag with a capital letter in it. After any other, each line is a sentence whose words are
    divided by spaces, and a blank line is one without words.

    Args:
        lines: without their ends.
        column: which column of CoNLL-U is answered.
        form: in which form they are.
        tags: known ones.

    Raises:
        ValueError: a sentence is not of the form of the first one; its line is named.

    Example:
        >>> [one.words for one in untagged(["a dog .", "", "cats"])]
        [('a', 'dog', '.'), (), ('cats',)]
        >>> [one.answered(["X"] * 2) for one in untagged(["a\tDT", "dog\tNN"])]
        ['a\tDT\tX\ndog\tNN\tX\n']
        >>> [one.words for one in untagged(["a DT", "dog NN"], tags=["NN", "DT"])]
        [('a', 'dog')]
    """
    lines = iter(lines)
    before: list[str] = []
    for line in lines:
        before.append(line)
        if line.strip():
            break
    every = chain(before, lines)
    if form is Form.TOLD:
        form = _form(before[-1] if before else "", tags)
    if form is Form.CONLLU:
        return (Universal(sentence_from(_WHERE, block), column) for block in blocks(every))
    if form is Form.COLUMNS:
        return (Rows(tuple(_cells(number, line) for number, line in block)) for block in blocks(every))
    return (Plain(tuple(line.split())) for line in every)


def _form(first: str, tags: Container[str]) -> Form:
    if first.startswith("# ") or first.count("\t") == len(Column) - 1:
        return Form.CONLLU
    cells = first.split()
    # Other tags, such as that of a full stop, end sentences of running text as well.
    tagged = len(cells) > 1 and cells[-1] in tags and any(map(str.isupper, cells[-1]))
    return Form.COLUMNS if "\t" in first or tagged else Form.TEXT


def _cells(number: int, line: str) -> tuple[str, ...]:
    cells = cells_of(line)
    if not cells[0].strip():
        raise ValueError(f"{_WHERE}:{number} has an empty first column; expected a word.")
    return cells
