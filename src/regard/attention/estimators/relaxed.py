"""Choices that gradients pass through, by paying with bias."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from regard.attention.estimators.estimator import Estimator
from regard.attention.weighings.argmax import Argmax
from regard.attention.weighings.straight_through import one_hot, straight_through
from regard.attention.weighings.weighing import Weighing


@dataclass(frozen=True)
class StraightThrough(Estimator):
    """Sample a key; differentiate as if all had been read by softmax.

    context = value_z,   d context = d sum_j softmax(s)_j value_j

    Biased: exact where what follows is linear in the context, wrong by the curvature elsewhere.

    Example:
        >>> import regard as rg, torch
        >>> key, value = torch.randn(5, 3), torch.randn(5, 4)
        >>> choice = rg.choose(torch.zeros(1, 3), key, value, estimator=rg.StraightThrough())
        >>> bool((choice.context == value[choice.index]).all())
        True

    Source: Bengio, Leonard and Courville 2013, section 4.
    """

    def weights(self, scores: Tensor, noisy: Tensor) -> Tensor:
        soft = scores.softmax(-1)
        return straight_through(one_hot(noisy.argmax(-1, keepdim=True), soft), soft)


@dataclass(frozen=True)
class GumbelSoftmax(Estimator):
    """A relaxed sample: softmax of scores with noise, sharp as the temperature falls.

    w = softmax((s + g) / T),   g standard Gumbel noise

    Its gradient is that of the relaxed problem, which is not the problem with one key; small T makes them alike and
    the gradient noisy.

    Args:
        temperature: T, positive.
        hard: whether the value of the sampled key is read, with the relaxed gradient (straight-through).

    Raises:
        ValueError: temperature is not positive.

    Example:
        >>> import regard as rg, torch
        >>> estimator = rg.GumbelSoftmax(temperature=0.5)
        >>> rg.choose(torch.zeros(1, 3), torch.randn(5, 3), torch.randn(5, 4), estimator=estimator).context.shape
        torch.Size([1, 4])

    Source: Jang, Gu and Poole 2017, equation 2; Maddison, Mnih and Teh 2017.
    """

    temperature: float = 1.0
    hard: bool = False

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature is {self.temperature}, expected a positive number.")

    def weights(self, scores: Tensor, noisy: Tensor) -> Tensor:
        soft = (noisy / self.temperature).softmax(-1)
        return straight_through(one_hot(noisy.argmax(-1, keepdim=True), soft), soft) if self.hard else soft


@dataclass(frozen=True)
class Greedy(Estimator):
    """The most probable key, without chance: for use after training, and for the baseline Rollout.

    Example:
        >>> import regard as rg, torch
        >>> key = torch.tensor([[0.0], [2.0], [1.0]])
        >>> rg.choose(torch.ones(1, 1), key, key, estimator=rg.Greedy()).index
        tensor([1])

    Source: Xu et al. 2015, section 4.1 (the hard choice).
    """

    @property
    def draws(self) -> bool:
        return False

    def winner(self, seed: Tensor) -> Weighing | None:
        return Argmax()

    def weights(self, scores: Tensor, noisy: Tensor) -> Tensor | None:
        return None
