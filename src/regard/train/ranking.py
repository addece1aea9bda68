"""How far ahead the right one stands: ranks among all candidates, some of them, or all but those left out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.train.metrics import Metric


def ranks(
    scores: Float[Tensor, "rows items"],
    targets: Int[Tensor, " rows"],
    left_out: Bool[Tensor, "rows items"] | None = None,
) -> Int[Tensor, " rows"]:
    """The place of each row's target among all items, counted from 1.

    rank = 1 + |{v : v is a candidate, v is not the target, not s_v < s_target}|

    What scores the same as the target, or is no number, stands before it: who scores all alike finds nothing.

    Args:
        scores: higher is better.
        targets: the right item of each row.
        left_out: items that are no candidates (the filtered ranking); the target always is one. None leaves out none.

    Raises:
        ValueError: shapes do not fit, or a target is no item.

    Example:
        >>> scores = torch.tensor([[3.0, 2.0, 1.0, 2.0]])
        >>> ranks(scores, torch.tensor([1])), ranks(scores, torch.tensor([1]), scores == 3)
        (tensor([3]), tensor([2]))

    Source: the protocols are named by Krichene and Rendle 2020, section 2.
    """
    _check(scores, targets, left_out)
    wanted = targets[:, None]
    ahead = ~(scores < scores.gather(1, wanted))
    if left_out is not None:
        ahead &= ~left_out
    return 1 + ahead.scatter(1, wanted, False).sum(1)


def sampled_ranks(
    scores: Float[Tensor, "rows items"], targets: Int[Tensor, " rows"], negatives: Int[Tensor, "rows sampled"]
) -> Int[Tensor, " rows"]:
    """The place of each row's target among itself and a few sampled items, counted from 1; see `ranks`.

    A sampled ranking is much easier than a full one and may order models otherwise, so its metrics must be called so.

    Raises:
        ValueError: shapes do not fit, or a target is no item.

    Example:
        >>> sampled_ranks(torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([1]), torch.tensor([[2]]))
        tensor([1])

    Source: Krichene and Rendle 2020, section 3.
    """
    _check(scores, targets)
    if negatives.dim() != 2 or len(negatives) != len(scores):
        raise ValueError(f"negatives has shape {tuple(negatives.shape)}, expected ({len(scores)}, sampled).")
    chosen = torch.cat((targets[:, None], negatives), dim=1)
    return ranks(scores.gather(1, chosen), torch.zeros_like(targets))


def draw_negatives(
    count: int, never: Bool[Tensor, "rows items"], generator: torch.Generator
) -> Int[Tensor, "rows sampled"]:
    """Different items for each row, all as probable, but for those that are never drawn.

    Args:
        count: how many for each row.
        never: what is no negative of a row: what its user took, its target, and numbers that are no items.
        generator: what decides.

    Raises:
        ValueError: a row has fewer left than are to be drawn.
    """
    left = int((~never).sum(1).min())
    if left < count:
        raise ValueError(f"count is {count}, but a row has {left} items that may be drawn; draw fewer.")
    return (~never).double().multinomial(count, replacement=False, generator=generator)


def hit_rate(found: Int[Tensor, " rows"], most: int) -> float:
    """The share of targets among the first `most`; recall, as each row has one.

    Example:
        >>> hit_rate(torch.tensor([1, 11]), 10)
        0.5
    """
    return float((found <= most).double().mean())


def ndcg(found: Int[Tensor, " rows"], most: int) -> float:
    """Normalised discounted cumulative gain of one target a row: mean of 1 / log2(1 + rank), 0 behind `most`.

    Example:
        >>> ndcg(torch.tensor([1, 3, 11]), 10)
        0.5

    Source: Jarvelin and Kekalainen 2002, with one relevant item.
    """
    gain = 1 / (1 + found.double()).log2()
    return float(gain.where(found <= most, 0.0).mean())


def mean_reciprocal(found: Int[Tensor, " rows"]) -> float:
    """Mean of 1 / rank over the whole ranking.

    Example:
        >>> mean_reciprocal(torch.tensor([1, 4]))
        0.625
    """
    return float((1 / found.double()).mean())


def ranking_metrics(found: Int[Tensor, " rows"], protocol: str, before: str = "", most: int = 10) -> list[Metric]:
    """NDCG and hit rate of the first `most`, and mean reciprocal rank; `before` stands before their names."""
    values = ((f"NDCG@{most}", ndcg(found, most)), (f"HR@{most}", hit_rate(found, most)))
    named: Sequence[tuple[str, float]] = (*values, ("MRR", mean_reciprocal(found)))
    return [Metric(f"{before}{name}", value, protocol, digits=4) for name, value in named]


def _check(scores: Tensor, targets: Tensor, left_out: Tensor | None = None) -> None:
    if scores.dim() != 2 or targets.shape != scores.shape[:1]:
        raise ValueError(
            f"scores has shape {tuple(scores.shape)} and targets {tuple(targets.shape)}, expected (rows, items) and "
            "(rows,)."
        )
    if left_out is not None and left_out.shape != scores.shape:
        raise ValueError(
            f"left_out has shape {tuple(left_out.shape)}, expected that of scores: {tuple(scores.shape)}."
        )
    if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < scores.shape[1]:
        raise ValueError(f"targets has numbers outside of 0 to {scores.shape[1] - 1}; expected numbers of items.")
