"""What can be trained: all that the loop asks of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from torch import nn

from regard.train.loss import Loss


@dataclass(frozen=True)
class Validation:
    """How good a model is.

    Args:
        score: higher is better; what is no number is worse than any.
        logs: numbers to log beside it.
        beginning: what the model still is in, such as a linear start, in which patience does not end the training;
            empty where it is whole. Its scores have to be lower than those of a whole model.
    """

    score: float
    logs: dict[str, float]
    beginning: str = ""


class Placeable(Protocol):
    """A batch that can be put on a device."""

    def to(self, device: torch.device) -> Any:
        """The batch there."""
        ...


class Trainable(Protocol):
    """What the loop needs to know of a task."""

    @property
    def model(self) -> nn.Module:
        """What is trained."""
        ...

    def batches(self, epoch: int) -> list[list[int]]:
        """Indices of every batch of an epoch, decided by the epoch alone."""
        ...

    def collate(self, indices: list[int]) -> Placeable:
        """The batch of these examples."""
        ...

    def loss(self, model: nn.Module, batch: Any) -> Loss:
        """The summed loss of a batch and what to divide it by."""
        ...

    def validate(self, model: nn.Module, processes: Accelerator) -> Validation:
        """A score on the validation set."""
        ...
