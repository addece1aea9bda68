"""Instances whose places are uniform in the unit square: the same numbers everywhere, and as many as are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from regard.data.endless import Part, uniform
from regard.data.routes import Deliveries, Instance, Numbers

_LARGEST_DEMAND = 9


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
