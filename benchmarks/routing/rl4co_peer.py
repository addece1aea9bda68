"""Train rl4co's own models on tours or deliveries for minutes of the processor, and test them on our fixed instances.

    python -m benchmarks.routing.instances tsp20 INSTANCES
    OMP_NUM_THREADS=1 ENV/bin/python benchmarks/routing/rl4co_peer.py INSTANCES OUT --cpu-minutes 30,60

How ENV is made is in benchmarks/peers/routing/requirements.txt. `pomo` and `am` have the settings of rl4co's own
experiment of that name, but for these: am's epochs have the 100,000 instances of its class, as one of 1,280,000 would
not end in time; the learning rate falls to a tenth at 95 % of the time instead of at epoch 95 of 100; and rl4co's
validation, on which nothing hangs, is left out, which gives it more time to learn. Time is that of the processor on
one thread from the first batch on, without that of the tests, so that a machine shared with others does not matter.

At each of the times the test set is read, once, by rl4co's own greedy and augmented evaluation: one tour for each
instance and view. Lengths are computed anew from its tours, in float64. OUT gets curve.jsonl, gaps on the validation
instances; what is printed last are lines for benchmarks/results/routing.jsonl.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
import time
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, LightningModule, seed_everything
from rl4co.data.dataset import TensorDictDataset
from rl4co.envs import CVRPEnv, RL4COEnvBase, TSPEnv
from rl4co.models import POMO, AttentionModel
from rl4co.tasks.eval import AugmentationEval, EvalBase, GreedyEval
from rl4co.utils import RL4COTrainer
from tensordict import TensorDict
from torch.utils.data import DataLoader

# Of rl4co's configs/experiment/routing, but for what the text above says.
SETTINGS: dict[str, dict[str, Any]] = {
    "pomo": {"batch_size": 64, "train_data_size": 160_000, "optimizer_kwargs": {"lr": 1e-4, "weight_decay": 1e-6}},
    "am": {"batch_size": 512, "train_data_size": 100_000, "optimizer_kwargs": {"lr": 1e-4, "weight_decay": 0.0}},
}
MODELS = {"pomo": POMO, "am": AttentionModel}
FALL_AT, FALL_TO = 0.95, 0.1


@dataclass(frozen=True)
class Part:
    """Instances and the mean length of their best tours; with demands, the first place is the depot."""

    name: str
    points: np.ndarray
    demands: np.ndarray | None
    capacity: float
    best: float

    @classmethod
    def read(cls, path: Path) -> Part:
        """One of the files of benchmarks.routing.instances."""
        with np.load(path) as found:
            capacity = float(found.get("capacity", np.inf))
            best = float(found["mean_optimum"])
            return cls(str(found["name"]), found["points"], found.get("demands"), capacity, best)

    def environment(self) -> RL4COEnvBase:
        """rl4co's own, for training on instances of the same kind."""
        if self.demands is None:
            return TSPEnv(generator_params={"num_loc": self.points.shape[1]})
        return CVRPEnv(generator_params={"num_loc": self.points.shape[1] - 1, "capacity": self.capacity})

    def gap(self, model: LightningModule, evaluation: EvalBase) -> float:
        """Percent by which rl4co's tours are longer on average than the best ones."""
        data = TensorDictDataset(self._asked())
        loader = DataLoader(data, batch_size=500, collate_fn=data.collate_fn)
        tours = self._checked(evaluation(model.policy.eval(), loader)["actions"].numpy())
        stops = np.take_along_axis(self.points, tours[..., None], 1)
        lengths = np.linalg.norm(stops - np.roll(stops, -1, 1), axis=-1).sum(1)
        return float(100 * (lengths.mean() / self.best - 1))

    def _asked(self) -> TensorDict:
        points = torch.from_numpy(self.points.astype(np.float32))
        if self.demands is None:
            return TensorDict({"locs": points}, [len(points)])
        demands = torch.from_numpy((self.demands / self.capacity).astype(np.float32))
        capacity = torch.full((len(points), 1), self.capacity)
        places = {"locs": points[:, 1:], "depot": points[:, 0], "demand": demands[:, 1:], "capacity": capacity}
        return TensorDict(places, [len(points)])

    def _checked(self, tours: np.ndarray) -> np.ndarray:
        """The tours; where something is delivered they begin at the depot, which rl4co leaves to be understood.

        Raises:
            ValueError: a place is left out or visited twice, or a vehicle carries more than it can.
        """
        if self.demands is None:
            if not (np.sort(tours, 1) == np.arange(self.points.shape[1])).all():
                raise ValueError("rl4co's tours do not visit every city once.")
            return tours
        for tour, demands in zip(tours, self.demands, strict=True):
            if not (np.sort(tour[tour > 0]) == np.arange(1, len(demands))).all():
                raise ValueError("rl4co's tours do not visit every customer once.")
            loads = np.add.reduceat(demands[np.concatenate([[0], tour])], np.flatnonzero(np.append(True, tour == 0)))
            if loads.max() > self.capacity:
                raise ValueError(f"rl4co loads {loads.max():g}, more than a vehicle's {self.capacity:g}.")
        return np.pad(tours, ((0, 0), (1, 0)))


# What rl4co builds on comes without types.
@dataclass
class Clock(Callback):  # type: ignore[misc]
    """Counts seconds of the processor, tests where they are over, and stops at the last of them."""

    tests: list[float]
    out: Path
    validation: Part
    test: Part
    every: float = 300.0
    spent: float = 0.0
    updates: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)
    found: list[dict[str, float]] = field(default_factory=list)

    def on_train_batch_start(self, trainer: Any, model: LightningModule, batch: Any, number: int) -> None:
        """Begin to count at the first batch."""
        if not self.updates:
            self.since = self.shown = time.process_time()
            self.evaluations = {"greedy": GreedyEval(model.env), "8": _augmented(model)}

    def on_train_batch_end(self, trainer: Any, model: LightningModule, *rest: Any) -> None:
        """What is due after an update."""
        now = time.process_time()
        self.spent, self.since, self.updates = self.spent + now - self.since, now, self.updates + 1
        if self.spent > FALL_AT * self.tests[-1]:
            for group in trainer.optimizers[0].param_groups:
                group["lr"] = FALL_TO * model.optimizer_kwargs["lr"]
        if self.spent > self.tests[len(self.found)]:
            self.found.append(self._told(model, self.test))
        elif now - self.shown > self.every:
            self.curve.append(self._told(model, self.validation))
            with (self.out / "curve.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(self.curve[-1]) + "\n")
            self.shown = time.process_time()
        trainer.should_stop = len(self.found) == len(self.tests)
        self.since = time.process_time()

    def _told(self, model: LightningModule, part: Part) -> dict[str, float]:
        gaps = {name: part.gap(model, one) for name, one in self.evaluations.items()}
        model.policy.train()
        found = {"cpu_seconds": round(self.spent, 1), "updates": self.updates, "instances": len(part.points), **gaps}
        print(json.dumps(found), flush=True)
        return found


def _augmented(model: LightningModule) -> EvalBase:
    return AugmentationEval(model.env, num_augment=8, force_dihedral_8=True, progress=False)


def train(given: argparse.Namespace, clock: Clock) -> None:
    """Train until the clock stops it."""
    seed_everything(given.seed)
    torch.set_num_threads(1)
    model = MODELS[given.model](clock.test.environment(), **SETTINGS[given.model])
    trainer = RL4COTrainer(
        accelerator="cpu",
        max_epochs=10_000,
        callbacks=[clock],
        precision=given.precision,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        limit_val_batches=0,
        num_sanity_val_steps=0,
    )
    trainer.fit(model)


def line(given: argparse.Namespace, part: Part, name: str, told: dict[str, float], last: bool) -> dict[str, Any]:
    """A line of results; what was measured on the way stands in a row of its own."""
    minutes = round(told["cpu_seconds"] / 60, 1)
    views = {"greedy": 1, "8": 8}[name]
    row = f"{part.name}{' in 8 views' if views == 8 else ''}"
    # Nobody proves the best deliveries of so many instances.
    best = "best tours" if part.demands is None else "best known tours"
    how = f"% above the {best}, {told['instances']} instances of {part.name}, greedy, {views} view{'s' * (views > 1)}"
    settings = f"its own experiment's settings, {given.precision}, {told['updates']} updates, weights of the last one"
    return {
        "row": row if last else f"{row}, {minutes:g} minutes",
        "who": f"rl4co {version('rl4co')}, {given.model.upper()}",
        "metric": "gap" if views == 1 else "gap in 8 views",
        "value": round(told[name], 6),
        "protocol": f"{how}; {settings}; minutes of the processor, one thread",
        "seed": given.seed,
        "minutes": minutes,
        "command": shlex.join(["python", "benchmarks/routing/rl4co_peer.py", "INSTANCES", "OUT", *sys.argv[3:]]),
        "machine": f"{platform.machine()}, {platform.processor() or platform.system()}",
        "versions": {package: version(package) for package in ("rl4co", "torch", "torchrl", "tensordict")},
        "date": date.today().isoformat(),
    }


def main() -> None:
    """Train, test, and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("instances", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", choices=MODELS, default="pomo")
    parser.add_argument("--cpu-minutes", default="30,60", help="when to test")
    parser.add_argument("--precision", default="16-mixed", help="of training; rl4co's default, bfloat16 on a CPU")
    parser.add_argument("--seed", type=int, default=1234, help="that of rl4co's experiments")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    tests = [60 * float(part) for part in given.cpu_minutes.split(",")]
    validation, test = (Part.read(given.instances / f"{name}.npz") for name in ("validation", "test"))
    clock = Clock(tests, given.out, validation, test)
    train(given, clock)
    for told in clock.found:
        for name in clock.evaluations:
            print(json.dumps(line(given, test, name, told, told is clock.found[-1])))


if __name__ == "__main__":
    main()
