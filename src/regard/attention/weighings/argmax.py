"""The winner takes all."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from regard.attention.native.terms import Rule, Weights
from regard.attention.space import Space
from regard.attention.weighings.straight_through import one_hot, straight_through
from regard.attention.weighings.weighing import Weighing


@dataclass(frozen=True)
class Argmax(Weighing):
    """Weight 1 for the highest score, 0 for all others; the gradient is that of softmax (straight-through).

    w_j = 1[j = argmax s],   ds = p * (dw - sum(p * dw)),   p = softmax(s)

    Of equal scores the earliest key wins. The gradient is biased: it is not that of what was computed.

    Example:
        >>> import regard as rg, torch
        >>> rg.Argmax().exact(torch.tensor([1.0, 3.0, 3.0]))
        tensor([0., 1., 0.])

    Source: hard attention: Xu et al. 2015, section 4.1; straight-through: Bengio, Leonard and Courville 2013.
    """

    def exact(self, scores: Tensor) -> Tensor:
        return straight_through(one_hot(scores.argmax(-1, keepdim=True), scores), scores.softmax(-1))

    def normalise(self, scores: Tensor) -> Tensor:
        return self.exact(scores)

    def rule(self, space: Space) -> Rule:
        return Rule(Weights.ARGMAX)
