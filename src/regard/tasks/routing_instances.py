"""What a policy of routing learns from: random instances without end, or a user's own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from regard.data.endless import FIXED_SEED, Part, endless_batches
from regard.data.route_batches import RouteBatch, batch_of_drawn, batch_of_instances
from regard.data.routes import Instance, same_sizes
from regard.tasks.routing_settings import Config, Data
from regard.train.incumbent import Rollout

# Instances of a contest at a time.
_TOGETHER = 500


def instances_of(config: Config, own: list[Instance]) -> Endless | Own:
    """A user's own instances, or random ones where there are none.

    Raises:
        ValueError: they are too few for the baseline.
    """
    if not own:
        return Endless(config.data, config.training.seed)
    if isinstance(config.baseline, Rollout) and len(own) < 2:
        raise ValueError(
            "data.train has 1 instance, but baseline=Rollout compares two policies by a test, which needs 2 or more; "
            "give it more, or take baseline=Shared."
        )
    return Own(own, config.data.batch, config.training.seed)


@dataclass(frozen=True)
class Endless:
    """Random instances, never the same twice; seed and number decide each."""

    data: Data
    seed: int

    def batches(self, epoch: int) -> list[list[int]]:
        """Numbers of every batch's instances."""
        return endless_batches(epoch, self.data.epoch, self.data.batch)

    def batch(self, numbers: Sequence[int]) -> RouteBatch:
        """The instances of these numbers."""
        source = self.data.source_of(numbers[0] // self.data.batch)
        return batch_of_drawn(source.draw(Part.TRAIN, self.seed, numbers))

    def challenge(self, numbers: range) -> list[RouteBatch]:
        """The instances of a contest of two policies, of which training sees none."""
        spans = [numbers[at : at + _TOGETHER] for at in range(0, len(numbers), _TOGETHER)]
        return [batch_of_drawn(self.data.source.draw(Part.CHALLENGE, FIXED_SEED, span)) for span in spans]


@dataclass(frozen=True)
class Own:
    """A user's own instances; those of a batch have equally many places."""

    examples: list[Instance]
    size: int
    seed: int

    def batches(self, epoch: int) -> list[list[int]]:
        """Numbers of every batch's instances, shuffled anew in every epoch."""
        draw, found = random.Random(f"{self.seed} {epoch}"), []
        for numbers in same_sizes(self.examples):
            draw.shuffle(numbers)
            found += [numbers[at : at + self.size] for at in range(0, len(numbers), self.size)]
        draw.shuffle(found)
        return found

    def batch(self, numbers: Sequence[int]) -> RouteBatch:
        """The instances of these numbers."""
        return batch_of_instances([self.examples[number] for number in numbers])

    def challenge(self, numbers: range) -> list[RouteBatch]:
        """All of the instances, as there are no others."""
        return [self.batch(same) for same in same_sizes(self.examples)]
