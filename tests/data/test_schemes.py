from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as some

from regard.data import Tagged
from regard.data.schemes import Scheme, check_scheme, check_sentences, from_iob1, may_follow, to_bio, to_bioes
from regard.layers import allowed_bio
from regard.train.spans import Reading, spans

PIECES = some.lists(some.tuples(some.sampled_from(["O", "PER", "LOC"]), some.integers(1, 4)), max_size=7)


def tagged(pieces: list[tuple[str, int]]) -> list[str]:
    """BIO tags of pieces of text of some kind and length."""
    tags: list[str] = []
    for kind, length in pieces:
        tags += ["O"] * length if kind == "O" else [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
    return tags


@given(PIECES)
def test_both_schemes_mark_the_same_spans_and_go_back_and_forth(pieces):
    tags = tagged(pieces)
    other = to_bioes(tags)
    assert to_bio(other) == tags
    assert spans(other, Scheme.BIOES, Reading.STRICT) == spans(tags, Scheme.BIO, Reading.STRICT)
    check_scheme(other, Scheme.BIOES)


def test_bio_follows_the_rules_of_the_layer():
    tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    allowed = allowed_bio(tags)
    for (one, before), (two, tag) in itertools.product(enumerate(tags), repeat=2):
        assert may_follow(before, tag, Scheme.BIO) == bool(allowed.transition[one, two])
    for place, tag in enumerate(tags):
        assert may_follow(None, tag, Scheme.BIO) == bool(allowed.start[place])
        assert may_follow(tag, None, Scheme.BIO) == bool(allowed.end[place])


def test_bioes_lets_a_span_end_once_and_only_once():
    letters = {"O": "OBS", "B": "IE", "I": "IE", "E": "OBS", "S": "OBS"}
    for before, after in itertools.product("OBIES", repeat=2):
        one, two = (letter if letter == "O" else f"{letter}-X" for letter in (before, after))
        assert may_follow(one, two, Scheme.BIOES) == (after in letters[before])
    assert not may_follow("B-X", "I-Y", Scheme.BIOES)
    assert [may_follow(None, tag, Scheme.BIOES) for tag in ("O", "B-X", "I-X", "E-X", "S-X")] == [1, 1, 0, 0, 1]
    assert [may_follow(tag, None, Scheme.BIOES) for tag in ("O", "B-X", "I-X", "E-X", "S-X")] == [1, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("convert", "tags", "message"),
    [
        (to_bioes, ["O", "I-PER"], "tags has I-PER behind O at place 1, which BIO does not allow"),
        (to_bioes, ["I-PER"], "tags has I-PER behind the beginning at place 0"),
        (to_bio, ["O", "B-PER"], "tags has the end behind B-PER at place 2, which BIOES does not allow"),
        (to_bio, ["B-PER", "E-LOC"], "tags has E-LOC behind B-PER at place 1"),
        (to_bioes, ["PER"], "tag 'PER' is not of BIO"),
        (to_bioes, ["B-"], "tag 'B-' is not of BIO"),
        (to_bio, ["X-PER"], "tag 'X-PER' is not of BIOES"),
    ],
)
def test_tags_that_cannot_stand_there_are_named(convert, tags, message):
    with pytest.raises(ValueError, match=message):
        convert(tags)


@given(PIECES)
def test_iob1_becomes_bio(pieces):
    tags, iob1 = tagged(pieces), []
    for before, tag in zip(["O", *tags], tags, strict=False):
        # There B stands only where a span would else run into the one before it.
        iob1.append(tag if tag.startswith("B-") and before[1:] == tag[1:] else tag.replace("B-", "I-"))
    assert from_iob1(iob1) == tags


@pytest.mark.parametrize(
    ("tags", "scheme", "message"),
    [
        (
            "O I-PER O",
            Scheme.BIO,
            r"dev.txt: sentence 2, word 2 \('b'\) has I-PER behind O, which BIO does not allow",
        ),
        (
            "O O B-PER",
            Scheme.BIOES,
            r"dev.txt: sentence 2, word 3 \('c'\) has the end behind B-PER, which BIOES does",
        ),
        ("O B-PER per", Scheme.BIO, r"dev.txt: sentence 2, word 3 \('c'\): tag 'per' is not of BIO, expected 'O'"),
        ("O E-PER O", Scheme.BIO, r"dev.txt: sentence 2, word 2 \('b'\): tag 'E-PER' is not of BIO"),
        ("O I-PER O", Scheme.BIO, r"where it is IOB1, .* convert it first \(regard.data.schemes.from_iob1\)"),
    ],
)
def test_sentence_and_word_of_a_wrong_tag_are_named(tags, scheme, message):
    fine = Tagged(("x", "y"), ("O", "O"))
    check_sentences([fine, fine], scheme, "dev.txt")
    with pytest.raises(ValueError, match=message):
        check_sentences([fine, Tagged(("a", "b", "c"), tuple(tags.split()))], scheme, "dev.txt")
