"""A picture of the figures: how much faster ours is, case by case, and every contender under the machine's roofs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.kernels.case import Side
from benchmarks.kernels.ceilings import Ceilings
from benchmarks.kernels.records import Measured

# Okabe and Ito's palette, which the colour-blind can tell apart.
_COLOURS = {Side.OURS.value: "#0072B2", Side.PEER.value: "#D55E00", Side.YARDSTICK.value: "#999999"}


def draw(path: Path, measured: Sequence[Measured], ceilings: Ceilings) -> None:
    """Write the picture to a file whose ending says the format.

    Raises:
        ValueError: nothing was measured.
    """
    if not measured:
        raise ValueError("nothing was measured, so there is nothing to plot; see why in the lines above.")
    ratios = [one for one in measured if one.side == Side.PEER.value and one.ours_against_it is not None]
    # Room for a line of text for each ratio.
    figure = Figure(figsize=(16, max(6.0, 1.5 + 0.2 * len(ratios))), layout="constrained")
    left, right = figure.subplots(1, 2)
    _ratios(left, ratios)
    _roofs(right, measured, ceilings)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _ratios(axes: Axes, ratios: Sequence[Measured]) -> None:
    """Median and quartiles of how many times as fast ours is as each peer."""
    found = [one.ours_against_it for one in ratios if one.ours_against_it is not None]
    middle = [one.median for one in found]
    spread = [[one.median - one.lower for one in found], [one.upper - one.median for one in found]]
    places = np.arange(len(ratios))
    axes.errorbar(middle, places, xerr=spread, fmt="o", markersize=4, color=_COLOURS[Side.OURS.value])
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_yticks(places, [f"{one.case}, {one.which}: {one.contender}" for one in ratios], fontsize=7)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("ours is so many times as fast (median and quartiles of rounds)")


def _roofs(axes: Axes, measured: Sequence[Measured], ceilings: Ceilings) -> None:
    """Achieved operations over operations for each byte, under what copying and multiplying allow."""
    intensities = [one.intensity for one in measured]
    low, high = min(intensities) / 2, max(2 * max(intensities), ceilings.bfloat16 / ceilings.bytes)
    span = np.geomspace(low, high, 200)
    for dtype, flops, line in (("float32", ceilings.float32, "-"), ("bfloat16", ceilings.bfloat16, "--")):
        roof = np.minimum(flops, span * ceilings.bytes) / 1e9
        axes.plot(span, roof, line, color="black", linewidth=1, label=f"roof, {dtype}")
    for side, colour in _COLOURS.items():
        points = [one for one in measured if one.side == side]
        if points:
            intensity, achieved = [one.intensity for one in points], [one.gigaflops for one in points]
            axes.scatter(intensity, achieved, s=14, color=colour, alpha=0.7, label=side)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("operations for each byte of inputs and results")
    axes.set_ylabel("GFLOP/s")
    axes.legend(fontsize=8)
