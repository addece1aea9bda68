"""bAbI by tasks, the published columns beside ours: `python benchmarks/stories/table.py [results.jsonl]`.

Error in percent of 1,000 test questions; 1k training questions a task, one model a task, 3 hops, position encoding,
linear start, random noise, the lowest training error of ten restarts. Published numbers are quoted, not measured
here: no peer of these is maintained, and none runs on a Python that is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from regard.data import babi

RESULTS = Path(__file__).parents[1] / "results" / "stories.jsonl"
# Sukhbaatar et al. 2015, table 1, column "3 hops PE LS RN".
PAPER = (0.0, 8.3, 40.3, 2.8, 13.1, 7.6, 17.3, 10.0, 13.2, 15.1, 0.9, 0.2, 0.4, 1.7, 0.0, 1.3, 51.0, 11.1, 82.8, 0.0)
# The authors' Matlab code and a port of it to Python, as vinhkhuc/MemN2N-babi-python reports them.
MATLAB = (0.1, 8.2, 41.8, 4.4, 13.7, 7.9, 20.3, 11.7, 13.6, 9.7, 0.7, 0.0, 0.3, 0.9, 0.0, 0.4, 51.0, 10.5, 81.4, 0.0)
PORT = (0.5, 8.9, 41.4, 7.3, 12.2, 7.7, 19.8, 12.9, 13.9, 18.9, 0.5, 0.2, 0.9, 9.0, 0.0, 0.6, 49.1, 10.4, 90.8, 0.0)


def ours(path: Path) -> list[tuple[float, ...]]:
    """The errors of the twenty tasks, a tuple for each seed."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = [tuple(line["runs"]) for line in lines if line["who"] == "regard" and line["row"] == "babi-1k"]
    if not found:
        raise ValueError(f"{path} has no row babi-1k of ours; run: regard bench stories")
    return found


def table(seeds: list[tuple[float, ...]]) -> str:
    """A row for each task and one of means; several seeds are mean and range."""
    rows = [
        (f"{number} {name}", *columns)
        for number, (name, *columns) in enumerate(zip(babi.TASKS, PAPER, MATLAB, PORT, *seeds, strict=True), start=1)
    ]
    means = [sum(column) / len(column) for column in (PAPER, MATLAB, PORT, *seeds)]
    body = [_row(*row) for row in [*rows, ("mean", *means)]]
    head = "| task | paper | authors' code | a port of it | ours |\n|---|---|---|---|---|\n"
    return head + "".join(body)


def _row(name: str, paper: float, matlab: float, port: float, *seeds: float) -> str:
    mean = f"{sum(seeds) / len(seeds):.1f}"
    span = f" ({min(seeds):.1f} to {max(seeds):.1f})" if len(seeds) > 1 else ""
    return f"| {name} | {paper:.1f} | {matlab:.1f} | {port:.1f} | **{mean}**{span} |\n"


if __name__ == "__main__":
    print(table(ours(Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS)), end="")
