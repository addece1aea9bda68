"""Medians, quartiles and paired ratios, against NumPy and by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks.kernels.figures import Quartiles, fastest, quartiles, times_faster


@pytest.mark.parametrize("count", [2, 3, 7, 9, 10])
def test_quartiles_are_numpys(count):
    numbers = [random.Random(count).random() for _ in range(count)]
    found = quartiles(numbers)
    expected = np.percentile(numbers, [25, 50, 75])
    assert [found.lower, found.median, found.upper] == pytest.approx(list(expected), rel=1e-12)


def test_quartiles_of_one_number_are_that_number_and_of_none_an_error():
    assert quartiles([3.0]) == Quartiles(3.0, 3.0, 3.0)
    with pytest.raises(ValueError, match="numbers is empty, expected at least one measurement"):
        quartiles([])


def test_ratios_are_taken_round_by_round():
    """A slow round slows both, and drops out of the ratio; a ratio of medians would be 3 here."""
    ours, theirs = [1.0, 10.0, 1.0, 5.0], [2.0, 20.0, 4.0, 20.0]
    assert times_faster(ours, theirs) == quartiles([2.0, 2.0, 4.0, 4.0])
    assert times_faster(theirs, ours) == quartiles([0.5, 0.5, 0.25, 0.25])


def test_rounds_that_only_one_ran_do_not_count():
    assert times_faster([1.0, 2.0, 4.0], [3.0]) == Quartiles(3.0, 3.0, 3.0)


def test_the_fastest_has_the_lowest_median_not_the_lowest_time():
    assert fastest({"lucky": [0.1, 5.0, 5.0], "steady": [2.0, 2.0, 2.0]}) == "steady"
    assert fastest({}) is None
