"""Whether large weights stand where they matter: leaving keys out one by one, and dealing weights out anew."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from regard.look.faithfulness import Answer, Reading, check_weights, order_of


@dataclass(frozen=True)
class Agreement:
    """How well an order of keys agrees with what leaving each of them out does.

    tau: Kendall's tau-b of weights and effects. ceiling: that of gradients and effects, which no explanation is
    expected to surpass; None without gradients. top: what part of the largest few both have in common.
    """

    tau: float
    ceiling: float | None
    top: float


def leave_one_out(
    weights: Float[Tensor, " keys"],
    answer: Answer,
    *,
    gradient: Float[Tensor, " keys"] | None = None,
    most: int = 5,
) -> Agreement:
    """Whether keys of large weights are those without which the answer changes.

    effect_j = half the sum over outcomes of |p - p without key j|

    tau alone is swamped by the many weights near 0, so the agreement of the largest few is told beside it, and the
    agreement of the gradient as a ceiling.

    Args:
        weights: one number for each key.
        answer: what the model answers where only some keys are left.
        gradient: for each key, how steeply the answer changes with it; its size counts.
        most: how many of the largest are compared.

    Raises:
        ValueError: weights has more than one axis or a negative number; gradient has another shape.

    Source: Jain and Wallace 2019, section 4.1; ceiling: Wiegreffe and Pinter 2019.
    """
    check_weights(weights)
    if gradient is not None and gradient.shape != weights.shape:
        raise ValueError(
            f"gradient has shape {tuple(gradient.shape)} and weights {tuple(weights.shape)}; expected one number for "
            "each key."
        )
    effect = effects(len(weights), answer)
    count = min(most, len(weights))
    common = set(order_of(weights)[:count].tolist()) & set(order_of(effect)[:count].tolist())
    ceiling = None if gradient is None else kendall(gradient.abs(), effect)
    return Agreement(kendall(weights, effect), ceiling, len(common) / count)


def effects(keys: int, answer: Answer) -> Float[Tensor, " keys"]:
    """Total variation between the answer and that without each key."""
    whole = torch.ones(keys, dtype=torch.bool)
    plain = answer(whole)
    changed = []
    for key in range(keys):
        left = whole.clone()
        left[key] = False
        changed.append((answer(left) - plain).abs().sum() / 2)
    return torch.stack(changed)


@dataclass(frozen=True)
class Permuted:
    """What becomes of an answer when weights are dealt out to other keys.

    median: of the total variation over the shuffles; near 0, it does not matter which key has which weight. largest:
    the largest weight, beside which the median is read.
    """

    median: float
    largest: float


def permutation(weights: Float[Tensor, " keys"], read: Reading, *, shuffles: int = 100, seed: int = 0) -> Permuted:
    """Deal the weights out to other keys and see whether the answer changes.

    It says something only of the attention whose weights `read` takes: of one head of one layer, the other heads
    and layers may make up for it.

    Raises:
        ValueError: weights has more than one axis or a negative number; shuffles is not positive.

    Source: Jain and Wallace 2019, section 4.2.1.
    """
    check_weights(weights)
    if shuffles < 1:
        raise ValueError(f"shuffles is {shuffles}, expected a positive number.")
    generator = torch.Generator().manual_seed(seed)
    plain = read(weights)
    orders = (torch.randperm(len(weights), generator=generator) for _ in range(shuffles))
    changed = torch.stack([(read(weights[order]) - plain).abs().sum() / 2 for order in orders])
    return Permuted(float(changed.median()), float(weights.max()))


def kendall(left: Float[Tensor, " numbers"], right: Float[Tensor, " numbers"]) -> float:
    """Kendall's tau-b: agreement of two orders, ties taken into account; 0 where one is all ties.

    Example:
        >>> import torch
        >>> from regard.look.faithfulness_orders import kendall
        >>> kendall(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 3.0, 2.0]))
        0.3333333333333333

    Source: Kendall 1945.
    """
    concordant = left_pairs = right_pairs = 0.0
    # One row of pairs at a time: all of them would be T x T numbers.
    for place in range(len(left) - 1):
        first, second = (left[place] - left[place + 1 :]).sign(), (right[place] - right[place + 1 :]).sign()
        concordant += float((first * second).sum())
        left_pairs += float(first.abs().sum())
        right_pairs += float(second.abs().sum())
    return 0.0 if not left_pairs or not right_pairs else concordant / (left_pairs * right_pairs) ** 0.5
