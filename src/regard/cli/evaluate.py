"""regard evaluate RUN: score a trained model on its test set."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from regard.cli.arguments import split

HELP = """Score a trained model on its test set, with the run's own search unless a setting says otherwise.

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
    from regard.tasks.working import identity, kind_of, score_run, stored
    from regard.train.distributed import accelerator
    from regard.train.run_folder import RunFolder

    run = RunFolder(Path(given.words[0]))
    kind = kind_of(run)
    config, _text = parse(kind.recipe, ["--config", str(run.config), *given.rest])
    processes = accelerator()
    made, splits = stored(run.path, config, processes), config.data.load()
    identity(run.identity.task, splits).check(asdict(run.identity), run.path)
    outcome = score_run(made, run, splits, processes)
    if not processes.is_main_process:
        return 0
    if given.has("--json"):
        print(json.dumps(asdict(outcome), ensure_ascii=False))
        return 0
    from regard.cli.show import metrics_table

    metrics_table([*outcome.test, *outcome.baselines])
    return 0
