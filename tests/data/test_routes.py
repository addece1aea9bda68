"""Instances of routing problems: random ones, a user's tables, TSPLIB and CVRPLIB."""

from __future__ import annotations

import numpy as np
import pytest

from regard.data.endless import Part, uniform
from regard.data.route_lines import parse_routes
from regard.data.route_tables import read_routes
from regard.data.routes import Deliveries, Distance, Instance, check_tours
from regard.data.tsplib import read_solution, read_tsplib
from regard.data.uniform_routes import Problem, Uniform

TSP = (
    "NAME : five\nTYPE : TSP\nDIMENSION : 3\nEDGE_WEIGHT_TYPE : EUC_2D\n"
    "NODE_COORD_SECTION\n1 0 0\n2 3.4 0\n3 0 1\nEOF\n"
)
VRP = (
    "NAME : v\nTYPE : CVRP\nDIMENSION : 3\nEDGE_WEIGHT_TYPE : EUC_2D\nCAPACITY : 5\n"
    "NODE_COORD_SECTION\n1 0 0\n2 3 4\n3 0 4\nDEMAND_SECTION\n1 0\n2 4\n3 2\nDEPOT_SECTION\n1\n-1\nEOF\n"
)
TABLE = "instance,x,y,demand,capacity\na,0,0,0,5\na,3,4,2,5\n"


def splitmix(state: int) -> int:
    """The generator's finalizer in whole numbers of any size."""
    mask = (1 << 64) - 1
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & mask
    return state ^ (state >> 31)


def test_random_numbers_are_the_hash_that_is_written_down():
    step, mask = 0x9E3779B97F4A7C15, (1 << 64) - 1
    key = splitmix((splitmix(3 * step & mask) + 11) & mask)
    found = uniform(2, 11, np.array([5, 700_001], dtype=np.uint64), 3)
    for row, number in enumerate((5, 700_001)):
        for place in range(3):
            counter = (number << 24) + place + 1
            assert found[row, place] == (splitmix((key + counter * step) & mask) >> 11) / 2**53


def test_random_instances_are_uniform_and_parts_differ():
    source = Uniform(Problem.CVRP, 20)
    drawn, other = (source.draw(part, 1, range(2000)) for part in (Part.TRAIN, Part.TEST))
    assert abs(drawn.points.mean() - 0.5) < 0.005
    assert abs(drawn.points.var() - 1 / 12) < 0.002
    assert np.unique(drawn.demands[:, 1:]).tolist() == list(range(1, 10))
    assert not drawn.demands[:, 0].any()
    assert np.intersect1d(drawn.points, other.points).size == 0
    assert [Uniform(Problem.CVRP, places).capacity for places in (20, 50, 100)] == [30, 40, 50]


def test_tsplib_is_read_with_its_best_tour_and_rounding(tmp_path):
    (tmp_path / "five.tsp").write_text(TSP)
    assert read_tsplib(tmp_path / "five.tsp").known is None
    (tmp_path / "five.opt.tour").write_text("TYPE : TOUR\nTOUR_SECTION\n1\n3\n2\n-1\nEOF\n")
    (found,) = read_routes(tmp_path, Problem.TSP)
    # 3.4 is rounded to 3, 1 stays, and the root of 12.56 becomes 4.
    assert (found.name, found.known, found.extent) == ("five", 8.0, 3.4)


def test_cvrplib_is_read_with_its_solution(tmp_path):
    (tmp_path / "v.vrp").write_text(VRP)
    (tmp_path / "v.sol").write_text("Route #1: 2\nRoute #2: 1\nCost 18\n")
    (found,) = read_routes(tmp_path, Problem.CVRP)
    assert found.known == 18
    assert read_solution(tmp_path / "v.sol") == [[0, 2], [0, 1]]
    with pytest.raises(ValueError, match="carries 6, expected one from the depot that carries at most 5"):
        check_tours(found, [[0, 1, 2]])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("EUC_2D", "EXPLICIT", "has EDGE_WEIGHT_TYPE EXPLICIT, expected EUC_2D, CEIL_2D or ATT"),
        ("DIMENSION : 3", "DIMENSION : 4", "has DIMENSION 4 but 3 rows of coordinates; is the file cut short"),
        ("2 3.4 0", "3 3.4 0", "is '3 3.4 0'; expected 3 numbers, the first of them 2"),
        ("2 3.4 0", "2 x 0", "has 'x' where a number is expected"),
        ("NODE_COORD_SECTION\n1 0 0\n2 3.4 0\n3 0 1\n", "", "has no NODE_COORD_SECTION"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path, old, new, says):
    (tmp_path / "five.tsp").write_text(TSP.replace(old, new))
    with pytest.raises(ValueError, match=says):
        read_tsplib(tmp_path / "five.tsp")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("CAPACITY : 5", "CAPACITY : 5\nDISTANCE : 200", "has DISTANCE 200, but no tour here keeps to a limit"),
        ("CAPACITY : 5", "CAPACITY : 5\nSERVICE_TIME : 10", "has SERVICE_TIME 10, but no tour"),
        ("CAPACITY : 5\n", "", "v.vrp has CAPACITY missing, expected a number"),
        ("TYPE : CVRP", "TYPE :", "v.vrp is of TYPE nothing, expected TSP or CVRP"),
        ("2 3 4", ": 3 4", "v.vrp:8 is ': 3 4'; expected KEYWORD : VALUE"),
        ("\n1\n-1\n", "\n1 2 -1\n", r"has the depots \[1, 2\], expected one, the first place"),
        (
            "DEMAND_SECTION",
            "TIME_WINDOW_SECTION\n1 0 5\nDEMAND_SECTION",
            "has TIME_WINDOW_SECTION, which is not known",
        ),
    ],
)
def test_what_is_wrong_with_deliveries_is_told(tmp_path, old, new, says):
    assert old in VRP
    (tmp_path / "v.vrp").write_text(VRP.replace(old, new, 1))
    with pytest.raises(ValueError, match=says):
        read_tsplib(tmp_path / "v.vrp")


def test_a_file_of_a_table_of_ways_is_told_why_it_is_refused(tmp_path):
    text = "NAME: e\nTYPE: TSP\nDIMENSION: 3\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_FORMAT: FULL_MATRIX\n"
    (tmp_path / "e.tsp").write_text(text + "EDGE_WEIGHT_SECTION\n0 3 5\n3 0 7\n5 7 0\nEOF\n")
    with pytest.raises(ValueError, match="has EDGE_WEIGHT_TYPE EXPLICIT, expected EUC_2D, CEIL_2D or ATT"):
        read_tsplib(tmp_path / "e.tsp")


def test_an_end_may_stand_on_the_line_of_what_it_ends(tmp_path):
    (tmp_path / "v.vrp").write_text(VRP.replace("\n1\n-1\n", "\n1 -1\n"))
    assert read_tsplib(tmp_path / "v.vrp").deliveries is not None
    (tmp_path / "five.tsp").write_text(TSP)
    (tmp_path / "five.opt.tour").write_text("TOUR_SECTION\n1 3 2 -1\nEOF\n")
    assert read_tsplib(tmp_path / "five.tsp").known == 8


@pytest.mark.parametrize(
    ("tour", "says"),
    [
        (
            "1\n4\n2\n-1\n",
            "five.opt.tour goes beyond the 3 places of instance 'five'; expected a .opt.tour with 1 to 3",
        ),
        ("0\n1\n2\n-1\n", "five.opt.tour goes beyond the 3 places"),
        ("-1\n", "five.opt.tour has no TOUR_SECTION with the places of a tour"),
        ("1\n2\n2\n-1\n", "five.opt.tour: instance 'five': place 2 is visited 2 times"),
    ],
)
def test_a_tour_that_is_no_answer_is_told_with_its_file(tmp_path, tour, says):
    (tmp_path / "five.tsp").write_text(TSP)
    (tmp_path / "five.opt.tour").write_text("TOUR_SECTION\n" + tour)
    with pytest.raises(ValueError, match=says):
        read_tsplib(tmp_path / "five.tsp")


@pytest.mark.parametrize(
    ("name", "text", "problem", "says"),
    [
        ("v.vrp", VRP, Problem.TSP, "v.vrp is of TYPE CVRP, but data.problem is TSP"),
        ("v.tsp", VRP, Problem.TSP, "v.tsp is of TYPE CVRP, but data.problem is TSP"),
        ("five.tsp", TSP, Problem.CVRP, "five.tsp is of TYPE TSP, but data.problem is CVRP"),
        ("a.csv", TABLE, Problem.TSP, "a.csv has the columns demand and capacity, which data.problem=TSP does not"),
    ],
)
def test_instances_of_the_other_problem_are_refused(tmp_path, name, text, problem, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=says):
        read_routes(tmp_path / name, problem)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\ninstance,x,y\n", "lines has no rows; expected at least one instance"),
        ("instance\tx\ty\na\t0\t0\n", "expected instance, x, y, divided by commas"),
        ('{"instance": "a", "x": 0, "y": 1}\n', "expected instance, x, y, divided by commas"),
        (TABLE, "lines has the columns demand and capacity"),
        ("\ninstance,x,y\n\na,0,0\na,0\n", "lines:5 has 2 column"),
        (TSP + "\n" + TSP.replace("2 3.4 0", "2 x 0") + "\n", "lines:17 has 'x' where a number is expected"),
    ],
)
def test_lines_that_are_no_instances_are_told_by_their_own_number(text, says):
    with pytest.raises(ValueError, match=says):
        list(parse_routes(text.splitlines(keepends=True), Problem.TSP, "lines"))


def test_files_one_after_another_are_read_with_or_without_an_end():
    many = ("\n" + TSP + "\n" + TSP.replace("EOF\n", "\n\n")).splitlines(keepends=True)
    assert [len(one.places) for one in parse_routes(many, Problem.TSP, "lines")] == [3, 3]


def test_a_load_is_told_to_the_last_digit():
    brought = Deliveries(np.array([0.0, 500_000.0, 500_001.0]), 1e6)
    with pytest.raises(ValueError, match="carries 1000001, expected one from the depot that carries at most 1000000"):
        check_tours(Instance("far", np.eye(3, 2), brought), [[0, 1, 2]])


def test_a_tour_beside_a_file_must_be_one_of_it(tmp_path):
    (tmp_path / "five.tsp").write_text(TSP)
    (tmp_path / "five.opt.tour").write_text("TOUR_SECTION\n1\n1\n2\n-1\n")
    with pytest.raises(ValueError, match="place 1 is visited 2 times, expected once"):
        read_tsplib(tmp_path / "five.tsp")


@pytest.mark.parametrize(
    ("distance", "wanted"),
    [(Distance.PLAIN, 2 * 2.5**0.5), (Distance.EUC_2D, 4.0), (Distance.CEIL_2D, 4.0), (Distance.ATT, 2.0)],
)
def test_distances_are_rounded_as_they_say(distance, wanted):
    two = Instance("two", np.array([[0.0, 0.0], [0.5, 1.5]]), distance=distance)
    assert two.length([[0, 1]]) == pytest.approx(wanted)
