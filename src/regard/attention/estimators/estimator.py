"""What an estimator is: how a choice of one key is made, and how its gradient is had."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.weighings.weighing import Weighing


@dataclass(frozen=True)
class Choice:
    """One key for each query.

    context: the value that was looked at. index: its key; -1 where a query may see nothing. log_prob: logarithm of
    the probability of that key. entropy: of the distribution it was drawn from, in nats. divergence: Kullback and
    Leibler's, from that distribution to the prior, where an estimator has both.

    Several samples stand along a new first axis.
    """

    context: Float[Tensor, "*samples_batch queries value_size"]
    index: Int[Tensor, "*samples_batch queries"]
    log_prob: Float[Tensor, "*samples_batch queries"]
    entropy: Float[Tensor, "*batch queries"]
    divergence: Float[Tensor, "*batch queries"] | None = None

    def of_reward(self, reward: Tensor) -> Tensor:
        """log_prob summed over the axes that a reward has not, such as heads and queries.

        Raises:
            ValueError: the reward's axes are not the first ones of log_prob.
        """
        shape = tuple(self.log_prob.shape)
        if tuple(reward.shape) != shape[: reward.dim()]:
            raise ValueError(
                f"reward has shape {tuple(reward.shape)}, but log_prob has {shape}; give one reward for each choice, "
                "or for the first axes of them (samples, batch, ...)."
            )
        return self.log_prob.flatten(reward.dim()).sum(-1) if reward.dim() < len(shape) else self.log_prob


class Estimator(ABC):
    """How a key is chosen from softmax(scores), and what carries the gradient."""

    @property
    def samples(self) -> int:
        """Independent choices, along a new first axis where there are several."""
        return 1

    @property
    def draws(self) -> bool:
        """Whether chance chooses; else the most probable key is taken."""
        return True

    def winner(self, seed: Tensor) -> Weighing | None:
        """The weighing whose one key is the choice, where its value is read as it is and no gradient passes through.

        None where the context is read in another way.
        """
        return None

    @abstractmethod
    def weights(self, scores: Tensor, noisy: Tensor) -> Tensor | None:
        """Weights that the context is read with, from scores and scores with Gumbel noise, (..., rows, columns).

        None reads the value of the chosen key, and no gradient passes through the choice.
        """


def check_samples(samples: int) -> None:
    """Raise ValueError where a number of samples is none."""
    if samples < 1:
        raise ValueError(f"samples is {samples}, expected at least 1.")
