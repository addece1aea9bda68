"""Mean lengths of the best tours of the fixed random instances, so that gaps need no solver."""

from __future__ import annotations

import math

# By data set, first instance and count. Made by benchmarks/routing/optima.py, which says how they are proven; those
# of cvrp20 are only the best that PyVRP finds.
_MEANS: dict[tuple[str, str, int], float] = {
    ("tsp20", "validation 1", 1000): 3.8256094450241998,
    ("tsp20", "test 1", 10000): 3.835603970508734,
    ("tsp50", "validation 1", 1000): 5.707700890739133,
    ("tsp50", "test 1", 1000): 5.699863598808307,
    ("cvrp20", "validation 1", 1000): 6.0892820083237185,
    ("cvrp20", "test 1", 10000): 6.1357693917624285,
}


def mean_optimum(data: str, first: str, count: int) -> float:
    """The mean over the first so many fixed instances; not a number where nobody has measured it.

    Args:
        data: the name of the data set, such as tsp20.
        first: the name of its first instance, which tells the part.
        count: of instances.

    Example:
        >>> mean_optimum("tsp3", "test 1", 1)
        nan
    """
    return _MEANS.get((data, first, count), math.nan)
