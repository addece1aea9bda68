from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from regard.data.endless import Part
from regard.data.hulls import area, convex_hull, crosses
from regard.data.ordering_batches import batch_of_inputs
from regard.data.ordering_tables import parse_inputs, read_inputs
from regard.data.orderings import Drawn, Inputs, Problem

GENERATOR = np.random.default_rng(5)


def corners_by_sides(points: np.ndarray) -> set[int]:
    """Ends of those lines through two points that have all the others on one side: no chain, no sorting."""
    found = set()
    for one, other in combinations(range(len(points)), 2):
        (x, y), (u, v) = points[one], points[other]
        turns = (u - x) * (points[:, 1] - y) - (v - y) * (points[:, 0] - x)
        rest = np.delete(turns, [one, other])
        if (rest > 0).all() or (rest < 0).all():
            found |= {one, other}
    return found


@pytest.mark.parametrize("count", [3, 4, 5, 7, 11, 23])
def test_hulls_are_those_of_all_pairs_counter_clockwise_from_the_lowest_number(count):
    for _ in range(20):
        points = GENERATOR.random((count, 2))
        hull = convex_hull(points)
        assert set(hull) == corners_by_sides(points)
        assert hull[0] == min(hull)
        x, y = points[hull].T
        assert np.dot(x, np.roll(y, -1)) > np.dot(y, np.roll(x, -1))
        assert not crosses(points, hull)


def test_hulls_of_special_points():
    # On a side, equal and inside: none of them is a corner.
    points = np.array([[1.0, 0.0], [0.0, 0.0], [2.0, 0.0], [0.0, 0.0], [2.0, 2.0], [1.5, 1.0]])
    assert convex_hull(points) == [1, 2, 4]
    assert convex_hull(np.array([[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]])) == [1, 2]
    assert convex_hull(np.array([[1.0, 1.0], [1.0, 1.0]])) == [0]


@pytest.mark.parametrize("count", [5, 11])
def test_hulls_of_decimals_are_those_of_whole_numbers(count):
    draw = np.random.default_rng(7)
    for low in (0, 5_000_000):
        for _ in range(211):
            whole = low + draw.integers(0, 10, (count, 2)).astype(float)
            tenths = whole / 10
            hull = convex_hull(whole)
            assert convex_hull(tenths) == hull
            assert crosses(tenths, hull[::-1]) == crosses(whole, hull[::-1])


def test_points_of_decimals_on_one_line_have_two_corners():
    line = np.array([[0.0, 0.0], [0.1, 0.3], [0.2, 0.6], [0.3, 0.9]])
    assert convex_hull(line) == [0, 3]
    with pytest.raises(ValueError, match="has all its points on one line; expected some beside it"):
        Inputs("line", Problem.HULL, line)


def test_an_area_far_from_the_origin_is_that_at_it():
    near = np.array([[0.0, 0.0], [2.0**-9, 0.0], [2.0**-9, 2.0**-8], [0.0, 2.0**-9]])
    far = near + 2.0**30
    hull = convex_hull(far)
    assert hull == [0, 1, 2, 3]
    assert area(far, hull) == area(near, hull) == 1.5 * 2.0**-18


@pytest.mark.parametrize("number", [1.7e308, -1.7e308])
def test_numbers_whose_range_is_not_finite_are_refused(number):
    with pytest.raises(ValueError, match="input 2 is .*, expected finite numbers, none beyond 4e"):
        Inputs("wide", Problem.SORT, np.array([[1.0], [number]]))
    assert np.isfinite(Inputs("wide", Problem.SORT, np.array([[-4e307], [4e307]])).framed()).all()


@pytest.mark.parametrize("text", ["instance,number\n", "\ninstance,number\n\n"])
def test_lines_of_a_header_alone_are_told(text):
    with pytest.raises(ValueError, match="lines has no rows; expected at least one instance"):
        parse_inputs(text.splitlines(), Problem.SORT, "lines")


def test_areas_are_those_that_chance_finds():
    points = GENERATOR.random((9, 2))
    hull = convex_hull(points)
    corners = points[hull]
    thrown = GENERATOR.random((40_000, 2))
    inside = np.ones(len(thrown), dtype=bool)
    for begin, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        side = end - begin
        inside &= side[0] * (thrown[:, 1] - begin[1]) - side[1] * (thrown[:, 0] - begin[0]) >= 0
    share = inside.mean()
    assert area(points, hull) == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / len(thrown)))
    assert area(points, hull[::-1]) == area(points, hull)


def test_polygons_that_cross_touch_or_repeat_themselves_do():
    points = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0], [1.0, 0.0], [3.0, 0.0]])
    assert not crosses(points, [0, 1, 2, 3])
    assert not crosses(points, [0, 4, 1, 2, 3])
    assert crosses(points, [0, 2, 1, 3])
    assert crosses(points, [0, 1, 2, 1])
    # The last corner lies on the first side.
    assert crosses(points, [0, 1, 2, 4, 3])


@pytest.mark.parametrize(("order", "found"), [([0, 1, 2, 3, 4, 5, 6, 7], False), ([0, 4, 3, 2, 1, 5, 6, 7], True)])
def test_sides_on_one_line_cross_where_they_overlap(order, found):
    feet = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [2.0, 1.0], [2.0, 0.0], [3.0, 0.0], [3.0, 2.0], [0.0, 2.0]])
    assert crosses(feet, order) is found


@pytest.mark.parametrize("problem", list(Problem))
def test_random_instances_are_decided_by_part_seed_and_number(problem):
    source = Drawn(problem, 3, 7, 11)
    many = source.inputs(Part.TRAIN, 2, range(40))
    (again,) = source.inputs(Part.TRAIN, 2, [17])
    assert np.array_equal(again.rows, many[17].rows)
    assert {len(one.rows) for one in many} == {3, 4, 5, 6, 7}
    for other in (source.inputs(Part.TEST, 2, [17]), source.inputs(Part.TRAIN, 3, [17])):
        assert not np.array_equal(again.rows, other[0].rows)


def test_numbers_come_once_and_are_whole():
    for one in Drawn(Problem.SORT, 5, 5, 7).inputs(Part.TRAIN, 1, range(50)):
        numbers = one.rows[:, 0].tolist()
        assert len(set(numbers)) == 5
        assert set(numbers) <= set(range(7))
        assert [numbers[place] for place in one.answer()] == sorted(numbers)


def test_a_batch_shows_what_was_asked_and_how_it_ends():
    instances = [
        Inputs("a", Problem.HULL, np.array([[5.0, 5.0], [9.0, 5.0], [9.0, 7.0]])),
        Inputs("b", Problem.HULL, np.array([[1.0, 1.0], [0.0, 0.0], [2.0, 0.0], [2.0, 4.0], [0.0, 4.0]])),
    ]
    batch = batch_of_inputs(instances)
    assert batch.lengths.tolist() == [3, 5]
    assert batch.targets.tolist() == [[1, 2, 3, 0, -1], [2, 3, 4, 5, 0]]
    assert batch.inputs[0].tolist() == [[-1.0, -0.5], [1.0, -0.5], [1.0, 0.5], [0.0, 0.0], [0.0, 0.0]]
    same = Inputs("c", Problem.SORT, np.full((3, 1), 4.0))
    assert same.framed().tolist() == [[0.0]] * 3


@pytest.mark.parametrize(
    ("problem", "rows", "answer"),
    [(Problem.SORT, "number\n3\n-1\n2.5\n", [1, 2, 0]), (Problem.HULL, "x,y\n0,0\n0,2\n1,0\n", [0, 2, 1])],
)
def test_a_users_three_rows_are_read(tmp_path, problem, rows, answer):
    text = "instance," + rows.replace("\n", "\nmine,").removesuffix("mine,")
    (tmp_path / "mine.csv").write_text(text)
    (one,) = read_inputs(tmp_path / "mine.csv", problem)
    (same,) = parse_inputs(text.splitlines(), problem, "lines")
    assert one.name == "mine"
    assert one.answer() == same.answer() == answer


def test_a_table_without_rows_is_told(tmp_path):
    (tmp_path / "mine.csv").write_text("instance,number\n")
    with pytest.raises(ValueError, match="has no rows; expected at least one instance"):
        read_inputs(tmp_path / "mine.csv", Problem.SORT)
