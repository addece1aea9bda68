"""Kneser-Ney against a slow one that is written from its equations with dictionaries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from regard.train.counts import NGrams

SIZE = 7


class Slow:
    """The equations, gram by gram."""

    def __init__(self, tokens, order):
        self.order = order
        padded = (0,) * (order - 1) + tuple(tokens)
        ends = range(order - 1, len(padded))
        self.counts = [Counter() for _ in range(order + 1)]
        self.counts[order] = Counter(padded[end - order + 1 : end + 1] for end in ends)
        for length in range(order - 1, 0, -1):
            longer = {padded[end - length : end + 1] for end in ends}
            self.counts[length] = Counter(gram[1:] for gram in longer)

    def probability(self, token, history):
        counts = self.counts[len(history) + 1]
        shorter = self.probability(token, history[1:]) if history else 1 / SIZE
        same = {gram: count for gram, count in counts.items() if gram[:-1] == history}
        if not same:
            return shorter
        values = list(counts.values())
        once, twice = values.count(1), values.count(2)
        discount = once / (once + 2 * twice) if once and twice else 0.5
        own = max(same.get((*history, token), 0) - discount, 0)
        return (own + discount * len(same) * shorter) / sum(same.values())


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [1, 13, 211])
def test_every_probability_is_that_of_the_equations(order, count):
    draws = np.random.default_rng(order * 1000 + count)
    tokens = draws.choice(5, count, p=[0.4, 0.3, 0.15, 0.1, 0.05]) + 1
    others = np.concatenate((draws.integers(0, SIZE, 31), tokens[:17]))
    fast, slow = NGrams(tokens, order, SIZE, begin=0), Slow(tokens.tolist(), order)
    padded = (0,) * (order - 1) + tuple(others.tolist())
    expected = [slow.probability(padded[end], padded[end - order + 1 : end]) for end in range(order - 1, len(padded))]
    np.testing.assert_allclose(fast.probabilities(others), expected, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_probabilities_of_all_tokens_sum_to_one(order):
    tokens = np.random.default_rng(1).integers(1, 5, 101)
    model = NGrams(tokens, order, SIZE, begin=0)
    for history in ([], [1], [3, 2, 6], [4, 4, 1, 2, 3]):
        total = sum(model.probabilities(np.array([*history, token]))[-1] for token in range(SIZE))
        assert total == pytest.approx(1, abs=1e-12)


def test_longer_contexts_help_where_there_is_something_to_learn():
    pattern = np.tile([1, 2, 1, 3], 100)
    losses = [-np.log(NGrams(pattern, n, SIZE, begin=0).probabilities(pattern)).mean() for n in (1, 2, 3)]
    assert losses[0] > 1.0 > losses[1] > 0.3 > 0.05 > losses[2]


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match="order is 0"):
        NGrams(np.array([1]), 0, SIZE, begin=0)
    with pytest.raises(ValueError, match="tokens has 0 numbers"):
        NGrams(np.array([], int), 2, SIZE, begin=0)
    with pytest.raises(ValueError, match="expected at least 1, each from 0 to 6"):
        NGrams(np.array([7]), 2, SIZE, begin=0)
