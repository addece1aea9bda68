"""The table of tasks in README.md, made of benchmarks/results: `python -m benchmarks.table` writes it anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.marked import Marks
from regard.cli.results import read_results
from regard.tasks import TASKS
from regard.train.run_folder import write_text

ROOT = Path(__file__).parents[1]
MARKS = Marks("<!-- tasks: written by benchmarks/table.py -->", "<!-- end of tasks -->")
HEAD = "| task | measure | ours | known | peer, measured here | minutes | date |\n|---|---|---|---|---|---|---|\n"


def table(results: Path) -> str:
    """A row for each known number of each task that has results."""
    return HEAD + "".join(_rows(one.name, read_results(results / f"{one.name}.jsonl")) for one in TASKS)


def _rows(task: str, lines: list[dict[str, Any]]) -> str:
    ours = [line for line in lines if line["who"] == "regard"]
    names = dict.fromkeys(line["row"] for line in ours)
    return "".join(
        _row(task, [line for line in ours if line["row"] == name], [line for line in lines if line["row"] == name])
        for name in names
    )


def _row(task: str, ours: list[dict[str, Any]], lines: list[dict[str, Any]]) -> str:
    first, values = ours[0], [line["value"] for line in ours]
    mean = sum(values) / len(values)
    digits = 4 if max(map(abs, values)) < 1 else 2
    span = f" ({min(values):.{digits}f} to {max(values):.{digits}f}, {len(values)} seeds)" if len(values) > 1 else ""
    sign = 1 if first["better"] == "higher" else -1
    missed = "" if sign * (mean - first["goal"]) >= 0 else f", short of {first['goal']:g}"
    peers = "; ".join(f"{line['who']}: {line['value']:.{digits}f}" for line in lines if line["who"] != "regard")
    minutes = sum(line["minutes"] for line in ours) / len(ours)
    cells = (
        f"{task}, {first['row']}",
        first["metric"],
        f"**{mean:.{digits}f}**{span}{missed}",
        f"{first['known']:g} ({first['source']})",
        peers or "–",
        f"{minutes:.1f}",
        max(line["date"] for line in ours),
    )
    return "| " + " | ".join(cells) + " |\n"


def main() -> None:
    """Write the table into README.md."""
    path = ROOT / "README.md"
    made = table(ROOT / "benchmarks" / "results")
    write_text(path, MARKS.put(path.read_text(encoding="utf-8"), made))


if __name__ == "__main__":
    main()
