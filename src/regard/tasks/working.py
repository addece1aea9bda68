"""From settings to a finished run, and back from a run folder to a trained task: what every verb shares."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator

import regard
from regard.data import Splits
from regard.tasks import task
from regard.tasks.contract import Recipe, Task
from regard.train.checkpoint import load_weights
from regard.train.metrics import Metric
from regard.train.run_folder import Identity, RunFolder
from regard.train.runner import train, use_average


@dataclass(frozen=True)
class Outcome:
    """Scores of a run: on the test set, and of the trivial answers on the same set."""

    test: list[Metric]
    baselines: list[Metric]


def identity(name: str, splits: Splits[Any]) -> Identity:
    """What a run of this task on this data is of."""
    return Identity(name, regard.__version__, splits.sha256())


def check_task(run: RunFolder, name: str) -> None:
    """Raise ValueError where a run folder is not of this task and version; of which data it is is not asked.

    Raises:
        FileNotFoundError: it is not a run folder.
    """
    found = run.identity
    Identity(name, regard.__version__, found.data).check(asdict(found), run.path)


def kind_of(run: RunFolder) -> type[Task[Any, Any]]:
    """The task that a run folder is of.

    Raises:
        FileNotFoundError: it is not a run folder.
        ValueError: it was made by another version, or for a task that is not known.
    """
    if not run.config.exists():
        raise FileNotFoundError(f"{run.path} is not a run folder: it has no config.yaml.")
    name = run.identity.task
    check_task(run, name)
    return task(name).kind()


def train_run(
    kind: type[Task[Any, Any]], config: Recipe, run: RunFolder, splits: Splits[Any], processes: Accelerator
) -> Outcome:
    """Train, or go on training, in a folder that exists; then score it and keep samples for its report."""
    return train_made(kind.of(config, splits), config, run, splits, processes)


def train_made(
    made: Task[Any, Any], config: Recipe, run: RunFolder, splits: Splits[Any], processes: Accelerator
) -> Outcome:
    """The same with a task that is made already, so that no folder is made for one that cannot be."""
    if processes.is_main_process:
        made.store(run)
    train(made, run, config.training, processes)
    if config.training.average > 1:
        use_average(made, run, config.training.average, processes)
    load_weights(made.model, run.model)
    return score_run(made, run, splits, processes)


def scored(made: Task[Any, Any], splits: Splits[Any], processes: Accelerator) -> Outcome:
    """Score on the test set, and write nothing."""
    made.model.to(processes.device).eval()
    return Outcome(made.score(splits, processes), made.baselines(splits))


def score_run(made: Task[Any, Any], run: RunFolder, splits: Splits[Any], processes: Accelerator) -> Outcome:
    """Score on the test set, once, and write scores.json and samples.json."""
    made.model.to(processes.device).eval()
    test = made.score(splits, processes)
    if processes.is_main_process:
        # Whatever becomes of the rest, the scores are kept.
        run.write_json("scores.json", asdict(Outcome(test, [])))
    outcome = Outcome(test, made.baselines(splits))
    if processes.is_main_process:
        run.write_json("scores.json", asdict(outcome))
    samples = made.samples(splits, processes)
    if processes.is_main_process:
        run.write_json("samples.json", samples)
    return outcome


def stored(path: Path, config: Recipe, processes: Accelerator) -> Task[Any, Any]:
    """The trained task of a run folder.

    Raises:
        ValueError: its weights are damaged, or of something else.
        FileNotFoundError: it has none.
    """
    run = RunFolder(path)
    made = kind_of(run).stored(config, run)
    load_weights(made.model, run.model)
    made.model.to(processes.device).eval()
    return made
