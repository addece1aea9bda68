"""How a search goes, as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


class Strategy:
    """How the next token is chosen."""


@dataclass(frozen=True)
class Greedy(Strategy):
    """The most probable token, always."""


@dataclass(frozen=True)
class Sample(Strategy):
    """A token drawn by its probability.

    Args:
        temperature: above 1 is bolder, below 1 more careful.
        top_k: only the k most probable tokens; 0 means all.
        top_p: only the most probable tokens that together have this probability (Holtzman et al. 2020).
        seed: decides every draw.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature <= 0 or self.top_k < 0 or not 0 < self.top_p <= 1:
            raise ValueError(
                f"temperature is {self.temperature}, top_k {self.top_k} and top_p {self.top_p}; expected a "
                "positive temperature, top_k of at least 0 and top_p above 0 and at most 1."
            )


@dataclass(frozen=True)
class Beam(Strategy):
    """The best of several hypotheses, grown side by side.

    score(y) = log p(y) / ((5 + |y|) / 6)^length_penalty,   |y| counting the end

    A source is done when `size` hypotheses have ended, or when none that grows could still be among its `n_best`.

    Args:
        size: hypotheses at a time.
        length_penalty: 0 ranks by probability, which prefers short targets; 1 is close to a mean over tokens.
        n_best: hypotheses to return, at most `size`; fewer come back where there are no more.

    Raises:
        ValueError: a number is out of its range.

    Example:
        >>> import torch
        >>> Beam(5, length_penalty=1.0).score(torch.tensor([-6.0]), 7)
        tensor([-3.])

    Source: length penalty: Wu et al. 2016, arXiv:1609.08144, equation 14.
    """

    size: int = 5
    length_penalty: float = 1.0
    n_best: int = 1

    def __post_init__(self) -> None:
        if self.size < 1 or not 1 <= self.n_best <= self.size:
            raise ValueError(f"size is {self.size} and n_best is {self.n_best}; expected n_best from 1 to size.")
        if self.length_penalty < 0:
            raise ValueError(f"length_penalty is {self.length_penalty}, expected 0 or more.")

    def score(self, log_prob: Tensor, length: Tensor | int) -> Tensor:
        """What a target of a log-probability and a length, end included, is ranked by."""
        return log_prob / ((5 + length) / 6) ** self.length_penalty


@dataclass(frozen=True)
class Limits:
    """What a target may be.

    Args:
        maximum: most tokens, the end not counted.
        minimum: fewest tokens.
        ratio: most tokens for each source token, with ten to spare; the smaller of this and `maximum` holds, but
            `minimum` before this one. A target that is full ends at the probability the model gives that.
        allowed: from prefixes (rows, written), begin not among them, to booleans (rows, vocabulary) that say which
            tokens may follow. The probabilities of those that may are not raised to sum to one.

    Raises:
        ValueError: a number is out of its range.
    """

    maximum: int = 200
    minimum: int = 0
    ratio: float = 3.0
    allowed: Callable[[Tensor], Tensor] | None = None

    def __post_init__(self) -> None:
        if self.ratio < 0:
            raise ValueError(f"ratio is {self.ratio}, expected 0 or more.")
        if not 0 <= self.minimum <= self.maximum or self.maximum < 1:
            raise ValueError(
                f"minimum is {self.minimum} and maximum is {self.maximum}; expected 0 <= minimum <= maximum and "
                "a maximum of at least 1."
            )
