"""Places to be visited: one instance of a routing problem, and how long a route through it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


class Distance(Enum):
    """How long the way between two points is, by the names of TSPLIB.

    PLAIN is the Euclidean distance as it is, EUC_2D rounds it to the nearest whole number and CEIL_2D up; ATT is the
    pseudo-Euclidean distance, divided by the root of ten and rounded up.
    """

    PLAIN = "PLAIN"
    EUC_2D = "EUC_2D"
    CEIL_2D = "CEIL_2D"
    ATT = "ATT"

    def of(self, difference: Numbers) -> Numbers:
        """Distances of differences (..., 2).

        Example:
            >>> Distance.EUC_2D.of(np.array([1.0, 1.0])), Distance.CEIL_2D.of(np.array([1.0, 1.0]))
            (np.float64(1.0), np.float64(2.0))

        Source: Reinelt 1995 (TSPLIB 95), sections 2.1, 2.5 and 2.6.
        """
        plain: Numbers = np.hypot(difference[..., 0], difference[..., 1])
        rules = {
            Distance.PLAIN: lambda: plain,
            Distance.EUC_2D: lambda: np.floor(plain + 0.5),
            Distance.CEIL_2D: lambda: np.ceil(plain),
            Distance.ATT: lambda: np.ceil(plain / np.sqrt(10.0)),
        }
        return rules[self]()


@dataclass(frozen=True)
class Deliveries:
    """What has to be brought from the depot, which is the first place, to each of the others.

    Args:
        demands: of every place, 0 at the depot.
        capacity: what one vehicle carries at a time.
    """

    demands: Numbers
    capacity: float


@dataclass(frozen=True, eq=False)
class Instance:
    """Places in the plane; all of them are to be visited, as cities by one tour or as customers by several.

    Args:
        name: to tell it by.
        places: (places, 2), in any unit; with deliveries the depot is first.
        deliveries: None for one tour through all places.
        distance: how long the way between two places is.
        known: length of the best route that is known.
        low: the corner of the square that the places lie in.
        extent: the side of that square; a model sees (places - low) / extent.

    Raises:
        ValueError: there are too few places, a number is not finite, or a demand is above the capacity.

    Example:
        >>> square = Instance("square", np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]))
        >>> square.length([[0, 1, 2, 3]])
        4.0
    """

    name: str
    places: Numbers
    deliveries: Deliveries | None = None
    distance: Distance = Distance.PLAIN
    known: float | None = None
    low: tuple[float, float] = (0.0, 0.0)
    extent: float = 1.0

    def __post_init__(self) -> None:
        what = "cities" if self.deliveries is None else "places, the depot included"
        if len(self.places) < 2:
            raise ValueError(f"instance {self.name!r} has {len(self.places)} of the {what}, expected at least 2.")
        for number, (x, y) in enumerate(self.places.tolist(), start=1):
            if not np.isfinite([x, y]).all():
                raise ValueError(
                    f"instance {self.name!r}: place {number} lies at ({x:g}, {y:g}); expected finite coordinates."
                )
        if self.deliveries is not None:
            _check_demands(self.name, self.deliveries, len(self.places))

    def length(self, tours: Sequence[Sequence[int]]) -> float:
        """Length of closed tours together, in the unit of the places; with deliveries each begins at the depot."""
        total = 0.0
        for tour in tours:
            stops = self.places[list(tour)]
            total += float(self.distance.of(np.roll(stops, -1, axis=0) - stops).sum())
        return total

    def equal(self) -> list[tuple[int, int]]:
        """Pairs of places, counted from 1, that are one point; of several, each with the first of them."""
        first: dict[tuple[float, ...], int] = {}
        found = []
        for number, place in enumerate(self.places.tolist(), start=1):
            if first.setdefault(tuple(place), number) != number:
                found.append((first[tuple(place)], number))
        return found

    def told(self) -> list[object]:
        """All of it as plain values, for a fingerprint."""
        brought = None if self.deliveries is None else [self.deliveries.demands.tolist(), self.deliveries.capacity]
        return [self.name, self.places.tolist(), brought, self.distance.value, self.known]


def framed(name: str, places: Numbers, **facts: Any) -> Instance:
    """An instance with the smallest square that its places lie in."""
    finite = places[np.isfinite(places).all(1)]
    low = finite.min(0) if len(finite) else np.zeros(2)
    extent = float((finite.max(0) - low).max()) if len(finite) else 1.0
    return Instance(name, places, low=(float(low[0]), float(low[1])), extent=extent or 1.0, **facts)


def check_tours(instance: Instance, tours: Sequence[Sequence[int]]) -> None:
    """Raise where tours are no answer: every city once, or every customer once and no tour above the capacity.

    Raises:
        ValueError: a place is visited twice or never, or a tour carries too much.

    Example:
        >>> check_tours(Instance("line", np.array([[0.0, 0.0], [1.0, 0.0]])), [[0, 0]])
        Traceback (most recent call last):
        ...
        ValueError: instance 'line': place 1 is visited 2 times, expected once.
    """
    depot = instance.deliveries is not None
    visits = np.bincount(
        np.array([place for tour in tours for place in tour[depot:]]), minlength=len(instance.places)
    )
    for number, count in enumerate(visits.tolist()[depot:], start=1 + depot):
        if count != 1:
            raise ValueError(f"instance {instance.name!r}: place {number} is visited {count} times, expected once.")
    if instance.deliveries is not None:
        for tour in tours:
            load = float(instance.deliveries.demands[list(tour)].sum())
            if tour[0] != 0 or load > instance.deliveries.capacity * (1 + 1e-9):
                raise ValueError(
                    f"instance {instance.name!r}: a tour from place {tour[0] + 1} carries {load:.12g}, expected "
                    f"one from the depot that carries at most {instance.deliveries.capacity:.12g}."
                )


def _check_demands(name: str, deliveries: Deliveries, places: int) -> None:
    demands, capacity = deliveries.demands, deliveries.capacity
    if len(demands) != places:
        raise ValueError(f"instance {name!r} has {len(demands)} demands for {places} places; each needs one.")
    if not (np.isfinite(capacity) and capacity > 0):
        raise ValueError(f"instance {name!r} has capacity {capacity:g}, expected a positive number.")
    if demands[0] != 0:
        raise ValueError(f"instance {name!r}: the depot, its first place, has demand {demands[0]:g}, expected 0.")
    for number, demand in enumerate(demands.tolist()[1:], start=2):
        if not 0 < demand <= capacity:
            raise ValueError(
                f"instance {name!r}: place {number} has demand {demand:.12g}, expected more than 0 and at most the "
                f"capacity, {capacity:.12g}; divide what one vehicle cannot carry over several places."
            )


def same_sizes(instances: Sequence[Instance]) -> Iterator[list[int]]:
    """Numbers of the instances that have equally many places."""
    groups: dict[int, list[int]] = defaultdict(list)
    for number, one in enumerate(instances):
        groups[len(one.places)].append(number)
    return iter(groups.values())
