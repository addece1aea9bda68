"""Instances whose places are uniform in the unit square: the same numbers everywhere, and as many as are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from regard.data.routes import Deliveries, Instance, Numbers

Whole = npt.NDArray[np.uint64]

_STEP, _FIRST, _SECOND = (
    np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
# Numbers that one instance may draw.
_ROOM = np.uint64(1 << 24)
_LARGEST_DEMAND = 9


class Part(Enum):
    """What instances are for; each has numbers of its own, and CHALLENGE decides about a baseline."""

    TRAIN = 0
    VALIDATION = 1
    TEST = 2
    CHALLENGE = 3


class Problem(Enum):
    """TSP: one tour through all places. CVRP: tours from a depot, none of which carries more than a capacity."""

    TSP = "tsp"
    CVRP = "cvrp"


@dataclass(frozen=True)
class Uniform:
    """A source of random instances.

    TSP: cities uniform in the unit square. CVRP: depot and customers uniform, demands of 1 to 9, and a capacity that
    grows with the customers (30 for 20, 40 for 50, 50 for 100).

    Args:
        problem: which of the two.
        places: cities, or customers beside the depot.

    Raises:
        ValueError: there are fewer than two places.

    Example:
        >>> Uniform(Problem.TSP, 20).draw(Part.TEST, 1234, range(1)).points[0, 0].round(4)
        array([0.2393, 0.2054])

    Source: Kool, van Hoof and Welling 2019, section 5 and appendix C.1.
    """

    problem: Problem
    places: int

    def __post_init__(self) -> None:
        if self.places < 2:
            raise ValueError(f"places is {self.places}, expected at least 2.")

    @property
    def capacity(self) -> float:
        """Of a vehicle."""
        return 30.0 + 10.0 * min(1.0, (self.places - 20) / 30) + 10.0 * max(0.0, (self.places - 50) / 50)

    def draw(self, part: Part, seed: int, indices: Sequence[int]) -> Drawn:
        """The instances of these numbers: each is decided by part, seed and its own number alone."""
        stops = self.places + (self.problem is Problem.CVRP)
        numbers = uniform(part.value, seed, np.asarray(indices, dtype=np.uint64), 3 * stops)
        points = numbers[:, : 2 * stops].reshape(-1, stops, 2)
        if self.problem is Problem.TSP:
            return Drawn(points, None, self.capacity)
        demands = 1 + np.floor(numbers[:, 2 * stops :] * _LARGEST_DEMAND)
        demands[:, 0] = 0
        return Drawn(points, demands, self.capacity)

    def instances(self, part: Part, seed: int, count: int) -> list[Instance]:
        """The first of them, one by one."""
        drawn = self.draw(part, seed, range(count))
        return [drawn.instance(place, f"{part.name.lower()} {place + 1}") for place in range(count)]


@dataclass(frozen=True)
class Drawn:
    """Instances side by side.

    Args:
        points: (instances, places, 2).
        demands: (instances, places), or None without deliveries.
        capacity: of a vehicle, where there are deliveries.
    """

    points: Numbers
    demands: Numbers | None
    capacity: float

    def instance(self, place: int, name: str) -> Instance:
        """One of them."""
        brought = None if self.demands is None else Deliveries(self.demands[place], self.capacity)
        return Instance(name, self.points[place], brought)


def uniform(stream: int, seed: int, rows: Whole, count: int) -> Numbers:
    """Uniform numbers in [0, 1), `count` for each row: a hash of (stream, seed, row, place), on any machine.

    Raises:
        ValueError: the seed is negative, or a row wants too many.

    Example:
        >>> uniform(0, 1, np.array([7], dtype=np.uint64), 3).round(3)
        array([[0.25 , 0.263, 0.997]])

    Source: Steele, Lea and Flood 2014, section 5 (SplitMix64).
    """
    if seed < 0 or count >= int(_ROOM):
        raise ValueError(f"seed is {seed} and count is {count}, expected a seed from 0 and a count below {_ROOM}.")
    begin = np.multiply(np.array([stream + 1], dtype=np.uint64), _STEP, dtype=np.uint64)
    key = _mixed(np.add(_mixed(begin), np.uint64(seed), dtype=np.uint64))
    counters = np.add(rows[:, None] * _ROOM, np.arange(1, count + 1, dtype=np.uint64), dtype=np.uint64)
    places = np.add(key, np.multiply(counters, _STEP, dtype=np.uint64), dtype=np.uint64)
    found: Numbers = (_mixed(places) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return found


def _mixed(numbers: Whole) -> Whole:
    """The finalizer of SplitMix64; products wrap around at 2^64."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _FIRST
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _SECOND
    return numbers ^ (numbers >> np.uint64(31))
