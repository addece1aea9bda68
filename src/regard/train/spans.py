"""Accuracy of tags, and precision, recall and F1 of the spans that they mark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from regard.data.schemes import Scheme, parts

Tags = Sequence[str]


class Span(NamedTuple):
    """Words from `start` to before `stop`, and what they are."""

    kind: str
    start: int
    stop: int


class Reading(Enum):
    """What becomes of tags that do not follow each other: a span begins all the same, or there is none.

    LENIENT is what conlleval does, and seqeval unless told otherwise; STRICT is seqeval's mode of that name.
    """

    LENIENT = "lenient"
    STRICT = "strict"


@dataclass(frozen=True)
class SpanScores:
    """Counts of spans, and what follows from them; 0 where nothing can be said, as in seqeval."""

    found: int
    expected: int
    right: int

    @property
    def precision(self) -> float:
        """Percentage of the spans found that are right."""
        return 100.0 * self.right / max(1, self.found)

    @property
    def recall(self) -> float:
        """Percentage of the spans expected that were found."""
        return 100.0 * self.right / max(1, self.expected)

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        return 200.0 * self.right / max(1, self.found + self.expected)


def spans(tags: Tags, scheme: Scheme, reading: Reading = Reading.LENIENT) -> list[Span]:
    """The spans that a sentence's tags mark, in their order.

    Lenient, a span begins at B or S, and at I or E wherever no span of that kind is open, and ends before O, before
    another beginning, and after E or S. Strict, it is as the scheme says, whole, or it is none.

    Raises:
        ValueError: a tag is not of the scheme.

    Example:
        >>> spans(["B-PER", "I-PER", "O", "I-ORG"], Scheme.BIO)
        [Span(kind='PER', start=0, stop=2), Span(kind='ORG', start=3, stop=4)]
        >>> spans(["B-PER", "I-PER", "O", "I-ORG"], Scheme.BIO, Reading.STRICT)
        [Span(kind='PER', start=0, stop=2)]

    Source: Tjong Kim Sang and Buchholz 2000, section 2 (conlleval).
    """
    lettered = [parts(tag, scheme) for tag in tags]
    kinds = {Reading.LENIENT: _lenient, Reading.STRICT: _strict}
    return kinds[reading](lettered, scheme)


def span_scores(
    predicted: Sequence[Tags], expected: Sequence[Tags], scheme: Scheme, reading: Reading = Reading.LENIENT
) -> SpanScores:
    """Spans over whole sentences; one is right if its words and its kind are (micro average).

    Raises:
        ValueError: the sentences differ in number or length; a tag is not of the scheme.

    Example:
        >>> span_scores([["B-PER", "O"]], [["B-PER", "I-PER"]], Scheme.BIO)
        SpanScores(found=1, expected=1, right=0)

    Source: Tjong Kim Sang and Buchholz 2000, section 2.
    """
    found, wanted = _both(predicted, expected, scheme, reading)
    return SpanScores(len(found), len(wanted), len(found & wanted))


def scores_by_kind(
    predicted: Sequence[Tags], expected: Sequence[Tags], scheme: Scheme, reading: Reading = Reading.LENIENT
) -> dict[str, SpanScores]:
    """The same for each kind of span, in alphabetical order.

    Raises:
        ValueError: see `span_scores`.
    """
    found, wanted = _both(predicted, expected, scheme, reading)
    counts = [Counter(span.kind for _place, span in part) for part in (found, wanted, found & wanted)]
    return {kind: SpanScores(*(count[kind] for count in counts)) for kind in sorted({*counts[0], *counts[1]})}


def token_accuracy(predicted: Sequence[Tags], expected: Sequence[Tags]) -> float:
    """Percentage of words whose tag is right.

    Raises:
        ValueError: the sentences differ in number or length.

    Example:
        >>> token_accuracy([["DET", "NOUN"]], [["DET", "VERB"]])
        50.0
    """
    _check(predicted, expected)
    pairs = [
        one == other
        for mine, theirs in zip(predicted, expected, strict=True)
        for one, other in zip(mine, theirs, strict=True)
    ]
    return 100.0 * sum(pairs) / max(1, len(pairs))


def _both(
    predicted: Sequence[Tags], expected: Sequence[Tags], scheme: Scheme, reading: Reading
) -> tuple[set[tuple[int, Span]], set[tuple[int, Span]]]:
    _check(predicted, expected)
    return _placed(predicted, scheme, reading), _placed(expected, scheme, reading)


def _placed(sentences: Sequence[Tags], scheme: Scheme, reading: Reading) -> set[tuple[int, Span]]:
    return {(place, span) for place, tags in enumerate(sentences) for span in spans(tags, scheme, reading)}


def _check(predicted: Sequence[Tags], expected: Sequence[Tags]) -> None:
    if len(predicted) != len(expected):
        raise ValueError(
            f"predicted has {len(predicted)} sentences, expected {len(expected)}: one for each expected."
        )
    for place, (mine, theirs) in enumerate(zip(predicted, expected, strict=True)):
        if len(mine) != len(theirs):
            raise ValueError(
                f"predicted has {len(mine)} tags for sentence {place}, expected {len(theirs)}: one for each word."
            )


def _lenient(lettered: list[tuple[str, str]], _scheme: Scheme) -> list[Span]:
    found: list[Span] = []
    start, before, kind = 0, "O", ""
    for place, (letter, other) in enumerate([*lettered, ("O", "")]):
        begins = letter in "BS" or (letter in "IE" and (before in "OES" or other != kind))
        if before not in "OES" and (begins or letter == "O"):
            found.append(Span(kind, start, place))
        if begins:
            start = place
        if letter in "ES":
            found.append(Span(other, start, place + 1))
        before, kind = letter, other
    return found


def _strict(lettered: list[tuple[str, str]], scheme: Scheme) -> list[Span]:
    found: list[Span] = []
    place = 0
    while place < len(lettered):
        letter, kind = lettered[place]
        stop = place + 1
        if letter == "B":
            while stop < len(lettered) and lettered[stop] == ("I", kind):
                stop += 1
            if scheme is Scheme.BIOES:
                whole = stop < len(lettered) and lettered[stop] == ("E", kind)
                stop += whole
            else:
                whole = True
            if whole:
                found.append(Span(kind, place, stop))
        elif letter == "S":
            found.append(Span(kind, place, stop))
        place = stop
    return found
