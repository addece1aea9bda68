"""Every key is selected or not, independently of the others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from regard.attention.native.terms import Rule, Weights
from regard.attention.space import Space
from regard.attention.weighings.weighing import Elementwise


@dataclass(frozen=True)
class Bernoulli(Elementwise):
    """Weights are the probabilities that keys are selected, each by a coin of its own.

    p(z) = prod_j exp(s_j z_j) / (1 + exp(s_j)),   w_j = p(z_j = 1) = 1 / (1 + exp(-s_j))

    This is the structured attention without structure: as many keys as deserve it are looked at. The context is the
    expected sum of the selected values. What can be asked of the distribution takes scores (..., keys).

    Example:
        >>> import regard as rg, torch
        >>> rg.Bernoulli().exact(torch.tensor([0.5, -0.2, 1.0]))
        tensor([0.6225, 0.4502, 0.7311])

    Source: Kim, Denton, Hoang and Rush 2017, section 3.1 (binary latent variables without edges).
    """

    def map(self, scores: Tensor) -> Tensor:
        return scores.sigmoid()

    def rule(self, space: Space) -> Rule:
        return Rule(Weights.SIGMOID)

    def log_partition(self, scores: Tensor) -> Tensor:
        """Log Z = sum_j log(1 + exp(s_j)), (...)."""
        return softplus(scores).sum(-1)

    def entropy(self, scores: Tensor) -> Tensor:
        """Entropy of the selection in nats, (...)."""
        return (softplus(scores) - scores * scores.sigmoid()).sum(-1)

    def best(self, scores: Tensor) -> Tensor:
        """The most probable selection, booleans (..., keys); at even odds a key is left out."""
        return scores > 0

    def sample(self, scores: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A selection drawn from the distribution, booleans (..., keys)."""
        return torch.bernoulli(scores.detach().sigmoid(), generator=generator) > 0
