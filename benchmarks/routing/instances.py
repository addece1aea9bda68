"""Fixed random instances as files, for who cannot import Regard: python -m benchmarks.routing.instances tsp20 OUT

OUT gets validation.npz and test.npz, each with `name`, `points` (instances, places, 2), the mean length of their best
tours as `mean_optimum`, and `sha256` of the points, which optima.py prints too. For deliveries the first place is the
depot and there are `demands` (instances, places), of which a vehicle carries `capacity`.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

from benchmarks.routing.optima import source_of
from regard.data.endless import FIXED_SEED, Part
from regard.tasks.routing_optima import mean_optimum

COUNTS = {"tsp20": (1000, 10_000), "tsp50": (1000, 1000), "cvrp20": (1000, 10_000)}


def main() -> None:
    """Write both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=COUNTS)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    source = source_of(chosen.name)
    for part, count in zip((Part.VALIDATION, Part.TEST), COUNTS[chosen.name], strict=True):
        drawn = source.draw(part, FIXED_SEED, range(count))
        best = mean_optimum(chosen.name, f"{part.name.lower()} 1", count)
        arrays = {"name": np.array(chosen.name), "points": drawn.points, "mean_optimum": np.array(best)}
        arrays["sha256"] = np.array(hashlib.sha256(drawn.points.tobytes()).hexdigest())
        if drawn.demands is not None:
            arrays |= {"demands": drawn.demands, "capacity": np.array(drawn.capacity)}
        np.savez(chosen.out / f"{part.name.lower()}.npz", allow_pickle=False, **arrays)


if __name__ == "__main__":
    main()
