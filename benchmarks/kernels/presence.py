"""Why a contender is not run: never silently."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks.kernels.case import Build, Contender, Scale
from benchmarks.kernels.machine import free_gibibytes


def absence(contender: Contender, scale: Scale) -> str | None:
    """Why a contender cannot run here and now; None means it can."""
    if contender.unfit is not None:
        return contender.unfit
    if contender.package is not None and find_spec(contender.package[0]) is None:
        return f"not installed: {contender.package[1]}, see benchmarks/peers/kernels/requirements.txt"
    if contender.build is Build.COMPILED and scale is Scale.SMOKE:
        return "left out of the smoke run: compiling takes tens of seconds"
    free = free_gibibytes()
    if contender.gibibytes > free:
        return f"takes about {contender.gibibytes:.1f} GiB, of which {free:.1f} are free"
    return None
