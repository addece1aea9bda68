"""Gating: every key is let in by itself."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from regard.attention.native.terms import Rule, Weights
from regard.attention.space import Space
from regard.attention.weighings.weighing import Elementwise


@dataclass(frozen=True)
class Sigmoid(Elementwise):
    """Let every key in as far as its own score says, whatever the others have.

    w_j = 1 / (1 + exp(-s_j))

    A row need not sum to one: it may let in everything or nothing.

    Example:
        >>> import regard as rg, torch
        >>> rg.Sigmoid().exact(torch.tensor([0.0, 100.0, -100.0]))
        tensor([0.5000, 1.0000, 0.0000])

    Source: Chorowski et al. 2015, section 2.3 (sigmoid in place of exp); Kim et al. 2017, section 3.
    """

    def map(self, scores: Tensor) -> Tensor:
        return scores.sigmoid()

    def rule(self, space: Space) -> Rule:
        return Rule(Weights.SIGMOID)
