"""regard bench TASK: train a task's recipe and hold it to the numbers that are known of it."""

from __future__ import annotations

import math
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.cli.arguments import Arguments, split
from regard.cli.finished import finished
from regard.cli.results import peers, read_results, results_of, write_results
from regard.tasks import task

if TYPE_CHECKING:
    from regard.tasks.contract import Anchor

HELP = """Train a task's recipe and print ours beside the known number and the peers'; the exit code is 1 where ours
is worse than its goal.

Examples:
  regard bench translation --smoke
  regard bench translation --seeds 1,2,3
  regard bench translation --only NAME training.minutes=5 --run runs/trial --results trial.jsonl

The test set is read once by each run, after selection on validation. What is finished in the folder of the runs is
not trained again; what was trained there with other settings or on other data is refused.

Options:
  --smoke          one run of seconds on tiny data: does everything work? Nothing is held to a number.
  --only A,B       some of the rows
  --seeds 1,2,3    one run for each seed (1); told are the mean and the range
  --run FOLDER     where the runs go (runs/bench-TASK)
  --results FILE   where a line of JSON goes for each row and seed (benchmarks/results/TASK.jsonl of a checkout,
                   which is the record of the recipe: with settings other than data.folder a file is to be named);
                   lines of peers in it are printed beside ours
  --json           the table as JSON
"""
_VALUES = ("--only", "--seeds", "--run", "--results")
_FLAGS = ("--smoke", "--json", "--help", "-h")


@dataclass(frozen=True)
class Row:
    """One known number, and what we and the peers reach."""

    anchor: Anchor
    values: list[float]
    better: str
    digits: int
    protocol: str
    minutes: float
    peers: list[str]
    baselines: list[str]

    @property
    def mean(self) -> float:
        """Over seeds."""
        return sum(self.values) / len(self.values)

    @property
    def passes(self) -> bool:
        """Whether the mean is at least as good as the goal."""
        ahead = self.mean - self.anchor.goal
        return ahead >= 0 if self.better == "higher" else ahead <= 0


def main(arguments: list[str]) -> int:
    """Train and tabulate; the exit code: 1 where a number is worse than its goal."""
    given = split(arguments, values=_VALUES, flags=_FLAGS, words=1)
    if given.has("--help") or given.has("-h"):
        print(HELP, end="")
        return 0
    if not given.words:
        raise ValueError("which benchmark? For example: regard bench kernels")
    name = given.words[0]
    kind = task(name).kind()
    folder = Path(given.values.get("--run") or f"runs/bench-{name}")
    if given.has("--smoke"):
        return _smoke(name, kind.smoke, folder, given)
    chosen, plan = _chosen(kind.anchors, name, given), _planned(name, given)
    rows = []
    for anchor in chosen:
        # Several numbers of the same runs take these once.
        first = next(one.name for one in kind.anchors if one.runs == anchor.runs)
        rows.append(_row(anchor, name, folder / first, plan))
    if given.has("--json"):
        from regard.train.run_folder import as_json

        print(as_json([_told(row) for row in rows]))
    else:
        _print(rows)
    return 0 if all(row.passes for row in rows) else 1


def _smoke(name: str, settings: tuple[str, ...], folder: Path, given: Arguments) -> int:
    run = folder / f"smoke-{time.strftime('%Y%m%d-%H%M%S')}"
    found = finished(run, name, [*settings, *given.rest], f"{name}: smoke")
    from regard.train.run_folder import as_json

    print(as_json({"run": str(run), **found.scores}))
    return 0


def _chosen(anchors: tuple[Anchor, ...], name: str, given: Arguments) -> list[Anchor]:
    known = {anchor.name: anchor for anchor in anchors}
    names = given.values["--only"].split(",") if "--only" in given.values else list(known)
    for one in names:
        if one not in known:
            raise ValueError(f"--only names {one!r}; {name} has {', '.join(known) or 'no known numbers yet'}.")
    return [known[one] for one in names]


@dataclass(frozen=True)
class _Plan:
    """What holds for all rows: settings on top of an anchor's, seeds, where lines go, and how to ask for the same."""

    settings: list[str]
    seeds: list[int]
    results: Path
    command: str


def _planned(name: str, given: Arguments) -> _Plan:
    """What was asked for, checked before anything is trained."""
    keys = [part.removeprefix("--").partition("=")[0] for part in given.rest]
    if "training.seed" in keys:
        raise ValueError("training.seed is set for each run by --seeds; write for example --seeds 7 instead.")
    others = [part for part, key in zip(given.rest, keys, strict=True) if key != "data.folder"]
    if others and "--results" not in given.values:
        raise ValueError(
            f"{others[0]!r} is not of the recipe, whose numbers {results_of(name)} keeps; name another file for "
            "those of a trial with --results FILE, and another folder with --run FOLDER."
        )
    results = Path(given.values.get("--results") or results_of(name))
    read_results(results)
    # Where files go is no part of what a figure hangs on.
    asked = [part for flag in ("--only", "--seeds") if flag in given.values for part in (flag, given.values[flag])]
    command = shlex.join(["regard", "bench", name, *asked, *given.rest])
    return _Plan(given.rest, _seeds(given.values.get("--seeds", "1")), results, command)


def _row(anchor: Anchor, name: str, stem: Path, plan: _Plan) -> Row:
    """Train all runs of an anchor for every seed, in folders whose names begin so, and write down what came out."""
    found = [_seed(anchor, name, stem, plan, seed) for seed in plan.seeds]
    lines = [line for line, _digits in found]
    write_results(plan.results, lines)
    return Row(
        anchor,
        [line["value"] for line in lines],
        lines[-1]["better"],
        found[-1][1],
        lines[-1]["protocol"],
        sum(line["minutes"] for line in lines) / len(lines),
        peers(plan.results, anchor.name),
        lines[-1]["baselines"],
    )


def _seed(anchor: Anchor, name: str, stem: Path, plan: _Plan, seed: int) -> tuple[dict[str, Any], int]:
    """What came out with one seed as a line of results, and the digits to print of its value."""
    runs = []
    for place, settings in enumerate(anchor.runs):
        wanted = [*settings, *plan.settings, f"training.seed={seed}"]
        title = f"{name} {anchor.name}, seed {seed}, run {place + 1}"
        runs.append(finished(stem.with_name(f"{stem.name}-seed{seed}-{place}"), name, wanted, title))
    parts = [_metric(run.scores["test"], anchor.metric) for run in runs]
    line = {
        "row": anchor.name,
        "who": "regard",
        "metric": anchor.metric,
        "value": round(sum(float(part["value"]) for part in parts) / len(parts), 6),
        "runs": [part["value"] for part in parts],
        "protocol": _protocol([part["protocol"] for part in parts]),
        "seed": seed,
        "minutes": round(sum(run.seconds for run in runs) / 60, 2),
        "known": anchor.known,
        "source": anchor.source,
        "goal": anchor.goal,
        "better": parts[0]["better"],
        "baselines": _means([run.scores["baselines"] for run in runs]),
        "command": plan.command,
        **runs[-1].origin,
    }
    return line, int(parts[0]["digits"])


def _protocol(runs: list[str]) -> str:
    """How the value was measured; of several runs it is the mean, and each has data or a fold of its own.

    Example:
        >>> _protocol(["fold 0", "fold 1"])
        'mean of 2 runs, the first one: fold 0'
    """
    return runs[0] if len(runs) == 1 else f"mean of {len(runs)} runs, the first one: {runs[0]}"


def _means(runs: list[list[dict[str, Any]]]) -> list[str]:
    """Each baseline that all runs have, as the mean over them."""
    values = [{one["name"]: one["value"] for one in run} for run in runs]
    shared = [one for one in runs[0] if all(one["name"] in run for run in values)]
    means = [sum(run[one["name"]] for run in values) / len(values) for one in shared]
    return [f"{one['name']} {_rounded(mean, one['digits'])}" for one, mean in zip(shared, means, strict=True)]


def _rounded(value: float, digits: int) -> str:
    return "not measured" if math.isnan(value) else f"{value:.{digits}f}"


def _metric(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for one in found:
        if one["name"] == name:
            return one
    raise ValueError(f"the run has no metric {name!r}; it has {', '.join(one['name'] for one in found)}.")


def _seeds(text: str) -> list[int]:
    if not all(part.isdecimal() for part in text.split(",")):
        raise ValueError(f"--seeds is {text!r}, expected whole numbers such as 1,2,3.")
    seeds = [int(part) for part in text.split(",")]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"--seeds is {text!r}, expected each seed once: the same one gives the same number.")
    return seeds


def _told(row: Row) -> dict[str, object]:
    anchor = row.anchor
    return {
        "row": anchor.name,
        "metric": anchor.metric,
        "ours": row.values,
        "goal": anchor.goal,
        "passes": row.passes,
        "known": anchor.known,
        "source": anchor.source,
        "peers": row.peers,
        "baselines": row.baselines,
        "minutes": row.minutes,
        "protocol": row.protocol,
    }


def _print(rows: list[Row]) -> None:
    from regard.cli.show import table

    body = []
    for row in rows:
        low, high = min(row.values), max(row.values)
        ours = f"{row.mean:.{row.digits}f}"
        span = f" ({low:.{row.digits}f} to {high:.{row.digits}f})" if len(row.values) > 1 else ""
        sign = "≥" if row.better == "higher" else "≤"
        goal = f"{sign} {row.anchor.goal:g}{'' if row.passes else ' NOT reached'}"
        body.append([row.anchor.name, row.anchor.metric, ours + span, goal, f"{row.minutes:.1f}"])
    table(["row", "measure", "ours", "goal", "minutes"], body)
    for row in rows:
        print(f"{row.anchor.name}: {row.protocol}")
        print(f"  known: {row.anchor.known:g}, {row.anchor.source}")
        for one in [*row.peers, *row.baselines]:
            print(f"  beside it: {one}")
