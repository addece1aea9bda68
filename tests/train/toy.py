"""A tiny task with a command line of its own: a token model whose dropout makes every random number matter."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from regard.data.batches import Batch, collate, token_batches
from regard.models import AdditiveScore, Bahdanau, Recurrent
from regard.train.distributed import accelerator, gather_in_order, share, summed
from regard.train.loss import Loss, linear_cross_entropy
from regard.train.run_folder import Identity, RunFolder
from regard.train.runner import Interrupted, Validation, train
from regard.train.settings import Training

SETTINGS = Training(
    epochs=3, tokens_per_batch=120, learning_rate=3e-3, precision="float32", checkpoint_minutes=0.0, validate_every=7
)
IDENTITY = Identity("toy", "1", "data-1")


class Toy:
    """Copy short sequences."""

    def __init__(self, settings: Training, dropout: float) -> None:
        self.settings = settings
        torch.manual_seed(settings.seed)
        mechanism = Bahdanau(AdditiveScore(7))
        self.model: nn.Module = Recurrent(5, 11, dropout=dropout, mechanism=mechanism).build(13, 13)
        generator = torch.Generator().manual_seed(5)
        rows = [torch.randint(4, 13, (2 + n % 7,), generator=generator).tolist() for n in range(101)]
        self.examples = [(row, row) for row in rows]

    def batches(self, epoch: int) -> list[list[int]]:
        lengths = [(len(s) + 1, len(t) + 1) for s, t in self.examples]
        return token_batches(lengths, self.settings.tokens_per_batch, self.settings.seed, epoch)

    def collate(self, indices: list[int]) -> Batch:
        return collate([self.examples[index] for index in indices])

    def loss(self, model: nn.Module, batch: Batch) -> Loss:
        features = model(batch.source, batch.source_lengths, batch.inputs).flatten(0, 1)
        output = self.model.decoder.output
        total, plain = linear_cross_entropy(
            features, output.weight, output.bias, batch.targets.flatten(), ignore=0, smoothing=0.1
        )
        return Loss(total, (batch.targets != 0).sum(), {"plain": plain})

    def validate(self, model: nn.Module, processes) -> Validation:
        mine = share(list(range(20)), processes)
        loss = self.loss(model, self.collate(mine))
        total, count = summed([float(loss.sum), float(loss.count)], processes)
        order = gather_in_order([f"item {index}" for index in mine], processes)
        assert order == [f"item {index}" for index in range(20)]
        return Validation(-total / count, {"loss": total / count})


def losses(folder: Path) -> list[tuple[int, float]]:
    """(step, loss) of every training step in a run's log."""
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [(entry["step"], entry["loss"]) for entry in map(json.loads, lines) if entry["kind"] == "train"]


def main(folder: str, dropout: str, changes: str) -> int:
    """Train; 130 where a signal stopped it."""
    settings = replace(SETTINGS, **json.loads(changes))
    run = RunFolder(Path(folder))
    processes = accelerator()
    if processes.is_main_process and not run.config.exists():
        run.create("", IDENTITY)
    processes.wait_for_everyone()
    try:
        train(Toy(settings, float(dropout)), run, settings, processes)
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
