"""From settings to a finished run, and back from a run folder to a translator: what every verb shares."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from accelerate import Accelerator

from regard.data import Splits
from regard.tasks import translation
from regard.tasks.translation import Config, Translation
from regard.train.checkpoint import load_weights
from regard.train.metrics import Metric
from regard.train.run_folder import RunFolder
from regard.train.runner import train, use_average


@dataclass(frozen=True)
class Outcome:
    """Scores of a run: on the test set, and of the trivial answers on the same set."""

    test: list[Metric]
    baselines: list[Metric]


def train_run(config: Config, run: RunFolder, splits: Splits, processes: Accelerator) -> Outcome:
    """Train, or go on training, in a folder that exists; then score it and keep samples for its report."""
    task = Translation.of(config, splits)
    if processes.is_main_process:
        task.store(run)
    train(task, run, config.training, processes)
    if config.training.average > 1:
        use_average(task, run, config.training.average, processes)
    load_weights(task.model, run.model)
    return score_run(task, run, splits, processes)


def score_run(task: Translation, run: RunFolder, splits: Splits, processes: Accelerator) -> Outcome:
    """Translate the test set with the run's search, once, and write scores.json and samples.json."""
    task.model.eval()
    sources, references = [p.source for p in splits.test], [p.target for p in splits.test]
    texts = task.translate(sources, task.config.search.strategy(), processes)
    outcome = Outcome(translation.metrics(task.config, texts, references), translation.baselines(task.config, splits))
    if processes.is_main_process:
        scores = {"test": outcome.test, "baselines": outcome.baselines}
        run.write_json("scores.json", {name: [asdict(one) for one in found] for name, found in scores.items()})
        run.write_json("samples.json", _samples(task, splits, processes))
    return outcome


def stored(path: Path, config: Config, processes: Accelerator) -> Translation:
    """The trained translator of a run folder.

    Raises:
        ValueError: its weights are damaged, or of something else.
        FileNotFoundError: it has none.
    """
    run = RunFolder(path)
    task = Translation.stored(config, run)
    load_weights(task.model, run.model)
    task.model.to(processes.device).eval()
    return task


def _samples(task: Translation, splits: Splits, processes: Accelerator) -> list[dict[str, object]]:
    """Translations with alignments of test sentences of middling length, evenly spread over the test set."""
    fitting = [p for p in splits.test if 6 <= len(p.source.split()) <= 18] or splits.test
    chosen = fitting[:: max(1, len(fitting) // 6)][:6]
    found = task.predict([p.source for p in chosen], task.config.search.strategy(), processes.device)
    samples: list[dict[str, object]] = []
    for pair, best in zip(chosen, found, strict=True):
        one = best[0]
        samples.append(
            {
                "source": one.source,
                "target": one.target,
                "reference": pair.target,
                "text": one.text,
                "source_text": pair.source,
                "weights": one.weights,
            }
        )
    return samples
