"""Optima of fixed instances, against every order of few places."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from benchmarks.routing.optima import optimum
from regard.data.endless import Part
from regard.data.routes import Instance
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
