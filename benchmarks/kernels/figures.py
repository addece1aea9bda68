"""Medians, quartiles and paired ratios."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Quartiles:
    """The middle of some numbers, and what a quarter of them lies below and above."""

    lower: float
    median: float
    upper: float


def quartiles(numbers: Sequence[float]) -> Quartiles:
    """Quartiles by linear interpolation between the nearest numbers, ends included.

    Raises:
        ValueError: there are no numbers.
    """
    if not numbers:
        raise ValueError("numbers is empty, expected at least one measurement; run at least one round.")
    if len(numbers) == 1:
        return Quartiles(numbers[0], numbers[0], numbers[0])
    return Quartiles(*statistics.quantiles(numbers, n=4, method="inclusive"))


def times_faster(ours: Sequence[float], theirs: Sequence[float]) -> Quartiles:
    """Quartiles over rounds of theirs / ours; rounds that only one of them ran do not count.

    The two times of a round stand beside each other, so what slows the machine for a while slows both.
    """
    return quartiles([other / one for one, other in zip(ours, theirs, strict=False)])


def fastest(seconds: Mapping[str, Sequence[float]]) -> str | None:
    """The name with the lowest median; None where there are no names."""
    return min(seconds, key=lambda name: statistics.median(seconds[name]), default=None)
