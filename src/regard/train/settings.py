"""How to train, as settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from regard.train.optimizers import AdamW, Optimizer
from regard.train.schedule import Constant, Schedule


@dataclass(frozen=True)
class Training:
    """How to train; the first limit that is reached ends it.

    Args:
        minutes: wall time for training, validation included; null means no limit.
        epochs: passes over the training data; null means no limit.
        updates: steps of the optimiser; null means no limit.
        tokens_per_batch: padded tokens of a batch, on its longer side.
        accumulate: batches whose gradients are added for one step.
        learning_rate: the optimiser's rate, before the schedule.
        optimizer: how weights move: AdamW or SGD.
        schedule: how the rate changes from step to step.
        clip: largest norm of the gradient.
        clip_by: whether that is of the whole model's gradient, or of each weight's by itself.
        label_smoothing: share of the target spread over the vocabulary.
        weight_decay: decay of the weights, decoupled with AdamW.
        precision: float32, or bfloat16 for products under autocast.
        validate_every: steps between validations; 0 means once an epoch.
        patience: validations without a better score before training ends.
        keep: checkpoints that stay on disk besides the best.
        average: of how many checkpoints, newest first, the weights are averaged at the end; 1 means the best one.
        checkpoint_minutes: most time that an interruption may cost.
        seed: of initial weights, batches and dropout.
    """

    minutes: float | None = None
    epochs: int | None = 20
    updates: int | None = None
    tokens_per_batch: int = 2048
    accumulate: int = 1
    learning_rate: float = 1e-3
    optimizer: Optimizer = field(default_factory=AdamW)
    schedule: Schedule = field(default_factory=lambda: Constant(warmup=100))
    clip: float = 1.0
    clip_by: Literal["model", "weight"] = "model"
    label_smoothing: float = 0.1
    weight_decay: float = 0.0
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    validate_every: int = 0
    patience: int = 10
    keep: int = 1
    average: int = 1
    checkpoint_minutes: float = 2.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.minutes is None and self.epochs is None and self.updates is None:
            raise ValueError("minutes, epochs and updates are all null; at least one has to end the training.")
        for name in ("tokens_per_batch", "accumulate", "learning_rate", "clip", "patience", "average"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number.")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing is {self.label_smoothing}, expected at least 0 and below 1.")
        if self.average > self.keep + 1:
            raise ValueError(
                f"average is {self.average} but keep is {self.keep}; keep at least average - 1 checkpoints."
            )
