"""Whether a difference is more than chance: paired sign flips, bootstrap intervals, and several tests at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

# Up to so many pairs every flip is tried; beyond, flips are drawn.
_EXACT = 12


@dataclass(frozen=True)
class Interval:
    """A mean and the interval that holds it with the wanted confidence."""

    mean: float
    low: float
    high: float


def sign_flip(differences: Float[Tensor, " pairs"], *, draws: int = 9999, seed: int = 0) -> float:
    """How often chance alone gives a mean difference as far from 0: the two-sided paired sign-flip test.

    p = P(|mean(sign * difference)| >= |mean(difference)|),   sign = +1 or -1 with equal chance

    Up to 12 pairs all flips are tried; beyond, `draws` are drawn and the observed one is counted among them, so that
    the test stays valid. Pairs that are equal count as they are.

    Args:
        differences: of each pair.
        draws: flips that are drawn.
        seed: of the draws.

    Raises:
        ValueError: there is no pair, or draws is not positive.

    Example:
        >>> import torch
        >>> from regard.look.significance import sign_flip
        >>> sign_flip(torch.tensor([1.0, 2.0, 3.0]))
        0.25

    Source: Fisher 1935, section 21; adding the observed one: Phipson and Smyth 2010.
    """
    count = len(differences)
    if not count or draws < 1:
        raise ValueError(f"differences has {count} pairs and draws is {draws}; expected at least one of both.")
    wide = differences.double()
    observed = wide.mean().abs()
    if count <= _EXACT:
        flips = (torch.arange(1 << count)[:, None] >> torch.arange(count) & 1).double() * 2 - 1
        extra = 0
    else:
        generator = torch.Generator().manual_seed(seed)
        flips = torch.randint(0, 2, (draws, count), generator=generator).double() * 2 - 1
        extra = 1
    means = (flips @ wide / count).abs()
    # Sums of the same numbers in another order differ in their last bits.
    as_far = int((means >= observed * (1 - 1e-12)).sum())
    return (as_far + extra) / (len(flips) + extra)


def bootstrap(
    values: Float[Tensor, " examples"], *, confidence: float = 0.95, draws: int = 9999, seed: int = 0
) -> Interval:
    """The mean of examples and a percentile bootstrap interval.

    low, high = quantiles (1 - confidence) / 2 and (1 + confidence) / 2 of means of examples drawn with replacement

    Raises:
        ValueError: there is no example; confidence is not between 0 and 1.

    Example:
        >>> import torch
        >>> from regard.look.significance import bootstrap
        >>> bootstrap(torch.tensor([2.0, 2.0]))
        Interval(mean=2.0, low=2.0, high=2.0)

    Source: Efron and Tibshirani 1993, chapter 13.
    """
    count = len(values)
    if not count or not 0 < confidence < 1:
        raise ValueError(
            f"values has {count} examples and confidence is {confidence}; expected at least one, and a number "
            "between 0 and 1."
        )
    wide = values.double()
    generator = torch.Generator().manual_seed(seed)
    means = torch.stack([wide[torch.randint(0, count, (count,), generator=generator)].mean() for _ in range(draws)])
    ends = torch.quantile(means, torch.tensor([(1 - confidence) / 2, (1 + confidence) / 2], dtype=torch.float64))
    return Interval(float(wide.mean()), float(ends[0]), float(ends[1]))


def holm(chances: Sequence[float]) -> list[float]:
    """Chances of several tests, raised so that none of them is too low by their number.

    adjusted_(k) = max_{j <= k} min(1, (m - j + 1) p_(j))   for p in rising order

    Raises:
        ValueError: one is no number from 0 to 1.

    Example:
        >>> from regard.look.significance import holm
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]

    Source: Holm 1979.
    """
    if any(not 0 <= chance <= 1 for chance in chances):
        raise ValueError(f"chances is {list(chances)}, expected numbers from 0 to 1.")
    adjusted, highest = [0.0] * len(chances), 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda each: chances[each])):
        highest = max(highest, min(1.0, (len(chances) - rank) * chances[place]))
        adjusted[place] = highest
    return adjusted
