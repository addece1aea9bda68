"""Best tours of the fixed random instances: python -m benchmarks.routing.optima tsp20 test 10000 --out OUT

Each instance of TSP is an integer program (a binary for each pair of cities, two ways at every city), solved to
optimality by HiGHS; whenever the solution falls into several tours, each of them is forbidden (Dantzig, Fulkerson and
Johnson 1954) and the program is solved again, until there is one. Its length is a lower bound of every tour and that
of a tour, so it is proven, up to HiGHS's gap, which is set to 0. Tours of deliveries (cvrp20) are the best that PyVRP
finds within so many iterations, and nobody has proven them; PyVRP is in benchmarks/peers/solvers/requirements.txt.

The mean that is printed goes into src/regard/tasks/routing_optima.py; lengths of single instances go to OUT, a line
each, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import pdist

from regard.data.endless import FIXED_SEED, Part
from regard.data.uniform_routes import Drawn, Problem, Uniform


def optimum(points: np.ndarray) -> float:
    """Length of the shortest closed tour through points in the plane.

    Raises:
        ValueError: HiGHS did not find and prove an optimum.
    """
    places = len(points)
    ends = np.triu_indices(places, 1)
    costs, pairs = pdist(points), np.arange(len(ends[0]))
    degree = coo_array((np.ones(2 * len(pairs)), (np.concatenate(ends), np.tile(pairs, 2))))
    constraints = [LinearConstraint(degree.tocsr(), 2, 2)]
    while True:
        found = milp(costs, integrality=1, bounds=Bounds(0, 1), constraints=constraints, options={"mip_rel_gap": 0.0})
        if not found.success:
            raise ValueError(f"HiGHS says {found.message!r} for {places} points; expected an optimum.")
        used = found.x > 0.5
        graph = coo_array((np.ones(used.sum()), (ends[0][used], ends[1][used])), shape=(places, places))
        count, part = connected_components(graph, directed=False)
        if count == 1:
            return float(costs[used].sum())
        for number in range(count):
            inside = part == number
            row = (inside[ends[0]] & inside[ends[1]]).astype(float)
            constraints.append(LinearConstraint(row[None], -np.inf, inside.sum() - 1))


def source_of(name: str) -> Uniform:
    """The random instances of a data set such as tsp20."""
    problem = Problem(name.rstrip("0123456789"))
    return Uniform(problem, int(name.removeprefix(problem.value)))


def solver(drawn: Drawn, iterations: int) -> Callable[[int], float]:
    """The best length of the instance of a number."""
    demands = drawn.demands
    if demands is None:
        return lambda place: optimum(drawn.points[place])
    # PyVRP is there for whoever asks for it.
    from benchmarks.routing.deliveries import best_known

    return lambda place: best_known(drawn.points[place], demands[place], drawn.capacity, iterations)


def main() -> None:
    """Solve what is not solved yet, and print the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="tsp20, tsp50 or cvrp20")
    parser.add_argument("part", choices=["validation", "test"])
    parser.add_argument("count", type=int)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--iterations", type=int, default=500, help="of PyVRP for an instance")
    chosen = parser.parse_args()
    drawn = source_of(chosen.name).draw(Part[chosen.part.upper()], FIXED_SEED, range(chosen.count))
    solve = solver(drawn, chosen.iterations)
    chosen.out.touch()
    done = [float(line) for line in chosen.out.read_text(encoding="utf-8").splitlines()]
    with chosen.out.open("a", encoding="utf-8", buffering=1) as file:
        for place in range(len(done), chosen.count):
            done.append(solve(place))
            file.write(f"{done[-1]!r}\n")
    digest = hashlib.sha256(drawn.points.tobytes()).hexdigest()
    key = [chosen.name, f"{chosen.part} 1", chosen.count]
    print(json.dumps({"key": key, "mean": float(np.mean(done[: chosen.count])), "points_sha256": digest}))


if __name__ == "__main__":
    main()
