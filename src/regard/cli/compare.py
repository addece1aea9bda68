"""regard compare TASK: several mechanisms on the same data and budget, one table."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from regard.cli.arguments import split
from regard.cli.finished import finished
from regard.tasks import TASKS, task

if TYPE_CHECKING:
    from regard.tasks.contract import Variant

HELP = """Train the same task with several mechanisms, each in a process of its own, and print one table.

Examples:
  regard compare translation
  regard compare translation training.minutes=3 --only attention,none --run runs/demo
  regard compare translation data.name=reverse pieces.kind=words training.minutes=1

Mechanisms of {name}:
{variants}

Options:
  --only A,B     some of these mechanisms
  --run FOLDER   where the runs go, one folder each; what is finished there is not trained again,
                 and what was trained with other settings is refused
  --json         print the table as JSON

Settings are those of `regard train TASK --help`; what a mechanism needs comes on top of them.
"""


def main(arguments: list[str]) -> int:
    """Train and tabulate; the exit code."""
    given = split(arguments, values=("--only", "--run"), flags=("--json", "--help", "-h"), words=1)
    if given.has("--help") or given.has("-h"):
        name = given.words[0] if given.words else TASKS[0].name
        variants = "\n".join(f"  {v.name:<13}{v.summary}" for v in task(name).kind().variants)
        print(HELP.format(name=name, variants=variants), end="")
        return 0
    if not given.words:
        raise ValueError("which task? For example: regard compare translation")
    name = given.words[0]
    kind = task(name).kind()
    folder = Path(given.values.get("--run") or f"runs/compare-{time.strftime('%Y%m%d-%H%M%S')}")
    chosen = _chosen(kind.variants, given.values.get("--only", ",".join(kind.compared)))
    rows = [_row(variant, name, folder, given.rest) for variant in chosen]
    from regard.train.run_folder import RunFolder, as_json

    RunFolder(folder).write_json("compare.json", rows)
    if given.has("--json"):
        print(as_json(rows))
    else:
        _print(rows)
    return 0


def _chosen(variants: tuple[Variant, ...], names: str) -> list[Variant]:
    known = {variant.name: variant for variant in variants}
    for name in names.split(","):
        if name not in known:
            raise ValueError(f"--only names {name!r}; expected some of {', '.join(known)}.")
    return [known[name] for name in names.split(",")]


def _row(variant: Variant, name: str, folder: Path, settings: list[str]) -> dict[str, object]:
    """Train one variant unless it is finished, and gather its figures."""
    title = f"{variant.name}: {variant.summary}"
    found = finished(folder / variant.name, name, [*settings, *variant.settings], title)
    trained = [step for step in found.log if step["kind"] == "train"]
    speeds = sorted(step["tokens_per_second"] for step in trained)
    return {
        "mechanism": variant.name,
        "summary": variant.summary,
        "scores": found.scores["test"],
        "baselines": found.scores["baselines"],
        "seconds": round(found.seconds),
        "steps": trained[-1]["step"],
        "tokens_per_second": speeds[len(speeds) // 2],
        **found.cost,
    }


def _print(rows: list[dict[str, object]]) -> None:
    from regard.cli.show import table
    from regard.train.metrics import Metric

    def metrics(row: dict[str, object], group: str) -> list[Metric]:
        found = row[group]
        assert isinstance(found, list)
        return [Metric(**one) for one in found]

    first = metrics(rows[0], "scores")[:2]
    costs = ("seconds", "steps", "tokens_per_second", "peak_mebibytes", "parameters")
    body = [
        [str(row["mechanism"]), *map(str, metrics(row, "scores")[:2]), *(str(row[cost]) for cost in costs)]
        for row in rows
    ]
    for one in metrics(rows[0], "baselines"):
        body.append([one.name, str(one), *[""] * (len(first) - 1), "0", "0", "", "", "0"])
    table(["mechanism", *(one.name for one in first), "seconds", "steps", "tokens/s", "peak MiB", "parameters"], body)
    for one in first:
        print(f"test set; {one.name}: {one.protocol}")
