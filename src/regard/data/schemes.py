"""Kinds of spans as tags of words: BIO and BIOES, checked, and one from the other."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

_OUTSIDE = "O"


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
    letter, hyphen, kind = tag.partition("-")
    if tag == _OUTSIDE:
        return _OUTSIDE, ""
    if letter not in set(scheme.value) - {_OUTSIDE} or not hyphen or not kind:
        letters = ", ".join(f"'{one}-'" for one in scheme.value if one != _OUTSIDE)
        raise ValueError(f"tag {tag!r} is not of {scheme.value}, expected 'O', or {letters} followed by a kind.")
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
    around: list[str | None] = [None, *tags, None]
    for place, (before, tag) in enumerate(zip(around, around[1:], strict=False)):
        if not may_follow(before, tag, scheme):
            first, second = before or "the beginning", tag or "the end"
            raise ValueError(
                f"tags has {second} behind {first} at place {place}, which {scheme.value} does not allow; correct "
                "the data, or read it with the other scheme."
            )


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
