"""regard train TASK: train a model and say how good it is."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

from regard.cli.arguments import Arguments, split
from regard.cli.show import metrics_table
from regard.tasks import TASKS, task

HELP = """Train a model, score it on the test set beside trivial answers, and write a report.

Examples:
  regard train translation
  regard train translation training.minutes=10 model=Transformer --run runs/transformer
  regard train translation data.name=files data.train=[a.en,a.fr] data.validation=[b.en,b.fr] data.test=[c.en,c.fr]
  regard train translation model.mechanism=Bahdanau model.mechanism.weigh=SparsemaxWeights
  regard train translation --config mine.yaml
  regard train translation --resume runs/mine
  torchrun --nproc-per-node 2 -m regard train translation --run runs/two

Options:
  --run FOLDER     where the run goes; without it, runs/TASK-DATE-TIME
  --resume FOLDER  go on with a run, with its own settings
  --config FILE    settings from a YAML file; key=value on the command line wins
  --json           print scores as JSON
  --help           this text and every setting

Settings (key=value), with their defaults:
{settings}
"""


def main(arguments: list[str]) -> int:
    """Train; the exit code."""
    given = split(arguments, values=("--run", "--resume"), flags=("--json", "--help", "-h"), words=1)
    if not given.words and (given.has("--help") or given.has("-h")):
        given = Arguments([TASKS[0].name], given.values, given.flags, given.rest)
    if not given.words:
        raise ValueError("which task? For example: regard train translation. `regard tasks` lists them.")
    kind = task(given.words[0]).kind()
    from regard.cli.settings import parse, read

    if given.has("--help") or given.has("-h"):
        print(HELP.format(settings=parse(kind.recipe, [])[1]), end="")
        return 0
    from regard.train.distributed import accelerator
    from regard.train.run_folder import RunFolder

    if given.values.get("--resume"):
        if given.rest:
            raise ValueError(f"--resume keeps the run's own settings; take {given.rest[0]!r} away.")
        run = RunFolder(Path(given.values["--resume"]))
        config = read(kind.recipe, run.config)
    else:
        config, text = parse(kind.recipe, given.rest)
        run = RunFolder(Path(given.values.get("--run") or f"runs/{given.words[0]}-{time.strftime('%Y%m%d-%H%M%S')}"))
    processes = accelerator()
    splits = config.data.load()
    from regard.tasks.working import identity, train_run

    what = identity(given.words[0], splits)
    if given.values.get("--resume"):
        what.check(asdict(run.identity), run.path)
    elif processes.is_main_process:
        run.create(text, what)
    processes.wait_for_everyone()
    outcome = train_run(kind, config, run, splits, processes)
    if not processes.is_main_process:
        return 0
    from regard.look.report import examples, write_report

    report = write_report(run.path)
    if given.has("--json"):
        print(json.dumps({"run": str(run.path), **asdict(outcome)}, ensure_ascii=False))
        return 0
    metrics_table([*outcome.test, *outcome.baselines])
    print(examples(run.path))
    print(f"report: {report}")
    return 0
