"""A text as sentences of words that still know where they stand in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_LETTERS = r"[^\W_]+"
_BREAK = re.compile(r"<br\s*/?>|\n", re.IGNORECASE)
_LAST = frozenset(".!?…。！？")
# After these a sentence ends without a space.
_WIDE = frozenset("。！？")
# A point after one of these ends no sentence.
_SHORTENED = frozenset(["mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc"])
# What may stand between the end of a sentence and the space after it.
_CLOSING = frozenset("\"')]}”’»」』）】》")
# Joiners within words, which are no marks by their kind: of Persian and of the scripts of India.
_JOINERS = "\u200c\u200d"


class Span(NamedTuple):
    """A word of a text: text[start:end]."""

    start: int
    end: int


def passages(text: str, longest: int) -> list[list[Span]]:
    """The sentences of a text, each the places of its words; a sentence without words is left out.

    A sentence ends at . ! or ? before a space, at 。！ or ？ with or without one, at the end of a line, and at <br>;
    longer ones than `longest` words are cut, so that no word is lost. Marks stay with their letters, be they accents
    or the signs of vowels.

    Args:
        text: as it was written.
        longest: most words of a sentence.

    Raises:
        ValueError: longest is not positive.

    Example:
        >>> text = "It didn't work. Why?"
        >>> [[text[a:b] for a, b in sentence] for sentence in passages(text, 40)]
        [['It', 'did', "n't", 'work', '.'], ['Why', '?']]
    """
    if longest < 1:
        raise ValueError(f"longest is {longest}, expected a positive number of words.")
    word = _word(_marks(text))
    found = (sentence for start, end in _lines(text) for sentence in _sentences(text, word, start, end))
    return [sentence[at : at + longest] for sentence in found for at in range(0, len(sentence), longest)]


def words(text: str, spans: list[Span]) -> list[str]:
    """The words at these places, in lower case, as vocabularies count them."""
    return [text[start:end].lower() for start, end in spans]


def _lines(text: str) -> Iterator[Span]:
    start = 0
    for found in _BREAK.finditer(text):
        yield Span(start, found.start())
        start = found.end()
    yield Span(start, len(text))


def _marks(text: str) -> str:
    """The marks of a text, of which the patterns of Python know no class."""
    if text.isascii():
        return ""
    return "".join(sorted(one for one in set(text) if unicodedata.category(one)[0] == "M" or one in _JOINERS))


@cache
def _word(marks: str) -> re.Pattern[str]:
    """Words with the short forms of English apart (did n't, it 's), numbers, and runs of one sign."""
    letters = rf"[^\W_](?:[^\W_]|[{re.escape(marks)}])*" if marks else _LETTERS
    short = r"n['’]t\b|['’](?:s|re|ve|ll|d|m)\b"
    return re.compile(rf"{letters}(?=n['’]t\b)|{short}|{letters}|([^\w\s]|_)\1*", re.IGNORECASE)


def _sentences(text: str, word: re.Pattern[str], start: int, end: int) -> Iterator[list[Span]]:
    sentence: list[Span] = []
    last = -1
    for found in word.finditer(text, start, end):
        span = Span(*found.span())
        if sentence and _ended(text, sentence, last, span):
            yield sentence
            sentence, last = [], -1
        if text[span.start] not in _CLOSING:
            last = len(sentence)
        sentence.append(span)
    if sentence:
        yield sentence


def _ended(text: str, sentence: list[Span], last: int, following: Span) -> bool:
    """Whether a sentence ends before a word; `last` is its last word but for what closes quotes and brackets."""
    if following.start == sentence[-1].end:
        goes_on = text[following.start] in _LAST or text[following.start] in _CLOSING
        return text[sentence[-1].start] in _WIDE and not goes_on
    if last < 0 or text[sentence[last].start] not in _LAST:
        return False
    before = sentence[last - 1] if last else None
    point = sentence[last].end == sentence[last].start + 1 and text[sentence[last].start] == "."
    return not (point and before is not None and text[before.start : before.end].lower() in _SHORTENED)
