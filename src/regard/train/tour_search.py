"""Answers of a trained policy: greedy, sampled, from several beginnings and in several views; the shortest counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.data.route_batches import RouteBatch
from regard.models.policies import Policy, Seen
from regard.train.rollout import Begin, Pick, roll


@dataclass(frozen=True)
class Decoding:
    """How hard to look for a tour.

    Args:
        views: 1, or 8: the square is also turned and mirrored, which leaves lengths as they are.
        beginnings: places that tours begin at, or all where there are fewer; 0 means that the policy says where.
        samples: tours drawn by the probabilities from each beginning; 0 means the greedy one.

    Raises:
        ValueError: a number is negative.
    """

    views: Literal[1, 8] = 1
    beginnings: int = 1
    samples: int = 0

    def __post_init__(self) -> None:
        for name in ("beginnings", "samples"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more.")

    @property
    def begin(self) -> Begin:
        """Who says where tours begin."""
        return Begin.EACH if self.beginnings else Begin.CHOSEN

    def __str__(self) -> str:
        drawn = f"{self.samples} samples" if self.samples else "greedy"
        where = (
            f"{self.beginnings} beginning{'s' * (self.beginnings > 1)}" if self.beginnings else "its own beginning"
        )
        return f"{drawn}, {where}, {self.views} view{'s' * (self.views > 1)}"


@dataclass(frozen=True)
class Solved:
    """The shortest tour of each instance; deliveries have a 0 wherever a vehicle is at the depot."""

    tours: Int[Tensor, "batch steps"]
    lengths: Float[Tensor, " batch"]


def solve(
    policy: Policy[Seen], batch: RouteBatch, decoding: Decoding, generator: torch.Generator | None = None
) -> Solved:
    """The shortest tour that a policy finds for each instance.

    Args:
        policy: in evaluation mode.
        batch: the instances.
        decoding: how hard to look.
        generator: of samples; None means PyTorch's own.

    Example:
        >>> from regard.models import AttentionModel
        >>> policy, batch = AttentionModel(16, 2, 1, 32).eval(), RouteBatch(torch.rand(2, 5, 2), None)
        >>> one, eight = (solve(policy, batch, Decoding(views)) for views in (1, 8))
        >>> bool((eight.lengths <= one.lengths + 1e-6).all())
        True

    Source: Kool, van Hoof and Welling 2019, section 5 (greedy, sampling); Kwon et al. 2020, section 4.3 (views).
    """
    best: Solved | None = None
    tours = min(max(1, decoding.beginnings), batch.points.shape[1] - (batch.demands is not None))
    pick = Pick.SAMPLED if decoding.samples else Pick.GREEDY
    with torch.no_grad():
        for view in batch.views() if decoding.views == 8 else [batch]:
            places = policy.read(view.points, view.demands)
            for _ in range(max(1, decoding.samples)):
                found = roll(policy, places, view, tours=tours, begin=decoding.begin, pick=pick, generator=generator)
                shortest = found.lengths.argmin(1)
                rows = torch.arange(len(batch), device=shortest.device)
                best = _shorter(best, Solved(found.tours[rows, shortest], found.lengths[rows, shortest]))
    assert best is not None
    return best


def _shorter(best: Solved | None, other: Solved) -> Solved:
    """The shorter of two tours of each instance; of deliveries, the one with fewer steps stays at the depot."""
    if best is None:
        return other
    steps = max(best.tours.shape[1], other.tours.shape[1])
    mine, theirs = (torch.nn.functional.pad(one.tours, (0, steps - one.tours.shape[1])) for one in (best, other))
    wins = other.lengths < best.lengths
    return Solved(torch.where(wins.unsqueeze(1), theirs, mine), torch.where(wins, other.lengths, best.lengths))


def as_tours(order: list[int], *, depot: bool) -> list[list[int]]:
    """An order of places as closed tours: one, or with a depot one for each time that a vehicle leaves it.

    Example:
        >>> as_tours([3, 1, 0, 0, 2, 0], depot=True), as_tours([2, 0, 1], depot=False)
        ([[0, 3, 1], [0, 2]], [[2, 0, 1]])
    """
    if not depot:
        return [order]
    found: list[list[int]] = [[0]]
    for place in order:
        if place == 0:
            found.append([0])
        else:
            found[-1].append(place)
    return [tour for tour in found if len(tour) > 1]
