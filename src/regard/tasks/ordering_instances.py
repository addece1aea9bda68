"""What a pointer network learns from: random instances without end, or a user's own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from regard.data.endless import Part, endless_batches
from regard.data.ordering_batches import OrderingBatch, batch_of_inputs
from regard.data.orderings import Inputs
from regard.tasks.ordering_settings import Data


@dataclass(frozen=True)
class Endless:
    """Random instances, never the same twice; seed and number decide each."""

    data: Data
    seed: int

    def batches(self, epoch: int) -> list[list[int]]:
        """Numbers of every batch's instances."""
        return endless_batches(epoch, self.data.epoch, self.data.batch)

    def batch(self, numbers: Sequence[int]) -> OrderingBatch:
        """The instances of these numbers."""
        return batch_of_inputs(self.data.source.inputs(Part.TRAIN, self.seed, numbers))


@dataclass(frozen=True)
class Own:
    """A user's own instances, of any sizes together."""

    examples: list[Inputs]
    size: int
    seed: int

    def batches(self, epoch: int) -> list[list[int]]:
        """Numbers of every batch's instances, shuffled anew in every epoch."""
        order = list(range(len(self.examples)))
        random.Random(f"{self.seed} {epoch}").shuffle(order)
        return [order[at : at + self.size] for at in range(0, len(order), self.size)]

    def batch(self, numbers: Sequence[int]) -> OrderingBatch:
        """The instances of these numbers."""
        return batch_of_inputs([self.examples[number] for number in numbers])
