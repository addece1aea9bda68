"""The classical language model: counts of what followed what, interpolated over ever shorter contexts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Order:
    """Grams of one length: their keys in order, counts, and sums over the grams of one history.

    A gram's key is (number of its history) * vocabulary + (its last token).
    """

    keys: Whole
    counts: Whole
    totals: Whole
    kinds: Whole
    discount: float

    def number(self, keys: Whole) -> Whole:
        """The number of each gram; -1 for one that was never seen."""
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)


class NGrams:
    """Interpolated Kneser-Ney: absolute discounting, and lower orders by the number of different contexts.

    p_n(w | h) = max(c(h w) - d, 0) / c(h) + d N(h) / c(h) * p_{n-1}(w | h'),   p_0 = 1 / V

    c counts occurrences at the highest order and, at the others, the different tokens seen before a gram; N(h) is how
    many different tokens followed h; h' is h without its first token; d = n_1 / (n_1 + 2 n_2) of each order, with n_r
    the grams that were counted r times.

    Args:
        tokens: what is learned from, in order.
        order: n, the longest gram.
        vocabulary_size: V; tokens are below it.
        begin: the token that stands before the first ones.

    Raises:
        ValueError: there are no tokens, one is no token of the vocabulary, or the order is below 1.

    Example:
        >>> import numpy as np
        >>> model = NGrams(np.array([3, 4, 3, 4]), order=2, vocabulary_size=5, begin=0)
        >>> bool(model.probabilities(np.array([3, 4]))[1] > 0.5)
        True

    Source: Kneser and Ney 1995; interpolated, and d: Chen and Goodman 1999, section 2.7.
    """

    def __init__(self, tokens: npt.NDArray[np.integer], order: int, vocabulary_size: int, begin: int) -> None:
        if order < 1:
            raise ValueError(f"order is {order}, expected at least 1.")
        if not len(tokens) or not 0 <= tokens.min() <= tokens.max() < vocabulary_size:
            raise ValueError(
                f"tokens has {len(tokens)} numbers, expected at least 1, each from 0 to {vocabulary_size - 1}."
            )
        self.size, self.begin = vocabulary_size, begin
        self._orders = _count(self._padded(tokens, order), order, vocabulary_size)

    def probabilities(self, tokens: npt.NDArray[np.integer]) -> Real:
        """P of every token, given all that stand before it."""
        order = len(self._orders)
        padded = self._padded(tokens, order)
        found = np.full(len(tokens), 1 / self.size)
        histories = np.zeros(len(padded) + 1, np.int64)
        for length, counted in enumerate(self._orders, start=1):
            # -1 stays -1: a gram whose history was never seen was not either.
            keys = np.where(histories[:-1] < 0, -1, histories[:-1] * self.size + padded[length - 1 :])
            grams, own = counted.number(keys), slice(order - length, None)
            found = _interpolated(counted, grams[own], histories[:-1][own], found)
            histories = grams
        return found

    def _padded(self, tokens: npt.NDArray[np.integer], order: int) -> Whole:
        return np.concatenate((np.full(order - 1, self.begin, np.int64), tokens.astype(np.int64)))


def _interpolated(order: _Order, grams: Whole, histories: Whole, shorter: Real) -> Real:
    """P of one order from p of the order below; where a history is new, the same."""
    counts = np.where(grams < 0, 0, order.counts[grams])
    totals = np.where(histories < 0, 0, order.totals[histories])
    kinds = np.where(histories < 0, 0, order.kinds[histories])
    own = np.maximum(counts - order.discount, 0)
    return np.where(totals == 0, shorter, (own + order.discount * kinds * shorter) / np.maximum(totals, 1))


def _count(padded: Whole, order: int, size: int) -> list[_Order]:
    """Grams of every length up to the order, shortest first."""
    numbers, keys_of = [np.zeros(len(padded) + 1, np.int64)], []
    firsts: list[Whole] = []
    for length in range(1, order + 1):
        keys, first, found = np.unique(
            numbers[-1][:-1] * size + padded[length - 1 :], return_index=True, return_inverse=True
        )
        numbers.append(found)
        keys_of.append(keys)
        firsts.append(first)
    found_orders = []
    for length in range(1, order + 1):
        histories = 1 if length == 1 else len(keys_of[length - 2])
        counts = _real(numbers[length], order - length, len(keys_of[length - 1]))
        if length < order:
            longer = _real(numbers[length + 1], order - length - 1, len(keys_of[length]))
            suffixes = numbers[length][1:][firsts[length]][longer > 0]
            counts = np.bincount(suffixes, minlength=len(counts))
        found_orders.append(_order(keys_of[length - 1], counts, histories, size))
    return found_orders


def _real(numbers: Whole, padding: int, minimum: int) -> Whole:
    """How often each gram ends in a real token, not in the padding."""
    return np.bincount(numbers[padding:], minlength=minimum)


def _order(keys: Whole, counts: Whole, histories: int, size: int) -> _Order:
    history = keys // size
    totals = np.bincount(history, counts, histories).astype(np.int64)
    kinds = np.bincount(history[counts > 0], minlength=histories)
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    # Where all or none were seen once, the estimate leaves nothing on one side.
    return _Order(keys, counts, totals, kinds, once / (once + 2 * twice) if once and twice else 0.5)
