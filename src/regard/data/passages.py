"""A text as sentences of words that still know where they stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Words with the short forms of English apart (did n't, it 's), numbers, and runs of one sign.
_WORD = re.compile(r"[^\W_]+(?=n['’]t\b)|n['’]t\b|['’](?:s|re|ve|ll|d|m)\b|[^\W_]+|([^\w\s]|_)\1*", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>|\n", re.IGNORECASE)
_LAST = frozenset(".!?…。！？")
# A point after one of these ends no sentence.
_SHORTENED = frozenset(["mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc"])
# What may stand between the end of a sentence and the space after it.
_CLOSING = frozenset("\"')]}”’»")


class Span(NamedTuple):
    """A word of a text: text[start:end]."""

    start: int
    end: int


def passages(text: str, longest: int) -> list[list[Span]]:
    """The sentences of a text, each the places of its words; a sentence without words is left out.

    A sentence ends at . ! or ? before a space, at the end of a line, and at <br>; longer ones than `longest` words
    are cut, so that no word is lost.

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
    found = (sentence for start, end in _lines(text) for sentence in _sentences(text, start, end))
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


def _sentences(text: str, start: int, end: int) -> Iterator[list[Span]]:
    sentence: list[Span] = []
    for found in _WORD.finditer(text, start, end):
        span = Span(*found.span())
        if sentence and span.start > sentence[-1].end and _ended(text, sentence):
            yield sentence
            sentence = []
        sentence.append(span)
    if sentence:
        yield sentence


def _ended(text: str, sentence: list[Span]) -> bool:
    """Whether the last sign but for what closes quotes and brackets is one that ends a sentence."""
    said = [text[start:end].lower() for start, end in sentence]
    while said and said[-1][0] in _CLOSING:
        said.pop()
    shortened = len(said) > 1 and said[-1] == "." and said[-2] in _SHORTENED
    return bool(said) and said[-1][0] in _LAST and not shortened
