"""A picture of the figures: how ours stands against the best peer, and everyone under the machine's roofs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.kernels.case import Pass, Side
from benchmarks.kernels.ceilings import Ceilings
from benchmarks.kernels.records import Measured

# Of Okabe and Ito's palette, which the colour-blind can tell apart.
_COLOURS = {Side.OURS.value: "#0072B2", Side.PEER.value: "#D55E00", Side.YARDSTICK.value: "#999999"}
_MARKERS = {Pass.FORWARD.value: "o", Pass.BOTH.value: "D"}


def draw(path: Path, measured: Sequence[Measured], ceilings: Ceilings) -> None:
    """Write the picture to a file whose ending says the format.

    Raises:
        ValueError: nothing was measured.
    """
    if not measured:
        raise ValueError("nothing was measured, so there is nothing to plot; the lines above say why.")
    cases = list(dict.fromkeys(_label(one) for one in measured if one.against_best_peer is not None))
    # Room for a line of text for each case.
    figure = Figure(figsize=(15, max(6.0, 1.5 + 0.18 * len(cases))), layout="constrained")
    left, right = figure.subplots(1, 2)
    _ratios(left, cases, measured)
    _roofs(right, measured, ceilings)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without these an SVG has its date and random names in it, so that each drawing is another file.
    with rc_context({"svg.hashsalt": path.stem}):
        figure.savefig(path, metadata={"Date": None})


def _label(one: Measured) -> str:
    return f"{one.group}: {one.case}"


def _ratios(axes: Axes, cases: Sequence[str], measured: Sequence[Measured]) -> None:
    """How many times as fast ours, as the plan runs it, is as the best peer: medians and quartiles of the rounds."""
    for which, marker in _MARKERS.items():
        ours = {_label(one): one for one in reversed(measured) if one.side == Side.OURS.value and one.which == which}
        ratios = [(place, ours[case].against_best_peer) for place, case in enumerate(cases) if case in ours]
        found = [(place, ratio) for place, ratio in ratios if ratio is not None]
        if found:
            middle = [ratio.median for _, ratio in found]
            spread = [
                [ratio.median - ratio.lower for _, ratio in found],
                [ratio.upper - ratio.median for _, ratio in found],
            ]
            axes.errorbar(middle, [place for place, _ in found], xerr=spread, fmt=marker, markersize=4, label=which)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(cases)), cases, fontsize=7)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("ours is so many times as fast as the best peer (median and quartiles)")
    axes.legend(fontsize=8)


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
    axes.set_box_aspect(0.8)
    axes.set_anchor("N")
    axes.set_xlabel("operations for each byte of inputs and results")
    axes.set_ylabel("GFLOP/s")
    axes.legend(fontsize=8)
