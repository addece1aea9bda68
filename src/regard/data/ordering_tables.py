"""A user's own numbers to be sorted, or points: rows of a table under the names of their instances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from regard.data.orderings import Inputs, Problem
from regard.data.tables import numbers_by_name, read_table, rows_of_lines


def read_inputs(path: str | Path, problem: Problem) -> list[Inputs]:
    r"""Instances of a .csv, .tsv or .jsonl file, a row for each input: instance and number, or instance, x and y.

    Args:
        path: the file.
        problem: what is asked of the inputs.

    Raises:
        ValueError: something is not in the layout; file and line, or the instance, are named.
        OSError: the path cannot be read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "mine.csv"
        >>> _ = path.write_text("instance,number\nmine,7\nmine,-1.5\nmine,3\n", encoding="utf-8")
        >>> read_inputs(path, Problem.SORT)[0].answer()
        [1, 2, 0]
    """
    return _found(read_table(Path(path), _columns(problem)), problem, str(path))


def parse_inputs(lines: Iterable[str], problem: Problem, where: str) -> list[Inputs]:
    """The same of the lines of a .csv file.

    Args:
        lines: with or without their ends.
        problem: what is asked of the inputs.
        where: what errors call the lines.

    Raises:
        ValueError: the lines are not in the layout; the line is named.

    Example:
        >>> rows = ["instance,x,y", "a,0,0", "a,0,1", "a,1,1"]
        >>> [one.answer() for one in parse_inputs(rows, Problem.HULL, "rows")]
        [[0, 2, 1]]
    """
    given = list(lines)
    if not any(map(str.strip, given)):
        raise ValueError(f"{where} is empty; expected a table with the columns {', '.join(_columns(problem))}.")
    return _found(rows_of_lines(given, _columns(problem), where), problem, where)


def _columns(problem: Problem) -> tuple[str, ...]:
    return ("instance", *problem.columns)


def _found(rows: Iterable[Sequence[str]], problem: Problem, where: str) -> list[Inputs]:
    found = numbers_by_name(rows, where)
    if not found:
        raise ValueError(f"{where} has no rows; expected at least one instance.")
    return [Inputs(name, problem, np.array(group)) for name, group in found.items()]
