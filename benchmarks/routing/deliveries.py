"""Best known tours of deliveries, by PyVRP: a heuristic, so that nothing is proven."""

from __future__ import annotations

import numpy as np
from pyvrp import Model
from pyvrp.stop import MaxIterations

from regard.data.routes import Deliveries, Instance, check_tours

# PyVRP counts in whole numbers; a ten-thousandth of the square changes a length in the fifth digit, and the lengths
# that are written down are those of the tours in float64.
_UNIT = 10_000


def best_known(points: np.ndarray, demands: np.ndarray, capacity: float, iterations: int) -> float:
    """Length of the shortest tours that PyVRP finds from the first point, the depot.

    Raises:
        ValueError: it found none, or they are no answer.
    """
    found = _solved(points, demands, capacity, iterations)
    one = Instance("deliveries", points, Deliveries(demands, capacity))
    tours = [[0, *route] for route in found]
    check_tours(one, tours)
    return one.length(tours)


def _solved(points: np.ndarray, demands: np.ndarray, capacity: float, iterations: int) -> list[list[int]]:
    model = Model()
    locations = [model.add_location(round(x), round(y)) for x, y in (points * _UNIT).tolist()]
    depot = model.add_depot(locations[0])
    for location, demand in zip(locations[1:], demands.tolist()[1:], strict=True):
        model.add_client(location, delivery=round(demand))
    model.add_vehicle_type(len(points) - 1, capacity=round(capacity), start_depot=depot, end_depot=depot)
    ways = np.linalg.norm(points[:, None] - points, axis=-1) * _UNIT
    for (i, j), way in np.ndenumerate(ways):
        if i != j:
            model.add_edge(locations[i], locations[j], round(way))
    best = model.solve(MaxIterations(iterations), seed=1, display=False, collect_stats=False).best
    if not best.is_feasible():
        raise ValueError(f"PyVRP found no tours within {iterations} iterations; allow it more.")
    return [[one.idx + 1 for one in route if one.is_client()] for route in best.routes()]
