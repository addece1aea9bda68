"""Learning by trial: the score-function gradient."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from regard.attention.estimators.baselines import Baseline, NoBaseline
from regard.attention.estimators.estimator import Choice, Estimator, check_samples
from regard.attention.weighings.gumbel import Gumbel
from regard.attention.weighings.weighing import Weighing


@dataclass(frozen=True)
class Reinforce(Estimator):
    """Sample a key; learn by how much better its reward was than the baseline.

    grad E[r]  =  E[ grad r + (r - b) grad log p(z) ]

    Unbiased for every baseline that does not depend on the choice.

    Args:
        baseline: b: NoBaseline, MovingAverage, LearnedBaseline, LeaveOneOut or Rollout.
        entropy: how much the entropy of the distribution is worth, added to the reward.
        samples: choices for every query, along a new first axis.

    Raises:
        ValueError: samples is below 1.

    Example:
        >>> import regard as rg, torch
        >>> estimator = rg.Reinforce(rg.MovingAverage())
        >>> query = torch.zeros(2, 1, 3, requires_grad=True)
        >>> choice = rg.choose(query, torch.randn(2, 5, 3), torch.randn(2, 5, 4), estimator=estimator)
        >>> reward = choice.context.sum((-1, -2))  # one for each of the batch
        >>> estimator.surrogate(choice, reward).mean().backward()

    Source: Williams 1992; Xu et al. 2015, section 4.1 and equation 11.
    """

    baseline: Baseline = field(default_factory=NoBaseline)
    entropy: float = 0.0
    samples: int = 1

    def __post_init__(self) -> None:
        check_samples(self.samples)

    def winner(self, seed: Tensor) -> Weighing | None:
        return Gumbel(hard=True, seed=seed)

    def weights(self, scores: Tensor, noisy: Tensor) -> Tensor | None:
        return None

    def surrogate(self, choice: Choice, reward: Tensor, told: Tensor | None = None) -> Tensor:
        """A loss for every reward whose gradient is the estimator's, negated; its value means nothing.

        The reward has the first axes of `choice.log_prob`; log-probabilities are summed over the others. A reward
        that can be differentiated passes its own gradient on.

        Args:
            choice: what was chosen.
            reward: how good it was, higher is better.
            told: what the baseline is told: features (LearnedBaseline), or the greedy choice's reward (Rollout).

        Raises:
            ValueError: shapes do not fit; the baseline misses what it has to be told.
        """
        advantage = reward.detach() - self.baseline.value(reward.detach(), told)
        loss = self.baseline.loss(reward, told) - reward - advantage * choice.of_reward(reward)
        if self.entropy == 0:
            return loss
        entropy = choice.entropy if self.samples == 1 else choice.entropy.expand_as(choice.log_prob)
        bonus = entropy.flatten(reward.dim()).sum(-1) if reward.dim() < entropy.dim() else entropy
        return loss - self.entropy * bonus
