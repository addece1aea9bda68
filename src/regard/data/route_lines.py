"""Instances that come as lines: a table with a header, or files of TSPLIB one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from regard.data.route_tables import COLUMNS, instances_of
from regard.data.routes import Instance
from regard.data.tables import rows_of_lines
from regard.data.tsplib import parse_tsplib
from regard.data.uniform_routes import Problem


def parse_routes(lines: Iterable[str], problem: Problem, where: str) -> Iterator[Instance]:
    r"""Instances of lines; the first line with a comma and no colon makes it a table, else it is TSPLIB up to EOF.

    Args:
        lines: with or without their ends.
        problem: which kind of instances they are.
        where: what errors call them.

    Raises:
        ValueError: the lines are in neither layout, or of the other problem.

    Example:
        >>> rows = ["instance,x,y", "a,0,0", "a,3,4"]
        >>> [one.length([[0, 1]]) for one in parse_routes(rows, Problem.TSP, "rows")]
        [10.0]
    """
    filled = [line for line in lines if line.strip()]
    if not filled:
        columns = ", ".join(COLUMNS[problem])
        raise ValueError(f"{where} is empty; expected a table with the columns {columns}, or TSPLIB.")
    if "," in filled[0] and ":" not in filled[0]:
        return iter(instances_of(rows_of_lines(filled, COLUMNS[problem], where), problem, where))
    return _files(filled, problem, where)


def _files(lines: list[str], problem: Problem, where: str) -> Iterator[Instance]:
    part: list[str] = []
    for number, line in enumerate(lines):
        part.append(line)
        if line.strip() == "EOF" or number == len(lines) - 1:
            found = parse_tsplib(part, where)
            if (found.deliveries is None) != (problem is Problem.TSP):
                raise ValueError(f"{where}: {found.name!r} is not a {problem.name}.")
            yield found
            part = []


def noted(one: Instance) -> str:
    """What should be known about an instance: places that are one point; empty where there are none."""
    pairs = ", ".join(f"{first} and {second}" for first, second in one.equal())
    return f"({one.name}) has places that are one point: {pairs}" if pairs else ""
