"""A second network that knows the answer proposes where to look."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from regard.attention.estimators.baselines import Baseline, NoBaseline
from regard.attention.estimators.estimator import Choice, Estimator, check_samples
from regard.attention.estimators.reinforce import Reinforce
from regard.attention.scores.score import Score


@dataclass(frozen=True, eq=False)
class Variational(Estimator):
    """Sample a key from an inference network q; learn from the evidence lower bound.

    ELBO = E_q[log p(y | z)] - KL(q(z) || p(z)),   q = softmax(score(query, key))

    p is what `choose` is asked for. The gradient of the first term is by chance (Reinforce), that of the divergence
    exact. The bound is tight where q is the posterior.

    Args:
        query: what the inference network asks, (..., Tq, any): it may know the answer y.
        score: how well that matches the keys.
        baseline: see Reinforce.
        samples: choices for every query, along a new first axis.

    Raises:
        ValueError: samples is below 1.

    Example:
        >>> import regard as rg, torch
        >>> estimator = rg.Variational(torch.randn(1, 3), rg.Dot())
        >>> choice = rg.choose(torch.zeros(1, 3), torch.randn(5, 3), torch.randn(5, 4), estimator=estimator)
        >>> estimator.elbo(choice, torch.zeros(1)) <= 0
        tensor([True])

    Source: Deng et al. 2018, equations 3 and 4.
    """

    query: Float[Tensor, "*batch queries size"]
    score: Score
    baseline: Baseline = field(default_factory=NoBaseline)
    samples: int = 1

    def __post_init__(self) -> None:
        check_samples(self.samples)

    def weights(self, scores: Tensor, noisy: Tensor) -> Tensor | None:
        return None

    def elbo(self, choice: Choice, log_likelihood: Tensor) -> Tensor:
        """The bound, from log p(y | z) of every choice."""
        assert choice.divergence is not None
        return log_likelihood - choice.divergence

    def surrogate(self, choice: Choice, log_likelihood: Tensor, told: Tensor | None = None) -> Tensor:
        """A loss for every choice whose gradient is that of minus the bound.

        Raises:
            ValueError: shapes do not fit; the baseline misses what it has to be told.
        """
        assert choice.divergence is not None
        return Reinforce(self.baseline).surrogate(choice, log_likelihood, told) + choice.divergence
