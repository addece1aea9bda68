"""Inputs of which some are to be named in an order: numbers to be sorted, points whose convex hull is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from regard.data.endless import Numbers, Part, uniform
from regard.data.hulls import convex_hull

# Twice as much, and the range of such numbers, are still finite.
_MOST = 4e307


class Problem(Enum):
    """SORT: all numbers, the lowest first. HULL: the corners of the convex hull, counter-clockwise."""

    SORT = "sort"
    HULL = "hull"

    @property
    def columns(self) -> tuple[str, ...]:
        """What a table calls the numbers of an input."""
        return ("number",) if self is Problem.SORT else ("x", "y")

    @property
    def least(self) -> int:
        """Inputs that there have to be."""
        return 1 if self is Problem.SORT else 3


@dataclass(frozen=True, eq=False)
class Inputs:
    """Inputs with an exact answer.

    Args:
        name: to tell them by.
        problem: what is asked.
        rows: (inputs, 1) for SORT, (inputs, 2) for HULL.

    Raises:
        ValueError: there are too few inputs, a number is not finite, or all points lie on one line.

    Example:
        >>> Inputs("three", Problem.SORT, np.array([[5.0], [2.0], [3.0]])).answer()
        [1, 2, 0]
    """

    name: str
    problem: Problem
    rows: Numbers

    def __post_init__(self) -> None:
        if len(self.rows) < self.problem.least:
            raise ValueError(
                f"instance {self.name!r} has {len(self.rows)} inputs, expected at least {self.problem.least} "
                f"for {self.problem.name}."
            )
        for number, row in enumerate(self.rows.tolist(), start=1):
            if not np.isfinite(row).all() or np.abs(row).max() > _MOST:
                raise ValueError(
                    f"instance {self.name!r}: input {number} is {row}, expected finite numbers, none beyond "
                    f"{_MOST:g}."
                )
        if self.problem is Problem.HULL and len(convex_hull(self.rows)) < 3:
            raise ValueError(f"instance {self.name!r} has all its points on one line; expected some beside it.")

    def answer(self) -> list[int]:
        """Which inputs are named, and in what order; of equal numbers the first one comes first."""
        if self.problem is Problem.SORT:
            return [int(place) for place in self.rows[:, 0].argsort(kind="stable")]
        return convex_hull(self.rows)

    def framed(self) -> Numbers:
        """The inputs moved and scaled until the widest of their columns goes from -1 to 1, as a model sees them."""
        low, high = self.rows.min(0), self.rows.max(0)
        extent = float((high - low).max()) or 1.0
        return (2 * self.rows - low - high) / extent


@dataclass(frozen=True)
class Drawn:
    """A source of random inputs.

    SORT: different whole numbers from 0 on. HULL: points uniform in the unit square. How many inputs there are is
    uniform too.

    Args:
        problem: which of the two.
        fewest: inputs of an instance.
        most: inputs of an instance.
        numbers: how many different numbers there are to be sorted.

    Raises:
        ValueError: there are too few inputs, or fewer numbers than inputs.

    Example:
        >>> Drawn(Problem.SORT, 3, 3, 100).inputs(Part.TEST, 1, [0])[0].rows[:, 0]
        array([29.,  1., 69.])

    Source: points: Vinyals, Fortunato and Jaitly 2015, section 3.
    """

    problem: Problem
    fewest: int
    most: int
    numbers: int

    def __post_init__(self) -> None:
        if not self.problem.least <= self.fewest <= self.most:
            raise ValueError(
                f"fewest is {self.fewest} and most is {self.most}, expected {self.problem.least} <= fewest <= most."
            )
        if self.problem is Problem.SORT and self.numbers < self.most:
            raise ValueError(
                f"numbers is {self.numbers} and most is {self.most}; as no number comes twice, expected at least as "
                "many numbers."
            )

    def inputs(self, part: Part, seed: int, indices: Sequence[int]) -> list[Inputs]:
        """The instances of these numbers: each is decided by part, seed and its own number alone."""
        width = self.numbers if self.problem is Problem.SORT else 2 * self.most
        found = uniform(part.value, seed, np.asarray(indices, dtype=np.uint64), 1 + width)
        counts = self.fewest + np.floor(found[:, 0] * (self.most - self.fewest + 1)).astype(np.int64)
        if self.problem is Problem.SORT:
            # The ranks of random numbers are a random order of all numbers, of which the first are taken.
            rows = found[:, 1:].argsort(1).astype(np.float64)[:, :, None]
        else:
            rows = found[:, 1:].reshape(len(found), self.most, 2)
        return [
            Inputs(f"{part.name.lower()} {index + 1}", self.problem, row[:count])
            for index, row, count in zip(indices, rows, counts.tolist(), strict=True)
        ]
