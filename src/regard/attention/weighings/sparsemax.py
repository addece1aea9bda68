"""Sparsemax: weights that can be exactly zero."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regard.attention.native.terms import Rule, Weights
from regard.attention.space import Space
from regard.attention.weighings.entmax import threshold
from regard.attention.weighings.weighing import RowNormalised


@dataclass(frozen=True)
class Sparsemax(RowNormalised):
    """The point of the simplex nearest to the scores; low scores get weight exactly 0.

    w = argmin_p ||p - s||^2 = [s - tau]_+ ,   tau such that sum w = 1,   u = 1 where w > 0

    Example:
        >>> import regard as rg, torch
        >>> rg.Sparsemax().exact(torch.tensor([0.5, 0.0, -1.0]))
        tensor([0.7500, 0.2500, 0.0000])

    Source: Martins and Astudillo 2016, propositions 1 and 2.
    """

    def exact(self, scores: Tensor) -> Tensor:
        wide = scores if scores.dtype == torch.float64 else scores.float()
        ordered = wide.sort(-1, descending=True).values
        # Sums start from the highest score, so a row of very low scores keeps its precision.
        lifted = ordered - ordered[..., :1]
        sums = lifted.cumsum(-1) - 1
        count = torch.arange(1, scores.shape[-1] + 1, device=scores.device, dtype=wide.dtype)
        support = (lifted * count > sums).sum(-1, keepdim=True)
        tau = sums.gather(-1, support - 1) / support
        return (wide - ordered[..., :1] - tau).clamp(min=0).to(scores.dtype)

    def solve(self, scores: Tensor) -> Tensor:
        return threshold(scores, 2.0)

    def rule(self, space: Space) -> Rule:
        return Rule(Weights.ENTMAX, alpha=2.0)

    def map(self, scores: Tensor, tau: Tensor) -> Tensor:
        return (scores - tau).clamp(min=0).to(scores.dtype)

    def slope(self, weights: Tensor) -> Tensor:
        return (weights > 0).to(weights.dtype)
