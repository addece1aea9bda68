"""A run that is there: trained in a process of its own unless it is finished."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Finished:
    """What a finished run says of itself."""

    scores: dict[str, list[dict[str, Any]]]
    log: list[dict[str, Any]]
    cost: dict[str, int]

    @property
    def seconds(self) -> float:
        """Of training, validation included."""
        return float(self.log[-1]["seconds"])


def finished(run: Path, task: str, settings: Sequence[str], title: str) -> Finished:
    """Train `task` with these settings into `run`, or go on with it, unless it has its report; then read it.

    Raises:
        ValueError: training failed; its own message stands above.
    """
    if not (run / "report.html").exists():
        print(f"\n{title}", file=sys.stderr, flush=True)
        begun = (run / "config.yaml").exists()
        what = ["--resume", str(run)] if begun else [*settings, "--run", str(run)]
        code = "import sys; from regard.cli.measured import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, str(run), "train", task, *what, "--json"]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise ValueError(f"training {title} ended with exit code {done.returncode}; see its message above.")
    scores, cost = (json.loads((run / name).read_text(encoding="utf-8")) for name in ("scores.json", "cost.json"))
    log = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return Finished(scores, log, cost)
