"""Convex hulls of points in the plane, exactly as their decimals say, and how well a polygon covers one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
_Point = tuple[float, float]


def convex_hull(points: Points) -> list[int]:
    """Numbers of the corners of the convex hull, counter-clockwise, from the corner with the lowest number on.

    What lies on a side is no corner; of equal points the one with the lowest number is meant. Points on one line have
    two corners, and equal points one.

    Args:
        points: (points, 2).

    Example:
        >>> convex_hull(np.array([[1.0, 1.0], [4.0, 0.0], [0.0, 0.0], [2.0, 0.0], [0.0, 4.0]]))
        [1, 4, 2]

    Source: Andrew 1979 (the monotone chain); where to begin: Vinyals, Fortunato and Jaitly 2015, section 3.1.
    """
    spots: list[_Point] = [(float(x), float(y)) for x, y in points]
    # Sorted backwards by number, so that of equal points the first one is written last.
    number = {spots[place]: place for place in reversed(range(len(spots)))}
    ordered = sorted(number)
    if len(ordered) == 1:
        return [0]
    corners = [number[spot] for spot in (*_chain(ordered), *_chain(ordered[::-1]))]
    first = corners.index(min(corners))
    return corners[first:] + corners[:first]


def area(points: Points, polygon: Sequence[int]) -> float:
    """Area within a polygon that does not cross itself, whichever way round it goes.

    Example:
        >>> area(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 3.0]]), [0, 1, 2])
        3.0

    Source: the shoelace formula (Meister 1769).
    """
    corners = points[list(polygon)]
    # Far from the origin the products would be so large that their difference is lost.
    x, y = (corners - corners.min(0)).T
    return 0.5 * abs(math.fsum((x * np.roll(y, -1)).tolist() + (-y * np.roll(x, -1)).tolist()))


def crosses(points: Points, polygon: Sequence[int]) -> bool:
    """Whether two sides of a polygon that are no neighbours touch or cross, or a corner comes twice.

    Example:
        >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        >>> crosses(square, [0, 1, 2, 3]), crosses(square, [0, 2, 1, 3])
        (False, True)
    """
    spots: list[_Point] = [(float(x), float(y)) for x, y in points[list(polygon)]]
    if len(set(spots)) < len(spots):
        return True
    count = len(spots)
    sides = [(spots[place], spots[(place + 1) % count]) for place in range(count)]
    apart = (pair for pair in combinations(range(count), 2) if pair[1] - pair[0] not in (1, count - 1))
    return any(_meet(*sides[one], *sides[other]) for one, other in apart)


def _chain(ordered: Sequence[_Point]) -> list[_Point]:
    """One half of the hull, without its last corner, which is the first of the other half."""
    chain: list[_Point] = []
    for spot in ordered:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], spot) <= 0:
            chain.pop()
        chain.append(spot)
    return chain[:-1]


def _turn(first: _Point, second: _Point, third: _Point) -> float:
    """Above 0 where the way over three points turns to the left, 0 where it goes straight on."""
    (x, y), (u, v), (s, t) = first, second, third
    a, b, c, d = u - x, t - y, v - y, s - x
    turn = a * b - c * d
    # More than coordinates, differences, products and their difference can lose by rounding.
    wide, high = max(abs(x), abs(u), abs(s)), max(abs(y), abs(v), abs(t))
    lost = 1e-15 * ((abs(a) + abs(d)) * high + (abs(b) + abs(c)) * wide) + 1e-30 * wide * high
    if lost < abs(turn) < math.inf:
        return math.copysign(1.0, turn)
    return _exact_turn(first, second, third)


def _exact_turn(first: _Point, second: _Point, third: _Point) -> float:
    """The same of the decimals that were written: 0.1 is no binary fraction."""
    (x, y), (u, v), (s, t) = ([Fraction(repr(number)) for number in point] for point in (first, second, third))
    turn = (u - x) * (t - y) - (v - y) * (s - x)
    return float((turn > 0) - (turn < 0))


def _meet(begin: _Point, end: _Point, other_begin: _Point, other_end: _Point) -> bool:
    turns = (
        _turn(begin, end, other_begin) * _turn(begin, end, other_end),
        _turn(other_begin, other_end, begin) * _turn(other_begin, other_end, end),
    )
    if max(turns) > 0:
        return False
    # On one line the turns say nothing, but the boxes of two sides do.
    return all(
        min(max(begin[axis], end[axis]), max(other_begin[axis], other_end[axis]))
        >= max(min(begin[axis], end[axis]), min(other_begin[axis], other_end[axis]))
        for axis in (0, 1)
    )
