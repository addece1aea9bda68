"""How far to trust weights as an explanation: what becomes of an output when what they point at is taken away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# Probabilities of the outcomes, told which keys are left: others are hidden from the model, or erased from weights.
Answer = Callable[[Bool[Tensor, " keys"]], Float[Tensor, " outcomes"]]
# Probabilities of the outcomes, told the weights to read with.
Reading = Callable[[Float[Tensor, " keys"]], Float[Tensor, " outcomes"]]
# Parts of the keys of which the effect of taking away is the mean: ERASER's.
SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class Effect:
    """How far the probability of the model's own answer falls, by the order in which keys are taken.

    by_weight: largest weights first. random: the mean of random orders. oracle: greedily, the key whose loss changes
    most, which is the best that an order found step by step can do. normalised: 0 is as good as random, 1 as good as
    the oracle; 0 where these are equal.
    """

    by_weight: float
    random: float
    oracle: float

    @property
    def normalised(self) -> float:
        """By weight, between random and oracle."""
        room = self.oracle - self.random
        return 0.0 if room == 0 else (self.by_weight - self.random) / room


def erased(weights: Float[Tensor, " keys"], read: Reading) -> Answer:
    """An answer of weights in which keys are set to 0 and the rest is normalised anew: the fairest way to take away.

    weight'_j = weight_j / sum of the weights that are left,   0 where none is

    The inputs stay those that the model knows; only what an attention reads of them changes.

    Raises:
        ValueError: weights has more than one axis or a negative number.

    Example:
        >>> import torch
        >>> from regard.look.faithfulness import erased
        >>> answer = erased(torch.tensor([0.6, 0.3, 0.1]), lambda weights: weights)
        >>> answer(torch.tensor([False, True, True]))
        tensor([0.0000, 0.7500, 0.2500])

    Source: Serrano and Smith 2019, section 3.
    """
    check_weights(weights)

    def answer(left: Tensor) -> Tensor:
        kept = weights * left
        total = kept.sum()
        return read(kept / total if float(total) > 0 else kept)

    return answer


def comprehensiveness(
    weights: Float[Tensor, " keys"],
    answer: Answer,
    *,
    shares: Sequence[float] = SHARES,
    orders: int = 20,
    seed: int = 0,
) -> Effect:
    """How far the answer's probability falls without the keys of the largest weights: high is faithful.

    mean over shares of  p(answer | all keys) - p(answer | without the share of keys that comes first in the order)

    Each share takes at least one key. The answer is that of all keys. Beside the order of the weights stand random
    orders and the greedy oracle, without which the number says little.

    Args:
        weights: one number for each key.
        answer: what the model answers where only some keys are left.
        shares: parts of the keys.
        orders: how many random orders.
        seed: of the random orders.

    Raises:
        ValueError: weights has more than one axis or a negative number; a share is not between 0 and 1.

    Example:
        >>> import torch
        >>> from regard.look.faithfulness import comprehensiveness, erased
        >>> weights = torch.tensor([0.7, 0.2, 0.1])
        >>> values = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
        >>> found = comprehensiveness(weights, erased(weights, lambda each: each @ values), shares=[0.3])
        >>> round(found.by_weight, 3), round(found.oracle, 3)
        (0.467, 0.467)

    Source: DeYoung et al. 2020, section 4 (comprehensiveness, AOPC).
    """
    return _effect(weights, answer, _takes(weights, shares), orders, seed, _Chosen(_without, max))


def sufficiency(
    weights: Float[Tensor, " keys"],
    answer: Answer,
    *,
    shares: Sequence[float] = SHARES,
    orders: int = 20,
    seed: int = 0,
) -> Effect:
    """How far the answer's probability falls with the keys of the largest weights alone: low is faithful.

    mean over shares of  p(answer | all keys) - p(answer | only the share of keys that comes first in the order)

    Arguments, bounds and errors are those of `comprehensiveness`; the oracle seeks the smallest fall.

    Source: DeYoung et al. 2020, section 4 (sufficiency, AOPC).
    """
    return _effect(weights, answer, _takes(weights, shares), orders, seed, _Chosen(_only, min))


@dataclass(frozen=True)
class Flip:
    """What part of the keys has to be erased until the answer changes; None where it never does."""

    by_weight: float | None
    random: float | None


def flips(weights: Float[Tensor, " keys"], answer: Answer, *, orders: int = 20, seed: int = 0) -> Flip:
    """What part of the keys has to go, largest weights first or at random, until the model decides otherwise.

    The random part is the median of the orders, those that never flip counted as longest.

    Raises:
        ValueError: weights has more than one axis or a negative number.

    Source: Serrano and Smith 2019, section 5.
    """
    check_weights(weights)
    generator = torch.Generator().manual_seed(seed)
    found = [_flip(torch.randperm(len(weights), generator=generator), answer) for _ in range(orders)]
    middle = sorted(found, key=lambda part: 2.0 if part is None else part)[(orders - 1) // 2]
    return Flip(_flip(order_of(weights), answer), middle)


def check_weights(weights: Tensor) -> None:
    if weights.dim() != 1 or not len(weights) or bool((weights < 0).any()):
        raise ValueError(
            f"weights has shape {tuple(weights.shape)}, expected one weight of at least 0 for each of some keys."
        )


def _takes(weights: Tensor, shares: Sequence[float]) -> list[int]:
    """How many keys each share is."""
    check_weights(weights)
    if not shares or any(not 0 < share < 1 for share in shares):
        raise ValueError(f"shares is {list(shares)}, expected parts of the keys between 0 and 1.")
    return [min(len(weights), max(1, round(share * len(weights)))) for share in shares]


def order_of(weights: Tensor) -> Int[Tensor, " keys"]:
    return weights.argsort(descending=True, stable=True)


def _flip(order: Tensor, answer: Answer) -> float | None:
    left = torch.ones(len(order), dtype=torch.bool)
    decided = int(answer(left).argmax())
    for count, key in enumerate(order.tolist()[:-1], 1):
        left[key] = False
        if int(answer(left).argmax()) != decided:
            return count / len(order)
    return None


@dataclass(frozen=True)
class _Chosen:
    """Which keys are left when some are chosen, and which of several falls the oracle seeks."""

    left: Callable[[Tensor, int], Tensor]
    best: Callable[[list[float]], float]


def _without(chosen: Tensor, keys: int) -> Tensor:
    return torch.ones(keys, dtype=torch.bool).index_fill_(0, chosen, False)


def _only(chosen: Tensor, keys: int) -> Tensor:
    return ~_without(chosen, keys)


def _effect(weights: Tensor, answer: Answer, takes: list[int], orders: int, seed: int, chosen: _Chosen) -> Effect:
    plain = answer(torch.ones(len(weights), dtype=torch.bool))
    decided = int(plain.argmax())

    def fall(keys: Tensor) -> float:
        return float(plain[decided] - answer(chosen.left(keys, len(weights)))[decided])

    def mean(order: Tensor) -> float:
        return sum(fall(order[:count]) for count in takes) / len(takes)

    generator = torch.Generator().manual_seed(seed)
    dealt = [mean(torch.randperm(len(weights), generator=generator)) for _ in range(orders)]
    best = _greedy(len(weights), fall, max(takes), chosen.best)
    return Effect(mean(order_of(weights)), sum(dealt) / max(1, len(dealt)), mean(best))


def _greedy(keys: int, fall: Callable[[Tensor], float], most: int, best: Callable[[list[float]], float]) -> Tensor:
    """The order in which each key is the best to choose next."""
    chosen: list[int] = []
    while len(chosen) < most:
        others = [key for key in range(keys) if key not in chosen]
        falls = [fall(torch.tensor([*chosen, key])) for key in others]
        chosen.append(others[falls.index(best(falls))])
    return torch.tensor(chosen)
