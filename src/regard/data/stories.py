"""Questions about stories: the layout of bAbI, for its files, a user's own and standard input."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.data.tables import read_lines

_LINE = re.compile(r"(\d+)\s+(\S.*)")
_WORD = re.compile(r"[^\s.,;:!?\"()]+")


@dataclass(frozen=True)
class Question:
    """A question, the sentences told before it, and its answer.

    story: sentences, oldest first. answer: lower-cased, with single spaces; empty where it is not known. supporting:
    which sentences of the story the answer hangs on, where that is known. kind: of which task or file it is.
    """

    story: tuple[str, ...]
    text: str
    answer: str
    supporting: tuple[int, ...]
    kind: str


def parse_stories(lines: Iterable[str], kind: str = "", where: str = "input") -> Iterator[Question]:
    r"""Questions, as their lines come.

    A line is a number and a sentence, or a number, a question, and after tabs its answer and the numbers of the
    lines that it hangs on; what has a tab or ends in a question mark is a question. Number 1 begins a new story.
    Questions do not become part of the story. Empty lines are passed over.

    Args:
        lines: with or without their ends.
        kind: what the questions are called.
        where: the name of the file in messages.

    Raises:
        ValueError: a line has no number, or a number that is not the next one, or a question hangs on a line that
            is no sentence of its story; the line is named.

    Example:
        >>> lines = ["1 Mary went to the garden.", "2 Where is Mary?\tgarden\t1"]
        >>> next(parse_stories(lines)).answer
        'garden'

    Source: the layout of Weston et al. 2015 (bAbI).
    """
    return (one for _count, one in _counted(lines, kind, where))


def read_stories(path: Path, kind: str) -> list[Question]:
    """The questions of a file, each with its answer; a name that ends in .gz is unpacked.

    Raises:
        ValueError: the file is not in the layout or not UTF-8, a question has no answer, or there is no question;
            the line is named.
        OSError: it cannot be read.
    """
    found = []
    for count, one in _counted(read_lines(path), kind, str(path)):
        if not one.answer:
            raise ValueError(f"{path}:{count} has no answer to {one.text!r}; expected it after a tab.")
        found.append(one)
    if not found:
        raise ValueError(f"{path} has no question; expected lines such as '3 Where is Mary?<tab>garden'.")
    return found


def hold_out(questions: Sequence[Question], share: float) -> tuple[list[Question], list[Question]]:
    """Questions to learn from, and the last share of them to validate with; at least one of each.

    Raises:
        ValueError: share is not between 0 and 1, or there are not two questions.
    """
    if not 0 < share < 1 or len(questions) < 2:
        raise ValueError(
            f"data.held_out is {share} of {len(questions)} training questions; expected a share between 0 and 1, and "
            "at least two questions."
        )
    count = min(len(questions) - 1, max(1, round(len(questions) * share)))
    return list(questions[:-count]), list(questions[-count:])


def words_of(text: str) -> list[str]:
    """The words of a sentence, lower-cased, without the signs between them.

    Example:
        >>> words_of("Mary went to the garden.")
        ['mary', 'went', 'to', 'the', 'garden']
    """
    return _WORD.findall(text.lower())


def _counted(lines: Iterable[str], kind: str, where: str) -> Iterator[tuple[int, Question]]:
    """The number of the line and the question, of every question."""
    story: list[str] = []
    places: dict[int, int] = {}
    expected = 1
    for count, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        number, text = _numbered(line, f"{where}:{count}")
        if number == 1:
            story, places = [], {}
        elif number != expected:
            raise ValueError(f"{where}:{count} has number {number}, expected {expected}, or 1 for a new story.")
        expected = number + 1
        if "\t" in text or text.endswith("?"):
            yield count, _question(text, story, places, kind, f"{where}:{count}")
        else:
            places[number] = len(story)
            story.append(text)


def _numbered(line: str, where: str) -> tuple[int, str]:
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError(
            f"{where} is {line.strip()[:60]!r}; expected a number and a sentence, for example '1 Mary went home.', "
            "and 1 begins a new story."
        )
    return int(found[1]), found[2]


def _question(text: str, story: Sequence[str], places: dict[int, int], kind: str, where: str) -> Question:
    asked, *rest = (part.strip() for part in text.split("\t"))
    answer = " ".join(rest[0].lower().split()) if rest else ""
    numbers = rest[1].split() if len(rest) > 1 else []
    odd = [number for number in numbers if not number.isdecimal() or int(number) not in places]
    if odd:
        raise ValueError(f"{where} hangs on line {odd[0]}, which is no sentence of its story.")
    return Question(tuple(story), asked, answer, tuple(places[int(number)] for number in numbers), kind)
