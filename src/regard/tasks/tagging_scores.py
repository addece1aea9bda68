"""How taggings are scored, and the trivial one to compare with."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from importlib.util import find_spec

from regard.data import Splits, Tagged
from regard.data.schemes import Scheme
from regard.data.tag_batches import plain
from regard.train.local_features import linear_tags
from regard.train.metrics import Metric
from regard.train.spans import Tags, span_scores, token_accuracy

_WORDS = "given words, one tag each, tags unknown in training count as wrong"


def metrics(
    predicted: Sequence[Tags], expected: Sequence[Tagged], scheme: Scheme | None, known: Callable[[str], bool]
) -> list[Metric]:
    """Accuracy of words, of unknown ones if any, and of sentences; where tags mark spans, F1 of these first."""
    tags = [one.tags for one in expected]
    return [*_of_spans(predicted, tags, scheme), *_of_words(predicted, expected, known)]


def main_metric(predicted: Sequence[Tags], expected: Sequence[Tagged], scheme: Scheme | None) -> Metric:
    """The one that decides: F1 of spans where there are any, else accuracy."""
    tags = [one.tags for one in expected]
    return [*_of_spans(predicted, tags, scheme), Metric("accuracy", token_accuracy(predicted, tags), _WORDS)][0]


def baselines(splits: Splits[Tagged], scheme: Scheme | None) -> list[Metric]:
    """The metric that decides: of each word's most frequent tag, and of a linear model where scikit-learn is."""
    words = [one.words for one in splits.test]
    trivial = main_metric(most_frequent(splits.train, words), splits.test, scheme)
    found = [Metric(f"most frequent tag: {trivial.name}", trivial.value, trivial.protocol)]
    name = f"linear model of local features: {trivial.name}"
    if find_spec("sklearn") is None:
        return [*found, Metric(name, math.nan, "not measured: needs scikit-learn, pip install 'regard[bench]'")]
    tags = linear_tags([one.words for one in splits.train], [one.tags for one in splits.train], words)
    linear = main_metric(tags, splits.test, scheme)
    return [*found, Metric(name, linear.value, f"{linear.protocol}; not tuned, each word alone")]


def most_frequent(train: Sequence[Tagged], sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    """Each word's most frequent tag in training; for a word that is not there, that of words that occur once.

    Example:
        >>> train = [Tagged(("a", "dog", "runs"), ("DET", "NOUN", "VERB")), Tagged(("a", "cat"), ("DET", "NOUN"))]
        >>> most_frequent(train, [("a", "bird")])
        [['DET', 'NOUN']]
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in train:
        for word, tag in zip(one.words, one.tags, strict=True):
            counts[plain(word)][tag] += 1
    once = Counter(tag for found in counts.values() if found.total() == 1 for tag in found)
    every = sum(counts.values(), Counter[str]())
    otherwise = (once or every).most_common(1)[0][0]
    best = {word: found.most_common(1)[0][0] for word, found in counts.items()}
    return [[best.get(plain(word), otherwise) for word in words] for words in sentences]


def _of_words(predicted: Sequence[Tags], expected: Sequence[Tagged], known: Callable[[str], bool]) -> list[Metric]:
    rows = [
        (known(word), one == other)
        for mine, theirs in zip(predicted, expected, strict=True)
        for word, one, other in zip(theirs.words, mine, theirs.tags, strict=True)
    ]
    unknown = [right for seen, right in rows if not seen]
    whole = [tuple(mine) == theirs.tags for mine, theirs in zip(predicted, expected, strict=True)]
    share = f"{len(unknown)} of {len(rows)} words, without a vector of their own; else as accuracy"
    found = [Metric("accuracy", token_accuracy(predicted, [one.tags for one in expected]), _WORDS)]
    if unknown:
        found.append(Metric("accuracy on unknown words", 100.0 * sum(unknown) / len(unknown), share))
    sentences = Metric("whole sentences", 100.0 * sum(whole) / max(1, len(whole)), "all tags of a sentence right")
    return [*found, sentences]


def _of_spans(predicted: Sequence[Tags], expected: Sequence[Tags], scheme: Scheme | None) -> list[Metric]:
    if scheme is None:
        return []
    found = span_scores(predicted, expected, scheme)
    protocol = f"{scheme.value}, words and kind, micro average, as conlleval and seqeval's default"
    named = (("span F1", found.f1), ("span precision", found.precision), ("span recall", found.recall))
    return [Metric(name, value, protocol) for name, value in named]
