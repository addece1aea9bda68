"""What the picture of a tour is made of."""

from __future__ import annotations

import torch

from regard.data.route_batches import batch_of_instances
from regard.data.routes import Instance
from regard.models import AttentionModel
from regard.models.environments import start


def sample(model: AttentionModel, one: Instance, tours: list[list[int]], device: torch.device) -> dict[str, object]:
    """An instance with its tours, and half-way through: the probability of every place to be next, and the glimpse.

    `travelled` are the places until then, in order; `probabilities` and `weights` (of the glimpse, the mean of its
    heads) have a number for each place.
    """
    order = tours[0] if one.deliveries is None else [place for tour in tours for place in tour][1:]
    travelled = order[: max(1, len(order) // 2)]
    batch = batch_of_instances([one]).to(device)
    state = start(batch.points, batch.demands, 1)
    for place in travelled:
        state = state.step(torch.tensor([[place]], device=device))
    with torch.no_grad():
        places = model.read(batch.points, batch.demands)
        odds, weights = model.choose(places, state).exp()[0, 0], model.glimpse(places, state)[0, 0].mean(0)
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
