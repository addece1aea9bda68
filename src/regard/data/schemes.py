"""Kinds of spans as tags of words: BIO and BIOES, checked, and one from the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from regard.data.tagged import Tagged

_OUTSIDE = "O"
_ADVICE = (
    "correct the data, or, where it is IOB1, as the published CoNLL-2003 is, convert it first "
    "(regard.data.schemes.from_iob1)."
)


class Scheme(Enum):
    """How tags mark spans; each but O is a letter, a hyphen and the kind of the span.

    BIO (IOB2): B begins a span and I goes on with it. BIOES: E ends one as well, and S is one of a single word.
    """

    BIO = "BIO"
    BIOES = "BIOES"


# Tags that a span goes on behind, and tags that go on with one.
_OPEN = {Scheme.BIO: "BI", Scheme.BIOES: "BI"}
_INSIDE = {Scheme.BIO: "I", Scheme.BIOES: "IE"}
_MUST_GO_ON = {Scheme.BIO: False, Scheme.BIOES: True}


def parts(tag: str, scheme: Scheme) -> tuple[str, str]:
    """The letter and the kind of a tag; O has no kind.

    Raises:
        ValueError: the tag is not of the scheme.

    Example:
        >>> parts("B-PER", Scheme.BIO)
        ('B', 'PER')
    """
    if not _is_of(tag, scheme):
        raise ValueError(_strange(tag, scheme))
    letter, _hyphen, kind = tag.partition("-")
    return letter, kind


def may_follow(before: str | None, tag: str | None, scheme: Scheme) -> bool:
    """Whether a tag may stand behind another one; None is the beginning or the end of a sentence.

    Raises:
        ValueError: a tag is not of the scheme.

    Example:
        >>> may_follow("B-PER", "I-PER", Scheme.BIO), may_follow("O", "I-PER", Scheme.BIO)
        (True, False)
        >>> may_follow("B-PER", None, Scheme.BIOES)
        False

    Source: Ramshaw and Marcus 1995 (BIO); Ratinov and Roth 2009, section 3 (BIOES, there called BILOU).
    """
    letter, kind = parts(before or _OUTSIDE, scheme)
    after, other = parts(tag or _OUTSIDE, scheme)
    if after in _INSIDE[scheme]:
        return letter in _OPEN[scheme] and kind == other
    return not (_MUST_GO_ON[scheme] and letter in _OPEN[scheme])


def check_scheme(tags: Sequence[str], scheme: Scheme) -> None:
    """Raise ValueError where a tag does not follow another one; both and the place are named.

    Example:
        >>> check_scheme(["O", "B-PER", "I-PER"], Scheme.BIO)
    """
    fault = next(_faults(tags, scheme), None)
    if fault is not None:
        place, wrong = fault
        raise ValueError(f"tags has {wrong} at place {place}, which {scheme.value} does not allow; {_ADVICE}")


def check_sentences(sentences: Sequence[Tagged], scheme: Scheme, where: str) -> None:
    """Raise ValueError where a tag is not of the scheme or does not follow another one.

    `where` the sentences are from, the sentence, the word and the tags are named; sentences and words count from 1.

    Example:
        >>> check_sentences([Tagged(("Ann", "ran"), ("B-PER", "O"))], Scheme.BIO, "mine.txt")
        >>> check_sentences([Tagged(("Ann", "ran"), ("PER", "O"))], Scheme.BIO, "mine.txt")
        Traceback (most recent call last):
        ValueError: mine.txt: sentence 1, word 1 ('Ann'): tag 'PER' is not of BIO,
            expected 'O', or 'B-', 'I-' followed by a kind.
    """
    for number, one in enumerate(sentences, start=1):
        strange = next((place for place, tag in enumerate(one.tags) if not _is_of(tag, scheme)), None)
        if strange is not None:
            raise ValueError(f"{_of(where, number, one, strange)}: {_strange(one.tags[strange], scheme)}")
        fault = next(_faults(one.tags, scheme), None)
        if fault is not None:
            place, wrong = fault
            raise ValueError(
                f"{_of(where, number, one, place)} has {wrong}, which {scheme.value} does not allow; {_ADVICE}"
            )


def _of(where: str, number: int, one: Tagged, place: int) -> str:
    # What is missing behind the last word is the last word's fault.
    at = min(place, len(one.words) - 1)
    return f"{where}: sentence {number}, word {at + 1} ({one.words[at]!r})"


def _faults(tags: Sequence[str], scheme: Scheme) -> Iterator[tuple[int, str]]:
    """Places where a tag does not follow the one before it, and both."""
    around: list[str | None] = [None, *tags, None]
    for place, (before, tag) in enumerate(zip(around, around[1:], strict=False)):
        if not may_follow(before, tag, scheme):
            yield place, f"{tag or 'the end'} behind {before or 'the beginning'}"


def _is_of(tag: str, scheme: Scheme) -> bool:
    letter, hyphen, kind = tag.partition("-")
    return tag == _OUTSIDE or (letter in set(scheme.value) - {_OUTSIDE} and bool(hyphen and kind))


def _strange(tag: str, scheme: Scheme) -> str:
    letters = ", ".join(f"'{one}-'" for one in scheme.value if one != _OUTSIDE)
    return f"tag {tag!r} is not of {scheme.value}, expected 'O', or {letters} followed by a kind."


def from_iob1(tags: Sequence[str]) -> list[str]:
    """IOB1 tags as BIO: of those, B begins a span only where it stands behind another one of its kind.

    Raises:
        ValueError: a tag is neither O nor of B or I.

    Example:
        >>> from_iob1(["I-PER", "I-PER", "B-PER", "O", "I-ORG"])
        ['B-PER', 'I-PER', 'B-PER', 'O', 'B-ORG']

    Source: Ramshaw and Marcus 1995, section 4; Tjong Kim Sang and De Meulder 2003, section 2.1 (CoNLL-2003 has it).
    """
    found = []
    for before, tag in zip([_OUTSIDE, *tags], tags, strict=False):
        letter, kind = parts(tag, Scheme.BIO)
        begins = letter == "I" and parts(before, Scheme.BIO)[1] != kind
        found.append(f"B-{kind}" if begins else tag)
    return found


def to_bioes(tags: Sequence[str]) -> list[str]:
    """BIO tags as BIOES, of which a tagger learns better where spans end.

    Raises:
        ValueError: the tags are not BIO.

    Example:
        >>> to_bioes(["B-PER", "I-PER", "O", "B-ORG"])
        ['B-PER', 'E-PER', 'O', 'S-ORG']
    """
    check_scheme(tags, Scheme.BIO)
    goes_on = [following.startswith("I-") for following in [*tags, _OUTSIDE][1:]]
    ending = {("B", False): "S", ("I", False): "E"}
    found = []
    for tag, on in zip(tags, goes_on, strict=True):
        letter, kind = parts(tag, Scheme.BIO)
        found.append(tag if tag == _OUTSIDE else f"{ending.get((letter, on), letter)}-{kind}")
    return found


def to_bio(tags: Sequence[str]) -> list[str]:
    """BIOES tags as BIO.

    Raises:
        ValueError: the tags are not BIOES.

    Example:
        >>> to_bio(["B-PER", "E-PER", "O", "S-ORG"])
        ['B-PER', 'I-PER', 'O', 'B-ORG']
    """
    check_scheme(tags, Scheme.BIOES)
    letters = {"S": "B", "E": "I"}
    found = []
    for tag in tags:
        letter, kind = parts(tag, Scheme.BIOES)
        found.append(tag if tag == _OUTSIDE else f"{letters.get(letter, letter)}-{kind}")
    return found
