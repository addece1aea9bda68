"""Every choice tried, each with its probability: exact."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regard.attention.estimators.estimator import Choice, Estimator


@dataclass(frozen=True)
class Marginal(Estimator):
    """All keys, one after the other along a new first axis, with their log-probabilities.

    E[r] = sum_j p_j r_j,   log p(y) = log sum_j p_j p(y | z = j)

    There is no chance and no variance; what follows has to be worked out for each key, which costs as many times as
    much. A key that may not be seen has log-probability -inf.

    Example:
        >>> import regard as rg, torch
        >>> choice = rg.choose(torch.zeros(1, 3), torch.randn(5, 3), torch.randn(5, 4), estimator=rg.Marginal())
        >>> choice.context.shape, choice.log_prob.exp().sum(0)
        (torch.Size([5, 1, 4]), tensor([1.0000]))

    Source: Deng et al. 2018, equation 2 (latent alignment, exact).
    """

    def weights(self, scores: Tensor, noisy: Tensor) -> Tensor | None:
        return None

    def surrogate(self, choice: Choice, reward: Tensor) -> Tensor:
        """Minus the expected reward, exactly; the reward is (keys, ..., queries)."""
        probability = choice.log_prob.exp()
        return -(probability * torch.where(probability > 0, reward, 0)).sum(0)

    def log_likelihood(self, choice: Choice, log_likelihood: Tensor) -> Tensor:
        """Logarithm of the likelihood with the choice summed out; the given one is (keys, ..., queries)."""
        return (choice.log_prob + log_likelihood).logsumexp(0)
