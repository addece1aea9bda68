"""What the picture of a tour is made of."""

from __future__ import annotations

from typing import Any

import torch

from regard.data.route_batches import batch_of_instances
from regard.data.routes import Instance
from regard.models import Policy
from regard.models.environments import start
from regard.train.rollout import Begin


def sample(
    policy: Policy[Any], one: Instance, tours: list[list[int]], begin: Begin, device: torch.device
) -> dict[str, object]:
    """An instance with its tours, and half-way through: the probability of every place to be next, and the glimpse.

    `travelled` are the places until then, in order; `probabilities` and `weights` (of the glimpse, the mean of its
    heads) have a number for each place.
    """
    order = tours[0] if one.deliveries is None else [place for tour in tours for place in tour][1:]
    travelled = order[: max(1, len(order) // 2)]
    batch = batch_of_instances([one]).to(device)
    state = start(batch.points, batch.demands, 1)
    with torch.no_grad():
        places = policy.read(batch.points, batch.demands)
        for step, place in enumerate(travelled):
            # A policy follows tours only where it was asked.
            if step or begin is Begin.CHOSEN:
                places = policy.follow(places, state)
            state = state.step(torch.tensor([[place]], device=device))
        places = policy.follow(places, state)
        odds, weights = policy.choose(places, state).exp()[0, 0], policy.glimpse(places, state)[0, 0].mean(0)
    return {
        "view": "route",
        "name": one.name,
        "points": [[round(x, 4) for x in point] for point in batch.points[0].tolist()],
        "tours": tours,
        "travelled": travelled if one.deliveries is None else [0, *travelled],
        "probabilities": [round(odd, 4) for odd in odds.tolist()],
        "weights": [round(weight, 4) for weight in weights.tolist()],
        "length": one.length(tours),
        "known": one.known,
        "depot": one.deliveries is not None,
    }
