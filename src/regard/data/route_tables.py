"""A user's own places: rows of a .csv, .tsv or .jsonl file, files of TSPLIB and CVRPLIB, or a folder of those."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from regard.data.routes import Deliveries, Instance, framed
from regard.data.tables import numbers_by_name, read_table
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
        return [read_tsplib(file) for file in files]
    if path.suffix in _ENDINGS.values():
        return [read_tsplib(path)]
    found = instances_of(read_table(path, COLUMNS[problem]), problem, str(path))
    if not found:
        raise ValueError(f"{path} has no rows; expected at least one instance.")
    return found


def instances_of(rows: Iterable[Sequence[str]], problem: Problem, where: str) -> list[Instance]:
    """Instances of rows in the order of the columns instance, x, y (demand, capacity); rows of one stand together.

    Raises:
        ValueError: a field is no number, an instance goes on after another began, or cannot be.
    """
    return [_instance(name, group, problem) for name, group in numbers_by_name(rows, where).items()]


def _instance(name: str, rows: list[list[float]], problem: Problem) -> Instance:
    table = np.array(rows)
    if problem is Problem.TSP:
        return framed(name, table[:, :2])
    capacities = set(table[:, 3].tolist())
    if len(capacities) > 1 or math.isnan(next(iter(capacities))):
        raise ValueError(f"instance {name!r} has the capacities {sorted(capacities)}; expected one for all rows.")
    return framed(name, table[:, :2], deliveries=Deliveries(table[:, 2], capacities.pop()))
