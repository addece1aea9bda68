"""How good answers are: numbers that are sorted, hulls that are right and what they cover."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from regard.data.hulls import area, convex_hull, crosses
from regard.data.orderings import Inputs, Problem
from regard.train.metrics import Metric

Answers = Sequence[list[int]]
_NOUNS = {Problem.SORT: "numbers", Problem.HULL: "points"}


def metrics(instances: Sequence[Inputs], answers: Answers, how: str, data: str) -> list[Metric]:
    """Percentages over all instances, and over those with the fewest and the most inputs.

    Args:
        instances: of one problem.
        answers: inputs in order, counted from 0.
        how: the answers were found.
        data: the name of the data set.
    """
    sizes = [len(one.rows) for one in instances]
    found = _scores(instances, answers, "", f"{how}, {data}")
    if min(sizes) == max(sizes):
        return found
    for size in (min(sizes), max(sizes)):
        chosen = [place for place, own in enumerate(sizes) if own == size]
        of_size = [instances[place] for place in chosen], [answers[place] for place in chosen]
        found += _scores(*of_size, f", {size} {_NOUNS[instances[0].problem]}", f"{how}, {data}")
    return found


def exact(one: Inputs, answer: list[int]) -> bool:
    """Whether every number is named and none before a lower one; or just the corners, in order from the lowest."""
    if one.problem is Problem.HULL:
        return answer == convex_hull(one.rows)
    named = one.rows[answer, 0].tolist()
    return sorted(answer) == list(range(len(one.rows))) and all(left <= right for left, right in pairwise(named))


def covered(one: Inputs, answer: list[int]) -> float:
    """Share of the hull's area that a polygon covers; one that crosses itself covers nothing."""
    if len(answer) < 3 or crosses(one.rows, answer):
        return 0.0
    return area(one.rows, answer) / area(one.rows, convex_hull(one.rows))


def baselines(instances: Sequence[Inputs], data: str) -> list[Metric]:
    """All inputs in a random order, and for hulls all points by their angle as seen from their middle."""
    draw = random.Random(0)
    ways = {"random order": [draw.sample(range(len(one.rows)), len(one.rows)) for one in instances]}
    if instances[0].problem is Problem.HULL:
        ways["all points by angle"] = [_by_angle(one) for one in instances]
    return [
        Metric(f"{name}: {one.name}", one.value, one.protocol, one.digits, one.better)
        for name, answers in ways.items()
        for one in _scores(instances, answers, "", f"{name}, {data}")
    ]


def _by_angle(one: Inputs) -> list[int]:
    """All points counter-clockwise around their mean, from the first one on."""
    x, y = (one.rows - one.rows.mean(0)).T
    order = [int(place) for place in np.arctan2(y, x).argsort(kind="stable")]
    first = order.index(0)
    return order[first:] + order[:first]


def _scores(instances: Sequence[Inputs], answers: Answers, which: str, how: str) -> list[Metric]:
    pairs = list(zip(instances, answers, strict=True))
    protocol = f"% of {len(pairs)} instances, {how}"
    right = 100 * sum(exact(*pair) for pair in pairs) / len(pairs)
    if instances[0].problem is Problem.SORT:
        return [Metric(f"exact{which}", right, f"sorted, {protocol}")]
    shares = 100 * sum(covered(*pair) for pair in pairs) / len(pairs)
    wrong = 100 * sum(crosses(one.rows, answer) for one, answer in pairs) / len(pairs)
    return [
        Metric(f"exact{which}", right, f"corners in order from the lowest number, {protocol}"),
        Metric(f"area{which}", shares, f"mean % of the hull's area, 0 where sides cross, {protocol[2:]}"),
        Metric(f"crossing{which}", wrong, f"polygons that cross or touch themselves, {protocol}", better="lower"),
    ]
