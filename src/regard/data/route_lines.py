"""Instances that come as lines: a table with a header, or files of TSPLIB one after another."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from regard.data.route_tables import COLUMNS, instances_of
from regard.data.routes import Instance
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


def rows_of_lines(lines: list[str], columns: Sequence[str], where: str) -> Iterator[list[str]]:
    """The named columns of a table whose first line names them all, row by row.

    Raises:
        ValueError: a column is missing, or a row is too short; the line is named.

    Example:
        >>> list(rows_of_lines(["y,x", "1,2"], ("x", "y"), "rows"))
        [['2', '1']]
    """
    head, *rows = csv.reader(lines)
    names = [name.strip().lower() for name in head]
    missing = [name for name in columns if name not in names]
    if missing:
        raise ValueError(f"{where}:1 has no column {missing[0]!r}; expected {', '.join(columns)}.")
    places = [names.index(name) for name in columns]
    for number, row in enumerate(rows, start=2):
        if len(row) <= max(places):
            raise ValueError(f"{where}:{number} has {len(row)} column(s), expected at least {max(places) + 1}.")
        yield [row[place] for place in places]


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
