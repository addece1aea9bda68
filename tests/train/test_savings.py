"""Deliveries by savings, against the same rule told as a search through all pairs of tours."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
import torch

from regard.data.endless import Part
from regard.data.route_batches import batch_of_drawn
from regard.data.routes import check_tours
from regard.data.uniform_routes import Problem, Uniform
from regard.train.savings import savings
from regard.train.tour_search import as_tours


def slow(points: np.ndarray, demands: np.ndarray, capacity: float) -> list[list[int]]:
    """Again and again the two tours, each in one of its directions, whose joining saves most."""
    ways = np.linalg.norm(points[:, None] - points, axis=-1)
    tours = [[place] for place in range(1, len(points))]
    while True:
        best = (0.0, None)
        for one, other in combinations(tours, 2):
            if demands[one + other].sum() > capacity:
                continue
            for left, right in product((one, one[::-1]), (other, other[::-1])):
                saved = ways[0, left[-1]] + ways[0, right[0]] - ways[left[-1], right[0]]
                best = max(best, (saved, (one, other, left + right)), key=lambda found: found[0])
        if best[1] is None:
            return tours
        one, other, whole = best[1]
        tours = [tour for tour in tours if tour is not one and tour is not other] + [whole]


@pytest.mark.parametrize("customers", [2, 3, 7, 13, 20])
def test_savings_are_those_of_a_search_through_all_pairs(customers):
    source = Uniform(Problem.CVRP, customers)
    drawn = source.draw(Part.TEST, 5, range(11))
    assert drawn.demands is not None
    for place, order in enumerate(savings(batch_of_drawn(drawn)).tolist()):
        one = drawn.instance(place, "drawn")
        found = as_tours(order, depot=True)
        check_tours(one, found)
        expected = [[0, *tour] for tour in slow(drawn.points[place], drawn.demands[place], drawn.capacity)]
        assert one.length(found) == pytest.approx(one.length(expected), rel=1e-9)
        assert {frozenset(tour) for tour in found} == {frozenset(tour) for tour in expected}


def test_one_tour_has_nothing_to_join():
    with pytest.raises(ValueError, match="batch has no demands; savings join deliveries"):
        savings(batch_of_drawn(Uniform(Problem.TSP, 5).draw(Part.TEST, 5, range(2))))


def test_without_room_for_two_everybody_is_visited_alone():
    drawn = Uniform(Problem.CVRP, 5).draw(Part.TEST, 5, range(1))
    batch = batch_of_drawn(drawn)
    alone = type(batch)(batch.points, torch.tensor([[0.0, 0.6, 0.7, 0.8, 0.9, 1.0]]))
    assert savings(alone).tolist() == [[1, 0, 2, 0, 3, 0, 4, 0, 5, 0]]
