"""What a reward is compared with, so that the gradient by chance is less noisy and no more biased."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Baseline(ABC):
    """A number that does not depend on the choice, taken from the reward."""

    @abstractmethod
    def value(self, reward: Tensor, told: Tensor | None) -> Tensor:
        """The baseline of every reward; `told` is what the caller gives to `surrogate`."""

    def loss(self, reward: Tensor, told: Tensor | None) -> Tensor:
        """What the baseline itself learns from, for every reward; 0 where it learns nothing."""
        return torch.zeros_like(reward)


@dataclass(frozen=True)
class NoBaseline(Baseline):
    """No baseline: the reward as it is.

    Example:
        >>> import torch
        >>> NoBaseline().value(torch.ones(2), None)
        tensor([0., 0.])

    Source: Williams 1992.
    """

    def value(self, reward: Tensor, told: Tensor | None) -> Tensor:
        return torch.zeros_like(reward)


class MovingAverage(nn.Module, Baseline):
    """A moving average of the rewards before.

    b <- decay b + (1 - decay) mean(reward)

    The first reward is compared with 0. The average is a buffer, so it is saved with a model that owns it, and it
    moves in training mode only.

    Args:
        decay: of the average, at least 0 and below 1.

    Raises:
        ValueError: decay is outside of its range.

    Example:
        >>> import torch
        >>> baseline = MovingAverage(0.9)
        >>> [round(baseline.value(torch.tensor([1.0]), None).item(), 2) for _ in range(3)]
        [0.0, 0.1, 0.19]

    Source: Xu et al. 2015, section 4.1.
    """

    mean: Tensor

    def __init__(self, decay: float = 0.9) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}, expected at least 0 and below 1.")
        self.decay = decay
        self.register_buffer("mean", torch.zeros(()))

    def value(self, reward: Tensor, told: Tensor | None) -> Tensor:
        before = self.mean.to(reward.dtype).expand_as(reward).clone()
        if self.training:
            self.mean.lerp_(reward.detach().mean().to(self.mean.dtype), 1 - self.decay)
        return before


class LearnedBaseline(nn.Module, Baseline):
    """A prediction of the reward from what was known before the choice.

    b = w . told + c,   learned by (b - reward)^2

    Args:
        size: size of what is told, the last axis of `told`.

    Raises:
        ValueError: `told` is missing or has another shape.

    Example:
        >>> import torch
        >>> LearnedBaseline(3).value(torch.ones(2), torch.zeros(2, 3)).shape
        torch.Size([2])

    Source: Mnih et al. 2014, section 3.1 (the baseline of glimpses).
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, 1)

    def value(self, reward: Tensor, told: Tensor | None) -> Tensor:
        return self._predicted(reward, told).detach()

    def loss(self, reward: Tensor, told: Tensor | None) -> Tensor:
        return (self._predicted(reward, told) - reward.detach()).square()

    def _predicted(self, reward: Tensor, told: Tensor | None) -> Tensor:
        wanted = (*reward.shape, self.linear.in_features)
        if told is None or tuple(told.shape) != wanted:
            have = None if told is None else tuple(told.shape)
            raise ValueError(f"told has shape {have}, expected {wanted}: what the baseline may know of each reward.")
        return self.linear(told.detach()).squeeze(-1)


@dataclass(frozen=True)
class LeaveOneOut(Baseline):
    """The mean reward of the other samples of the same choice.

    b_k = sum_(l != k) reward_l / (K - 1)

    Raises:
        ValueError: there are fewer than two samples along the first axis.

    Example:
        >>> import torch
        >>> LeaveOneOut().value(torch.tensor([[1.0], [2.0], [6.0]]), None).flatten()
        tensor([4.0000, 3.5000, 1.5000])

    Source: Kool, van Hoof and Welling 2019 (REINFORCE leave-one-out).
    """

    def value(self, reward: Tensor, told: Tensor | None) -> Tensor:
        if reward.dim() == 0 or len(reward) < 2:
            raise ValueError(
                f"reward has shape {tuple(reward.shape)}; LeaveOneOut compares samples along the first axis and "
                "needs at least two: Reinforce(LeaveOneOut(), samples=2)."
            )
        return (reward.sum(0, keepdim=True) - reward) / (len(reward) - 1)


@dataclass(frozen=True)
class Rollout(Baseline):
    """The reward that the most probable choice would have had, which the caller finds out and tells.

    Raises:
        ValueError: `told` is missing or does not broadcast to the reward.

    Example:
        >>> import torch
        >>> Rollout().value(torch.ones(2), torch.tensor([0.5, 0.25]))
        tensor([0.5000, 0.2500])

    Source: Kool, van Hoof and Welling 2019, section 4 (rollout baseline); Rennie et al. 2017 (self-critical).
    """

    def value(self, reward: Tensor, told: Float[Tensor, ...] | None) -> Tensor:
        if told is None:
            raise ValueError(
                "told is None; Rollout needs the reward of the most probable choice: choose with Greedy()."
            )
        return told.detach().expand_as(reward)
