"""regard evaluate RUN: score a trained model on its test set."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from regard.cli.arguments import Arguments, split

if TYPE_CHECKING:
    from regard.tasks.working import Outcome
    from regard.train.run_folder import RunFolder

HELP = """Score a trained model on its test set, with the run's own search unless a setting says otherwise.

What is scored with other settings is printed and not kept: the run's scores.json stays that of its own settings.

Examples:
  regard evaluate runs/mine
  regard evaluate runs/mine search.beam=1 --json
  torchrun --nproc-per-node 2 -m regard evaluate runs/mine

Options:
  --json   print scores as JSON
"""


def main(arguments: list[str]) -> int:
    """Score a run; the exit code."""
    given = split(arguments, flags=("--json", "--help", "-h"), words=1)
    if given.has("--help") or given.has("-h"):
        print(HELP, end="")
        return 0
    if not given.words:
        raise ValueError("which run? For example: regard evaluate runs/mine")
    from regard.cli.settings import parse
    from regard.tasks.working import identity, kind_of, score_run, scored, stored
    from regard.train.distributed import accelerator
    from regard.train.run_folder import RunFolder

    run = RunFolder(Path(given.words[0]))
    kind = kind_of(run)
    config, _text = parse(kind.recipe, ["--config", str(run.config), *given.rest])
    processes = accelerator()
    made, splits = stored(run.path, config, processes), config.data.load()
    identity(run.identity.task, splits).check(asdict(run.identity), run.path)
    outcome = scored(made, splits, processes) if given.rest else score_run(made, run, splits, processes)
    if processes.is_main_process:
        _tell(outcome, run, given)
    return 0


def _tell(outcome: Outcome, run: RunFolder, given: Arguments) -> None:
    from regard.train.run_folder import as_json

    if given.rest:
        print(f"not kept: {run.path}/scores.json is of the run's own settings", file=sys.stderr)
    if given.has("--json"):
        print(as_json(asdict(outcome)))
        return
    from regard.cli.show import metrics_table

    metrics_table([*outcome.test, *outcome.baselines])
