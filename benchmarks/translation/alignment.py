"""Is the alignment right? Copy and reverse, where the true source position of every target word is known.

python benchmarks/translation/alignment.py      exact match, and how often the strongest weight is true

Exact match is of greedy outputs; alignment counts the target words of all outputs. Bahdanau's decoder looks before it
steps, and its encoder's states know their neighbours, so it may as well look beside the word it is about to write.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from regard.cli.settings import parse
from regard.tasks import translation
from regard.tasks.working import train_run
from regard.train.checkpoint import load_weights
from regard.train.distributed import accelerator
from regard.train.run_folder import RunFolder
from regard.train.strategies import Greedy

MECHANISMS = {
    "additive": ["model.mechanism=Luong", "model.mechanism.score=AdditiveScore"],
    "dot": ["model.mechanism=Luong", "model.mechanism.score=DotScore"],
    "general": ["model.mechanism=Luong"],
    "local-p": ["model.mechanism=Luong", "model.mechanism.place=LocalP", "model.mechanism.place.radius=4"],
    "Bahdanau": ["model.mechanism=Bahdanau"],
}
COMMON = [
    "pieces.kind=words",
    "model=Recurrent",
    "model.embedding_size=64",
    "model.hidden_size=128",
    "training.label_smoothing=0.0",
    "training.precision=float32",
]

PLAIN = ["model.dropout=0.1", "training.schedule.half_life=400", "training.updates=1500"]
# With little dropout these two learn to reverse by looking beside the word and letting the states do the rest.
NOISY = ["model.dropout=0.3", "training.schedule.half_life=800", "training.updates=2000"]
RECIPES = {("reverse", "additive"): NOISY, ("reverse", "local-p"): NOISY}


def measure(name: str, settings: list[str]) -> tuple[float, float]:
    """Exact match, and the share of target words whose strongest weight lies on the true position."""
    budget = [f"data.name={name}", "training.minutes=null"]
    config, text = parse(translation.Config, [*budget, *COMMON, *settings])
    run = RunFolder(Path(tempfile.mkdtemp()) / "run")
    run.create(text)
    processes, splits = accelerator(), config.data.load()
    train_run(config, run, splits, processes)
    task = translation.Translation.stored(config, run)
    load_weights(task.model, run.model)
    task.model.eval()
    exact, true, words = 0, 0, 0
    found = task.translator.predict([p.source for p in splits.test], Greedy(), processes.device)
    for pair, best in zip(splits.test, found, strict=True):
        exact += best[0].text == pair.target
        length = len(pair.source.split())
        for place, row in enumerate((best[0].weights or [])[:length]):
            right = place if name == "copy" else length - 1 - place
            true += max(range(len(row)), key=row.__getitem__) == right
            words += 1
    return 100 * exact / len(splits.test), 100 * true / words


if __name__ == "__main__":
    for data in ("copy", "reverse"):
        for mechanism, chosen in MECHANISMS.items():
            exact, true = measure(data, [*chosen, *RECIPES.get((data, mechanism), PLAIN)])
            print(f"{data:<8} {mechanism:<9} exact match {exact:6.2f} %   alignment {true:6.2f} %", flush=True)
