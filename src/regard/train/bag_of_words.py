"""The classical answer to texts with labels: counts of words and a linear model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec

from regard.train.metrics import Metric

_NAME = "TF-IDF + logistic regression: accuracy"


def majority(labels: Sequence[str], test_labels: Sequence[str]) -> Metric:
    """Accuracy of the most frequent training label.

    Example:
        >>> majority(["a", "a", "b"], ["a", "b"]).value
        50.0
    """
    most = max(sorted(set(labels)), key=list(labels).count)
    value = 100 * sum(label == most for label in test_labels) / max(1, len(test_labels))
    return Metric("most frequent class: accuracy", value, f"always {most!r}")


def tf_idf(
    texts: Sequence[str], labels: Sequence[str], test_texts: Sequence[str], test_labels: Sequence[str]
) -> Metric:
    """Accuracy of a logistic regression on TF-IDF of words and of pairs of words, by scikit-learn.

    Nothing is tuned: C = 10, frequencies by their logarithm, texts split at spaces. Without scikit-learn the value is
    not a number and the protocol says how to install it.

    Args:
        texts: of training, words with spaces between.
        labels: their labels, of two classes at least.
        test_texts: what is scored.
        test_labels: their labels.

    Source: Salton and Buckley 1988 (TF-IDF).
    """
    if find_spec("sklearn") is None:
        return Metric(_NAME, math.nan, "not measured: needs scikit-learn, pip install 'regard[bench]'")
    from sklearn import __version__
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    counts = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+")
    model = LogisticRegression(C=10, max_iter=1000).fit(counts.fit_transform(texts), list(labels))
    value = 100 * float(model.score(counts.transform(test_texts), list(test_labels)))
    return Metric(_NAME, value, f"words and pairs, C=10, not tuned, scikit-learn {__version__}")
