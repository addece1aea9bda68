from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2, IOBES

from regard.data.schemes import Scheme, check_scheme
from regard.train.spans import Reading, Span, scores_by_kind, span_scores, spans, token_accuracy

TAGS = {
    Scheme.BIO: ["O", *(f"{letter}-{kind}" for letter in "BI" for kind in ("PER", "A-B"))],
    Scheme.BIOES: ["O", *(f"{letter}-{kind}" for letter in "BIES" for kind in ("PER", "A-B"))],
}
THEIRS = {Scheme.BIO: IOB2, Scheme.BIOES: IOBES}


def pairs(scheme: Scheme):
    """Sentences of any tags, in the scheme's letters but in any order, and as many others of the same lengths."""
    tag = some.sampled_from(TAGS[scheme])
    sentence = some.lists(some.tuples(tag, tag), min_size=1, max_size=11)
    return some.lists(sentence, min_size=1, max_size=5).map(
        lambda rows: ([[one for one, _ in row] for row in rows], [[other for _, other in row] for row in rows])
    )


@pytest.mark.parametrize("scheme", Scheme)
def test_lenient_spans_and_scores_are_those_of_seqeval(scheme):
    @given(pairs(scheme))
    def agree(both):
        predicted, expected = both
        for tags in (*predicted, *expected):
            ours = [(span.kind, span.start, span.stop - 1) for span in spans(tags, scheme)]
            assert ours == get_entities(tags)
        _same(span_scores(predicted, expected, scheme), predicted, expected, {})

    agree()


@pytest.mark.parametrize("scheme", Scheme)
def test_strict_scores_are_those_of_seqeval(scheme):
    @given(pairs(scheme))
    def agree(both):
        predicted, expected = both
        ours = span_scores(predicted, expected, scheme, Reading.STRICT)
        _same(ours, predicted, expected, {"mode": "strict", "scheme": THEIRS[scheme]})

    agree()


def _same(ours, predicted, expected, how):
    theirs = [
        100 * score(expected, predicted, zero_division=0, **how)
        for score in (precision_score, recall_score, f1_score)
    ]
    assert [ours.precision, ours.recall, ours.f1] == pytest.approx(theirs, abs=1e-10)


@given(pairs(Scheme.BIOES))
def test_kinds_add_up_to_the_whole_and_accuracy_is_that_of_seqeval(both):
    predicted, expected = both
    whole = span_scores(predicted, expected, Scheme.BIOES)
    parts = scores_by_kind(predicted, expected, Scheme.BIOES).values()
    for name in ("found", "expected", "right"):
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)
    assert token_accuracy(predicted, expected) == pytest.approx(100 * accuracy_score(expected, predicted))


@given(pairs(Scheme.BIO))
def test_a_span_that_the_scheme_allows_is_read_alike_in_both_ways(both):
    for tags in both[0]:
        try:
            check_scheme(tags, Scheme.BIO)
        except ValueError:
            continue
        assert spans(tags, Scheme.BIO) == spans(tags, Scheme.BIO, Reading.STRICT)


def test_only_the_same_words_of_the_same_kind_are_right():
    expected = [["B-PER", "I-PER", "O", "B-LOC"], ["O"]]
    predicted = [["B-PER", "O", "O", "B-PER"], ["B-LOC"]]
    found = scores_by_kind(predicted, expected, Scheme.BIO)
    assert {kind: (one.found, one.expected, one.right) for kind, one in found.items()} == {
        "LOC": (1, 1, 0),
        "PER": (2, 1, 0),
    }
    assert spans(expected[0], Scheme.BIO) == [Span("PER", 0, 2), Span("LOC", 3, 4)]


def test_what_cannot_be_compared_is_named():
    with pytest.raises(ValueError, match="predicted has 1 sentences, expected 2"):
        span_scores([["O"]], [["O"], ["O"]], Scheme.BIO)
    with pytest.raises(ValueError, match="predicted has 1 tags for sentence 1, expected 2"):
        token_accuracy([["O"], ["O"]], [["O"], ["O", "O"]])
    with pytest.raises(ValueError, match="tag 'E-PER' is not of BIO, expected 'O', or 'B-', 'I-' followed by a kind"):
        spans(["E-PER"], Scheme.BIO)
