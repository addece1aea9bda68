"""Softmax over the few highest scores."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regard.attention.native.terms import Rule, Weights
from regard.attention.space import Space
from regard.attention.weighings.weighing import ByRow


@dataclass(frozen=True)
class TopK(ByRow):
    """Softmax over the k highest scores of a row; all others get weight exactly 0.

    w_j = exp(s_j) / sum_{i in top} exp(s_i)  for j in top,   u = w

    Just k keys are kept, or all where fewer may be seen: of equal scores, the earlier key goes first.

    Args:
        k: keys that are kept, at least 1.

    Raises:
        ValueError: k is below 1.

    Example:
        >>> import regard as rg, torch
        >>> rg.TopK(2).exact(torch.tensor([1.0, 2.0, 2.0, 2.0]))
        tensor([0.0000, 0.5000, 0.5000, 0.0000])

    Source: Zhao et al. 2019, arXiv:1912.11637, equation 7.
    """

    k: int

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is {self.k}, expected at least 1 key.")

    def exact(self, scores: Tensor) -> Tensor:
        order = scores.sort(dim=-1, descending=True, stable=True).indices
        kept = torch.zeros_like(scores, dtype=torch.bool).scatter(-1, order[..., : self.k], True)
        return scores.masked_fill(~kept, -torch.inf).softmax(-1)

    def weights(self, scores: Tensor) -> Tensor:
        if self.k >= scores.shape[-1]:
            return scores.softmax(-1)
        lowest = scores.topk(self.k, -1).values[..., -1:]
        above, equal = scores > lowest, scores == lowest
        room = self.k - above.sum(-1, keepdim=True)
        kept = above | (equal & (equal.cumsum(-1) <= room))
        return scores.masked_fill(~kept, -torch.inf).softmax(-1)

    def slope(self, weights: Tensor) -> Tensor:
        return weights

    def rule(self, space: Space) -> Rule:
        return Rule(Weights.TOP_K, most=min(self.k, space.keys))
