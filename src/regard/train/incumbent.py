"""Baselines of policy gradients over tours: what a tour's length is compared with."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.data.route_batches import RouteBatch
from regard.models.policies import Policy
from regard.train.rollout import Begin, Pick, roll

# What each tour's length is compared with; one number an instance is for all its tours.
Expected = Float[Tensor, "batch #tours"]
AnyPolicy = Policy[Any]


@dataclass(frozen=True)
class Baseline(ABC):
    """What a tour's length is compared with."""

    @property
    @abstractmethod
    def tours(self) -> int:
        """Sampled for each instance."""

    @property
    @abstractmethod
    def starts(self) -> Begin:
        """Where they begin."""

    @abstractmethod
    def build(self, policy: AnyPolicy) -> Judge:
        """The module that knows it."""


@dataclass(frozen=True)
class Shared(Baseline):
    """The mean of several tours of the same instance, each from a place of its own.

    Args:
        beginnings: tours of an instance, at least 2; no more than it has places.
        begin: EACH from a place of its own, or CHOSEN by the policy: the first customer of a delivery is not
            a matter of taste.

    Raises:
        ValueError: there is nothing to take a mean of.

    Source: Kwon et al. 2020, equation 4.
    """

    beginnings: int = 20
    begin: Begin = Begin.EACH

    def __post_init__(self) -> None:
        if self.beginnings < 2:
            raise ValueError(
                f"baseline.beginnings is {self.beginnings}, expected at least 2; a single tour is its own mean, and "
                "teaches nothing."
            )

    @property
    def tours(self) -> int:
        """One from each beginning."""
        return self.beginnings

    @property
    def starts(self) -> Begin:
        """As the setting says."""
        return self.begin

    def build(self, policy: AnyPolicy) -> Judge:
        """It has nothing to learn."""
        return MeanOfAll()


@dataclass(frozen=True)
class Rollout(Baseline):
    """The greedy tour of the best policy so far, which is replaced when another is better by a paired t-test.

    Until the first of these tests the baseline is a moving average of lengths.

    Args:
        significance: of the one-sided test.
        instances: that the test is made on, at least 2; new ones each time where they are random, else all there are.
        decay: of the moving average.

    Raises:
        ValueError: a number is out of its range.

    Source: Kool, van Hoof and Welling 2019, section 4 and algorithm 1.
    """

    significance: float = 0.05
    instances: int = 10_000
    decay: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.significance < 1:
            raise ValueError(f"baseline.significance is {self.significance}, expected a probability, such as 0.05.")
        if self.instances < 2:
            raise ValueError(f"baseline.instances is {self.instances}, expected at least 2 to test a mean.")
        if not 0 <= self.decay < 1:
            raise ValueError(f"baseline.decay is {self.decay}, expected 0 or more and less than 1.")

    @property
    def tours(self) -> int:
        """One."""
        return 1

    @property
    def starts(self) -> Begin:
        """The policy says where."""
        return Begin.CHOSEN

    def build(self, policy: AnyPolicy) -> Judge:
        """With a copy of the policy."""
        return Incumbent(policy, self)


class Judge(nn.Module, ABC):
    """Knows what lengths are compared with; its state is saved with the policy's."""

    @abstractmethod
    def forward(self, batch: RouteBatch, lengths: Float[Tensor, "batch tours"]) -> Expected:
        """The baseline of every tour."""

    @abstractmethod
    def challenges(self) -> range:
        """Numbers of the instances that decide next whether a policy takes its place; none where none ever does."""

    @abstractmethod
    def challenge(self, policy: AnyPolicy, batches: list[RouteBatch]) -> None:
        """Let a policy take its place if it is better on these instances."""


class MeanOfAll(Judge):
    """The mean of an instance's tours."""

    def forward(self, batch: RouteBatch, lengths: Float[Tensor, "batch tours"]) -> Float[Tensor, "batch 1"]:
        """The same for each of them."""
        return lengths.mean(1, keepdim=True)

    def challenges(self) -> range:
        """None."""
        return range(0)

    def challenge(self, policy: AnyPolicy, batches: list[RouteBatch]) -> None:
        """Nothing takes the place of a mean."""


class Incumbent(Judge):
    """The best policy so far, and the moving average that stands in for it at first.

    Args:
        policy: the first; it is copied.
        settings: of average and test.
    """

    average: Tensor
    tests: Tensor

    def __init__(self, policy: AnyPolicy, settings: Rollout) -> None:
        super().__init__()
        self.settings = settings
        self.best = copy.deepcopy(policy).requires_grad_(False)
        self.register_buffer("average", torch.tensor(math.nan))
        self.register_buffer("tests", torch.tensor(0))

    def forward(self, batch: RouteBatch, lengths: Float[Tensor, "batch tours"]) -> Expected:
        """The best policy's greedy lengths, or the moving average, this batch included."""
        if int(self.tests):
            return self._greedy(self.best, batch)
        mean, decay = lengths.detach().mean(), self.settings.decay
        kept = torch.where(self.average.isnan(), mean, self.average)
        self.average.copy_(decay * kept + (1 - decay) * mean)
        return self.average.expand(len(lengths), 1)

    def challenges(self) -> range:
        """Others at every test."""
        count, first = self.settings.instances, int(self.tests) * self.settings.instances
        return range(first, first + count)

    def challenge(self, policy: AnyPolicy, batches: list[RouteBatch]) -> None:
        """Replace the best policy at the first test, and then if the other is significantly better."""
        gains = torch.cat([self._greedy(self.best, one) - self._greedy(policy, one) for one in batches])
        if not int(self.tests) or better(gains.flatten(), self.settings.significance):
            self.best.load_state_dict(policy.state_dict())
        self.tests += 1

    def _greedy(self, policy: AnyPolicy, batch: RouteBatch) -> Tensor:
        training = policy.training
        policy.eval()
        with torch.no_grad():
            places = policy.read(batch.points, batch.demands)
            found = roll(policy, places, batch, begin=Begin.CHOSEN, pick=Pick.GREEDY)
        policy.train(training)
        return found.lengths


def better(gains: Float[Tensor, " instances"], significance: float) -> bool:
    """Whether a mean gain is above 0 by a one-sided paired test.

    t = mean / (s / sqrt(n)),   better where P(T >= t) < significance

    T is taken as normal, which for the hundreds of instances that decide differs from Student's in the third digit.

    Args:
        gains: of one over the other, an instance each.
        significance: the probability of an error that is allowed.

    Raises:
        ValueError: there are fewer than two gains.

    Example:
        >>> better(torch.tensor([1.0, 2.0, 3.0]), 0.05), better(torch.tensor([-1.0, 2.0, -3.0]), 0.05)
        (True, False)

    Source: Kool, van Hoof and Welling 2019, section 4.
    """
    if len(gains) < 2:
        raise ValueError(f"gains has {len(gains)} numbers, expected at least 2 to test their mean.")
    mean, spread = float(gains.double().mean()), float(gains.double().std())
    if spread == 0:
        return mean > 0
    return 0.5 * math.erfc(mean / (spread / math.sqrt(len(gains))) / math.sqrt(2)) < significance


class Contest(nn.Module):
    """A policy and what its tours are compared with, so that both are saved and resumed together."""

    def __init__(self, policy: AnyPolicy, judge: Judge) -> None:
        super().__init__()
        self.policy, self.judge = policy, judge
