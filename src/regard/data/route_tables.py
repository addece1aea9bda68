"""A user's own places: rows of a .csv, .tsv or .jsonl file, files of TSPLIB and CVRPLIB, or a folder of those."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from regard.data.routes import Deliveries, Instance, framed
from regard.data.tables import numbers_by_name, read_lines, read_table
from regard.data.tsplib import read_tsplib
from regard.data.uniform_routes import Problem

COLUMNS = {Problem.TSP: ("instance", "x", "y"), Problem.CVRP: ("instance", "x", "y", "demand", "capacity")}
_ENDINGS = {Problem.TSP: ".tsp", Problem.CVRP: ".vrp"}


def read_routes(path: str | Path, problem: Problem) -> list[Instance]:
    r"""Instances of a table, of one .tsp or .vrp file, or of all such files in a folder, in the order of their names.

    A table has a row for each place, with the columns instance, x and y; deliveries need demand and capacity too, and
    the first row of an instance is its depot.

    Args:
        path: the file or folder.
        problem: which kind of instances they are.

    Raises:
        ValueError: something is not in the layout; file and line, or the instance, are named.
        OSError: the path cannot be read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "mine.csv"
        >>> _ = path.write_text("instance,x,y\nmy day,1,1\nmy day,4,5\nmy day,4,1\n", encoding="utf-8")
        >>> read_routes(path, Problem.TSP)[0].length([[0, 1, 2]])
        12.0
    """
    path, ending = Path(path), _ENDINGS[problem]
    if path.is_dir():
        files = sorted(path.glob(f"*{ending}"))
        if not files:
            raise ValueError(f"{path} has no file that ends in {ending}; name a folder that does, or a table.")
        return [_checked(file, problem) for file in files]
    if path.suffix in _ENDINGS.values():
        return [_checked(path, problem)]
    rows = read_table(path, COLUMNS[problem])
    check_header(next(line for line in read_lines(path) if line.strip()), problem, str(path))
    found = instances_of(rows, problem, str(path))
    if not found:
        raise ValueError(f"{path} has no rows; expected at least one instance.")
    return found


def instances_of(rows: Iterable[Sequence[str]], problem: Problem, where: str) -> list[Instance]:
    """Instances of rows in the order of the columns instance, x, y (demand, capacity); rows of one stand together.

    Raises:
        ValueError: a field is no number, an instance goes on after another began, or cannot be.
    """
    return [_instance(name, group, problem) for name, group in numbers_by_name(rows, where).items()]


def check_header(line: str, problem: Problem, where: str) -> None:
    """Raise where the first line of a table for one tour tells of deliveries.

    Raises:
        ValueError: it names a demand and a capacity, which nobody would read.

    Example:
        >>> check_header("instance,x,y", Problem.TSP, "mine.csv")
    """
    if problem is Problem.TSP and {"demand", "capacity"} <= set(re.findall(r"\w+", line.lower())):
        raise ValueError(
            f"{where} has the columns demand and capacity, which data.problem=TSP does not read; add "
            "data.problem=CVRP, or delete them."
        )


def _checked(path: Path, problem: Problem) -> Instance:
    found = read_tsplib(path)
    if (found.deliveries is None) != (problem is Problem.TSP):
        kind = "TSP" if found.deliveries is None else "CVRP"
        raise ValueError(f"{path} is of TYPE {kind}, but data.problem is {problem.name}; change one of them.")
    return found


def _instance(name: str, rows: list[list[float]], problem: Problem) -> Instance:
    table = np.array(rows)
    if problem is Problem.TSP:
        return framed(name, table[:, :2])
    capacities = set(table[:, 3].tolist())
    if len(capacities) > 1 or math.isnan(next(iter(capacities))):
        raise ValueError(f"instance {name!r} has the capacities {sorted(capacities)}; expected one for all rows.")
    return framed(name, table[:, :2], deliveries=Deliveries(table[:, 2], capacities.pop()))
