"""regard train TASK: train a model and say how good it is."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.cli.arguments import Arguments, split
from regard.cli.show import metrics_table
from regard.tasks import TASKS, task

if TYPE_CHECKING:
    from accelerate import Accelerator

    from regard.data import Splits
    from regard.tasks.contract import Task
    from regard.tasks.working import Outcome
    from regard.train.run_folder import RunFolder

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
    name, kind = given.words[0], task(given.words[0]).kind()
    if given.has("--help") or given.has("-h"):
        from regard.cli.settings import parse

        print(HELP.format(settings=parse(kind.recipe, [])[1]), end="")
        return 0
    from regard.tasks.working import train_made
    from regard.train.distributed import accelerator

    processes = accelerator()
    ready = _resumed(name, kind, given) if given.values.get("--resume") else _new(name, kind, given, processes)
    processes.wait_for_everyone()
    outcome = train_made(ready.made, ready.config, ready.run, ready.splits, processes)
    if processes.is_main_process:
        _tell(ready.run, outcome, given)
    return 0


@dataclass(frozen=True)
class _Ready:
    """What training takes."""

    made: Any
    config: Any
    run: RunFolder
    splits: Splits[Any]


def _resumed(name: str, kind: type[Task[Any, Any]], given: Arguments) -> _Ready:
    from regard.cli.settings import read
    from regard.tasks.working import check_task, identity
    from regard.train.run_folder import RunFolder

    if given.rest:
        raise ValueError(f"--resume keeps the run's own settings; take {given.rest[0]!r} away.")
    run = RunFolder(Path(given.values["--resume"]))
    # Settings of another task would only be said not to fit.
    check_task(run, name)
    config = read(kind.recipe, run.config)
    splits = config.data.load()
    identity(name, splits).check(asdict(run.identity), run.path)
    return _Ready(kind.of(config, splits), config, run, splits)


def _new(name: str, kind: type[Task[Any, Any]], given: Arguments, processes: Accelerator) -> _Ready:
    from regard.cli.settings import parse
    from regard.tasks.working import identity
    from regard.train.run_folder import RunFolder

    config, text = parse(kind.recipe, given.rest)
    run = RunFolder(Path(given.values.get("--run") or f"runs/{name}-{time.strftime('%Y%m%d-%H%M%S')}"))
    if processes.is_main_process:
        run.check_new()
    splits = config.data.load()
    # Nothing is left behind where data and settings do not go together.
    made = kind.of(config, splits)
    if processes.is_main_process:
        run.create(text, identity(name, splits))
    return _Ready(made, config, run, splits)


def _tell(run: RunFolder, outcome: Outcome, given: Arguments) -> None:
    from regard.look.report import examples, write_report
    from regard.train.run_folder import as_json

    report = write_report(run.path)
    if given.has("--json"):
        print(as_json({"run": str(run.path), **asdict(outcome)}))
        return
    metrics_table([*outcome.test, *outcome.baselines])
    print(examples(run.path))
    print(f"report: {report}")
