"""Instances that come as lines: a table with a header, or files of TSPLIB one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from regard.data.route_tables import COLUMNS, check_header, instances_of
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
    given, columns = [line.rstrip() for line in lines], ", ".join(COLUMNS[problem])
    top = next((line.strip() for line in given if line.strip()), "")
    if not top:
        raise ValueError(f"{where} is empty; expected a table with the columns {columns}, or TSPLIB.")
    if top.startswith("{") or ("\t" in top and ":" not in top):
        raise ValueError(f"{where} begins with {top!r}; expected {columns}, divided by commas (CSV), or TSPLIB.")
    if "," in top and ":" not in top:
        check_header(top, problem, where)
        return iter(_rows(given, problem, where))
    return _files("\n".join(given).rstrip("\n").split("\n"), problem, where)


def _rows(lines: list[str], problem: Problem, where: str) -> list[Instance]:
    found = instances_of(rows_of_lines(lines, COLUMNS[problem], where), problem, where)
    if not found:
        raise ValueError(f"{where} has no rows; expected at least one instance.")
    return found


def _files(lines: list[str], problem: Problem, where: str) -> Iterator[Instance]:
    first = 0
    for number, line in enumerate(lines, start=1):
        if line.strip() == "EOF" or number == len(lines):
            found = parse_tsplib(lines[first:number], where, first + 1)
            first = number
            if (found.deliveries is None) != (problem is Problem.TSP):
                raise ValueError(f"{where}: {found.name!r} is not a {problem.name}.")
            yield found


def noted(one: Instance) -> str:
    """What should be known about an instance: places that are one point; empty where there are none."""
    pairs = ", ".join(f"{first} and {second}" for first, second in one.equal())
    return f"({one.name}) has places that are one point: {pairs}" if pairs else ""
