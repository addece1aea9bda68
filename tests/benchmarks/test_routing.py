"""Optima of fixed instances, against every order of few places."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from benchmarks.routing.optima import optimum
from regard.data.endless import Part
from regard.data.routes import Deliveries, Instance
from regard.data.uniform_routes import Problem, Uniform


@pytest.mark.parametrize("places", [3, 7])
def test_an_optimum_is_that_of_all_orders(places):
    for points in Uniform(Problem.TSP, places).draw(Part.TRAIN, 5, range(4)).points:
        one = Instance("one", points)
        best = min(one.length([[0, *rest]]) for rest in permutations(range(1, places)))
        assert optimum(points) == pytest.approx(best, abs=1e-9)


def test_two_far_groups_are_one_tour():
    """Without the constraints on parts, each group would be a tour of its own."""
    group = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert optimum(np.concatenate([group, group + [10, 0]])) == pytest.approx(2 * 9 + 6)


def test_best_known_deliveries_are_the_best_of_all_orders_and_ways_to_cut_them():
    best_known = pytest.importorskip("benchmarks.routing.deliveries").best_known
    drawn = Uniform(Problem.CVRP, 5).draw(Part.TRAIN, 7, range(3))
    assert drawn.demands is not None
    for points, demands in zip(drawn.points, drawn.demands, strict=True):
        one = Instance("one", points, Deliveries(demands, 13.0))
        best = min(one.length(tours) for tours in _all_tours(demands, 13.0))
        assert best_known(points, demands, 13.0, 100) == pytest.approx(best, abs=1e-9)


def _all_tours(demands, capacity):
    """Every order of the customers, cut in every way in which no tour carries too much."""
    for order in permutations(range(1, len(demands))):
        for cuts in product([False, True], repeat=len(order) - 1):
            tours = [[0, order[0]]]
            for place, cut in zip(order[1:], cuts, strict=True):
                tours = [*tours, [0, place]] if cut else [*tours[:-1], [*tours[-1], place]]
            if all(demands[tour].sum() <= capacity for tour in tours):
                yield tours
