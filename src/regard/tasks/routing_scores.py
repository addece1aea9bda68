"""How good tours are: lengths and gaps, of a policy and of classical heuristics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from regard.data.route_batches import RouteBatch, batch_of_instances
from regard.data.routes import Instance, check_tours, same_sizes
from regard.tasks.routing_optima import mean_optimum
from regard.train.metrics import Metric
from regard.train.savings import savings
from regard.train.tour_heuristics import farthest_insertion, nearest_neighbour, random_tours, two_opt
from regard.train.tour_search import as_tours

# Instances at a time.
TOGETHER = 500
Solver = Callable[[RouteBatch], Tensor]


def solved(instances: Sequence[Instance], solver: Solver) -> list[list[list[int]]]:
    """Tours of every instance, checked; those of one size share a batch.

    Raises:
        ValueError: the solver's tours are no answer.
    """
    found: list[list[list[int]]] = [[] for _ in instances]
    for places in same_sizes(instances):
        for start in range(0, len(places), TOGETHER):
            part = places[start : start + TOGETHER]
            orders = solver(batch_of_instances([instances[place] for place in part]))
            for place, order in zip(part, orders.tolist(), strict=True):
                found[place] = as_tours(order, depot=instances[place].deliveries is not None)
                check_tours(instances[place], found[place])
    return found


def tour_metrics(
    instances: Sequence[Instance], tours: Sequence[list[list[int]]], how: str, data: str
) -> list[Metric]:
    """The gap to the best known tours where those are known, and the mean length."""
    lengths = [one.length(mine) for one, mine in zip(instances, tours, strict=True)]
    protocol = f"{len(instances)} instances of {data}, {how}"
    found = [Metric("length", sum(lengths) / max(1, len(lengths)), protocol, digits=4, better="lower")]
    gap, known = gap_of(instances, lengths, data), sum(one.known is not None for one in instances)
    if math.isnan(gap) and known:
        told = f"{protocol}; best tours are known of {known}, so there is no gap"
        found[0] = replace(found[0], protocol=told)
    if not math.isnan(gap):
        # Nobody proves the best deliveries of so many instances.
        best = "best tours" if instances[0].deliveries is None else "best known tours"
        found.insert(0, Metric("gap", gap, f"% above the {best}, {protocol}", digits=2, better="lower"))
    return found


def gap_of(instances: Sequence[Instance], lengths: Sequence[float], data: str) -> float:
    """Percent by which the mean length is above that of the best tours; not a number where these are not known."""
    known = [one.known for one in instances if one.known is not None]
    if len(known) == len(instances):
        best = sum(known) / max(1, len(known))
    else:
        best = mean_optimum(data, instances[0].name, len(instances))
    # Places so near each other that every rounded way is 0 have no gap either.
    return 100 * (sum(lengths) / max(1, len(lengths)) / best - 1) if best else math.nan


def baselines(instances: Sequence[Instance], data: str) -> list[Metric]:
    """Random tours, nearest neighbour; for deliveries savings, else farthest insertion and what 2-opt makes of it."""
    generator = torch.Generator().manual_seed(0)
    solvers: dict[str, Solver] = {
        "random": lambda batch: random_tours(batch, generator),
        "nearest neighbour": nearest_neighbour,
    }
    if instances[0].deliveries is None:
        solvers["farthest insertion"] = lambda batch: farthest_insertion(batch.points)
        solvers["2-opt"] = lambda batch: two_opt(batch.points, farthest_insertion(batch.points))
    else:
        solvers["savings"] = savings
    found = []
    for name, solver in solvers.items():
        first = tour_metrics(instances, solved(instances, solver), name, data)[0]
        found.append(Metric(f"{name}: {first.name}", first.value, first.protocol, first.digits, "lower"))
    return found
