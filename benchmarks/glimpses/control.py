"""The control: the task's own recipe with glimpses anywhere by chance, beside the row that it belongs to.

    python -m benchmarks.glimpses.control --seeds 1,2,3

The network, the data and the schedule are the same; only where it looks is not learned. A run that is finished in the
folder of the runs is not trained again.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from regard.cli.finished import finished

WHO = "the same network, glimpses anywhere"
RESULTS = Path(__file__).parents[1] / "results" / "glimpses.jsonl"


def line(seed: int, folder: Path, settings: Sequence[str], command: str) -> dict[str, object]:
    """One run, trained if it is not there yet, as a line of results."""
    wanted = ["model.places=ANYWHERE", *settings, f"training.seed={seed}"]
    found = finished(folder / f"anywhere-seed{seed}", "glimpses", wanted, f"{WHO}, seed {seed}")
    error = found.scores["test"][0]
    return {
        "row": "mnist",
        "who": WHO,
        "metric": "error",
        "value": error["value"],
        "protocol": error["protocol"],
        "seed": seed,
        "minutes": round(found.seconds / 60, 2),
        "command": command,
        "machine": f"{platform.machine()}, {platform.processor() or platform.system()}",
        "versions": {package: version(package) for package in ("regard", "torch")},
        "date": date.today().isoformat(),
    }


def kept(lines: Sequence[str], made: Sequence[dict[str, object]]) -> list[str]:
    """The lines that stay where new ones of the same contender and seed come."""
    fresh = {(one["who"], one["seed"]) for one in made}
    return [one for one in lines if (json.loads(one)["who"], json.loads(one).get("seed")) not in fresh]


def main() -> int:
    """Train the control for every seed and write its lines in the place of older ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--run", type=Path, default=Path("runs/bench-glimpses"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given, settings = parser.parse_known_args()
    command = shlex.join(["python", "-m", "benchmarks.glimpses.control", *sys.argv[1:]])
    made = [line(int(seed), given.run, settings, command) for seed in given.seeds.split(",")]
    before = given.results.read_text(encoding="utf-8").splitlines() if given.results.exists() else []
    given.results.parent.mkdir(parents=True, exist_ok=True)
    every = [*kept(before, made), *(json.dumps(one) for one in made)]
    given.results.write_text("".join(f"{one}\n" for one in every), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
