"""Tours by a policy: all rows of a batch a step at a time, and their log-probabilities in one pass afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.data.route_batches import RouteBatch
from regard.models.environments import DeliveryState, TourState, lengths, start
from regard.models.policies import Policy, Seen


class Pick(Enum):
    """The next place: the most probable one, or one drawn by the probabilities."""

    GREEDY = "greedy"
    SAMPLED = "sampled"


class Begin(Enum):
    """Where tours begin: tour t of an instance at its place t (or customer t), or as the policy says."""

    EACH = "each"
    CHOSEN = "chosen"


@dataclass(frozen=True)
class Rolled:
    """Finished tours.

    Args:
        tours: places in order, (batch, tours, steps); deliveries have a 0 wherever a vehicle is at the depot.
        lengths: of the closed tours.
        states: where the policy had a choice, one after another.
        choices: what it chose there.
    """

    tours: Int[Tensor, "batch tours steps"]
    lengths: Float[Tensor, "batch tours"]
    states: TourState | DeliveryState
    choices: Int[Tensor, "batch choices"]


def roll(
    policy: Policy[Seen],
    places: Seen,
    batch: RouteBatch,
    *,
    tours: int = 1,
    begin: Begin = Begin.EACH,
    pick: Pick = Pick.GREEDY,
    generator: torch.Generator | None = None,
) -> Rolled:
    """Let a policy make tours, without a gradient.

    Args:
        policy: that chooses.
        places: as it has read them.
        batch: the same places in the plane.
        tours: for each instance.
        begin: who says where tours begin.
        pick: how the next place follows from the probabilities.
        generator: of random numbers; None means PyTorch's own.

    Raises:
        ValueError: there are not that many places to begin at.

    Example:
        >>> from regard.models import AttentionModel
        >>> policy, batch = AttentionModel(16, 2, 1, 32).eval(), RouteBatch(torch.rand(2, 5, 2), None)
        >>> found = roll(policy, policy.read(batch.points, None), batch, tours=3)
        >>> found.tours.shape, found.tours[0, :, 0].tolist(), found.tours[0].sort(-1).values[0].tolist()
        (torch.Size([2, 3, 5]), [0, 1, 2], [0, 1, 2, 3, 4])

    Source: Kool, van Hoof and Welling 2019, section 3.2; several beginnings: Kwon et al. 2020, section 4.1.
    """
    with torch.no_grad():
        places = places.detached()
        states: list[TourState | DeliveryState] = []
        asked: list[Tensor] = []
        chosen: list[Tensor] = []
        state = start(batch.points, batch.demands, tours)
        if begin is Begin.EACH:
            chosen.append(_beginnings(batch, tours))
            state = state.step(chosen[0])
        while not state.done:
            places = policy.follow(places, state)
            choice = _picked(policy.choose(places, state), pick, generator)
            # Of two cities not even the second is a choice, but an empty list of states has no shape.
            if state.free or not states:
                states.append(state)
                asked.append(choice)
            chosen.append(choice)
            state = state.step(choice)
        order = torch.stack(chosen, -1)
        return Rolled(order, lengths(batch.points, order), _joined(states), torch.cat(asked, 1))


def log_probabilities(policy: Policy[Seen], places: Seen, rolled: Rolled) -> Float[Tensor, "batch tours"]:
    """Log-probability of every tour, all of its choices at once: differentiable where `places` is.

    log p(tour) = sum over steps of log p(choice | choices before)

    Given the choices every step's question is known, so that one attention answers all of them. What was not chosen
    by the policy, such as a beginning, does not count. `places` are as they were read, followed nowhere.

    Source: Kool, van Hoof and Welling 2019, equation 1.
    """
    followed = policy.follow(places, rolled.states)
    found = policy.choose(followed, rolled.states).gather(2, rolled.choices.unsqueeze(2)).squeeze(2)
    return found.unflatten(1, (-1, rolled.lengths.shape[1])).sum(1)


def _beginnings(batch: RouteBatch, tours: int) -> Tensor:
    depot = int(batch.demands is not None)
    most = batch.points.shape[1] - depot
    if tours > most:
        raise ValueError(f"tours is {tours}, but an instance has only {most} places to begin at; ask for fewer.")
    return torch.arange(depot, depot + tours, device=batch.points.device).expand(len(batch), tours)


def _picked(log_probability: Tensor, pick: Pick, generator: torch.Generator | None) -> Tensor:
    if pick is Pick.GREEDY:
        return log_probability.argmax(-1)
    # The inverse of the cumulated probabilities: one random number a row. A hidden place has no width to fall into.
    reached = log_probability.exp().cumsum(-1)
    drawn = torch.rand(reached.shape[:-1], generator=generator, device=reached.device, dtype=reached.dtype)
    return (reached <= (drawn * (1 - 1e-6) * reached[..., -1]).unsqueeze(-1)).sum(-1)


def _joined(states: list[TourState | DeliveryState]) -> TourState | DeliveryState:
    tours = [one for one in states if isinstance(one, TourState)]
    if tours:
        return TourState.joined(tours)
    return DeliveryState.joined([one for one in states if isinstance(one, DeliveryState)])
