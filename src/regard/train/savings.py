"""Classical deliveries: tours to single customers, joined where that saves most."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from regard.data.route_batches import RouteBatch
from regard.models.environments import brim


def savings(batch: RouteBatch) -> Int[Tensor, "batch steps"]:
    """Begin with a tour to every customer, and join the ends of two tours in the order of what that saves.

    s(i, j) = d(0, i) + d(0, j) - d(i, j)

    Joined are tours that one vehicle can serve together; of equal savings the pair of lower numbers comes first.

    Args:
        batch: of deliveries; the depot is the first place.

    Returns:
        Customers in the order of the tours, 0 wherever a tour ends, and behind the last.

    Raises:
        ValueError: nothing is delivered.

    Example:
        >>> points = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.1]]])
        >>> savings(RouteBatch(points, torch.tensor([[0.0, 0.5, 0.5, 0.5]]))).tolist()
        [[1, 3, 0, 2, 0]]

    Source: Clarke and Wright 1964, the parallel version.
    """
    if batch.demands is None:
        raise ValueError("batch has no demands; savings join deliveries, a single tour has none to join.")
    ways = torch.cdist(batch.points.double(), batch.points.double())
    gains = ways[:, :1, 1:] + ways[:, 1:, :1] - ways[:, 1:, 1:]
    pairs = torch.triu_indices(gains.shape[1], gains.shape[1], 1)
    order = gains[:, pairs[0], pairs[1]].sort(descending=True, stable=True).indices
    loads, most = batch.demands.tolist(), 1 + brim(batch.demands)
    joined = [_joined((pairs[:, row].T + 1).tolist(), own, most) for row, own in zip(order, loads, strict=True)]
    return pad_sequence([torch.tensor(tours) for tours in joined], batch_first=True)


def _joined(pairs: list[list[int]], loads: list[float], most: float) -> list[int]:
    tours = {place: [place] for place in range(1, len(loads))}
    for i, j in pairs:
        left, right = tours[i], tours[j]
        ends = i in (left[0], left[-1]) and j in (right[0], right[-1])
        if left is right or not ends or sum(loads[place] for place in left + right) > most:
            continue
        left = left if left[-1] == i else left[::-1]
        whole = left + (right if right[0] == j else right[::-1])
        tours |= dict.fromkeys(whole, whole)
    different = {id(tour): tour for tour in tours.values()}
    return [place for tour in different.values() for place in (*tour, 0)]
