"""Classical tours, for many instances at once: what a trained policy has to beat."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.data.route_batches import RouteBatch
from regard.models.environments import start


def random_tours(batch: RouteBatch, generator: torch.Generator) -> Int[Tensor, "batch steps"]:
    """Any next place that is allowed, each as likely as another."""
    return _tours(batch, lambda hidden, last: torch.rand(hidden.shape, generator=generator))


def nearest_neighbour(batch: RouteBatch) -> Int[Tensor, "batch steps"]:
    """Always the nearest place that is allowed, from the first place; a vehicle goes home where none is.

    Example:
        >>> points = torch.tensor([[[0.0, 0.0], [0.9, 0.0], [0.1, 0.0], [0.3, 0.0]]])
        >>> nearest_neighbour(RouteBatch(points, None)).tolist()
        [[0, 2, 3, 1]]
    """
    ways = _ways(batch.points)
    if batch.demands is not None:
        # Home is the last resort.
        ways[:, :, 0] = 10.0
    rows = torch.arange(len(batch))
    return _tours(batch, lambda hidden, last: ways[rows, last])


def farthest_insertion(points: Float[Tensor, "batch places 2"]) -> Int[Tensor, "batch places"]:
    """Take the place farthest from the tour, put it where it adds least, until all are in.

    Example:
        >>> from regard.models.environments import lengths
        >>> square = torch.tensor([[[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]])
        >>> lengths(square, farthest_insertion(square).unsqueeze(1))
        tensor([[4.]])

    Source: Rosenkrantz, Stearns and Lewis 1977, section 4.
    """
    ways, (batch, places) = _ways(points), points.shape[:2]
    rows = torch.arange(batch)
    follows = torch.zeros(batch, places, dtype=torch.long)
    inside = torch.zeros(batch, places, dtype=torch.bool)
    inside[:, 0] = True
    nearest = ways[:, 0].clone()
    for _ in range(places - 1):
        taken = nearest.masked_fill(inside, -1).argmax(1)
        to_taken, onward = ways[rows, taken], ways.gather(2, follows.unsqueeze(2)).squeeze(2)
        added = to_taken + to_taken.gather(1, follows) - onward
        before = added.masked_fill(~inside, torch.inf).argmin(1)
        follows[rows, taken] = follows[rows, before]
        follows[rows, before] = taken
        inside[rows, taken] = True
        nearest = torch.minimum(nearest, to_taken)
    order = [torch.zeros(batch, dtype=torch.long)]
    for _ in range(places - 1):
        order.append(follows[rows, order[-1]])
    return torch.stack(order, 1)


def two_opt(
    points: Float[Tensor, "batch places 2"], tours: Int[Tensor, "batch places"]
) -> Int[Tensor, "batch places"]:
    """Turn the part of a tour around that shortens it most, until no turn does.

    Example:
        >>> from regard.models.environments import lengths
        >>> square = torch.tensor([[[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]])
        >>> lengths(square, two_opt(square, torch.tensor([[0, 1, 2, 3]])).unsqueeze(1))
        tensor([[4.]])

    Source: Croes 1958.
    """
    tours, places = tours.clone(), tours.shape[1]
    active, place = torch.arange(len(tours)), torch.arange(places)
    while len(active):
        stops = points[active].gather(1, tours[active].unsqueeze(2).expand(-1, -1, 2))
        ways = _ways(stops)
        ahead = ways.roll((-1, -1), dims=(1, 2))
        leg = ways.gather(2, place.roll(-1).view(1, -1, 1).expand(len(active), -1, 1)).squeeze(2)
        # Legs after i and j become legs from i to j and from i + 1 to j + 1.
        change = (ways + ahead - leg.unsqueeze(1) - leg.unsqueeze(2)).triu(1).flatten(1)
        gain, chosen = change.min(1)
        better = gain < -1e-9
        active, chosen = active[better], chosen[better]
        i, j = (chosen // places).unsqueeze(1), (chosen % places).unsqueeze(1)
        turned = torch.where((place > i) & (place <= j), i + 1 + j - place, place)
        tours[active] = tours[active].gather(1, turned)
    return tours


def _ways(points: Tensor) -> Tensor:
    """Distances, in float64: in float32 they are made of products, and near places fall into one."""
    return torch.cdist(points.double(), points.double())


def _tours(batch: RouteBatch, cost: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    state, chosen = start(batch.points, batch.demands, 1), []
    if batch.demands is None:
        chosen.append(torch.zeros(len(batch), 1, dtype=torch.long))
        state = state.step(chosen[0])
    while not state.done:
        hidden = state.hidden[:, 0]
        choice = cost(hidden, state.last[:, 0]).masked_fill(hidden, torch.inf).argmin(1, keepdim=True)
        chosen.append(choice)
        state = state.step(choice)
    return torch.cat(chosen, 1)
