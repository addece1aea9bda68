"""Curves over training steps as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 460, 240, 58, 44, 26, 16


def curve_svg(points: Sequence[tuple[float, float]], title: str, across: str, up: str) -> str:
    """A line through points, with axes that have ticks and units.

    Args:
        points: (x, y), x rising.
        title: what is shown.
        across: name and unit of x.
        up: name and unit of y.

    Raises:
        ValueError: there are no points.

    Example:
        >>> curve_svg([(1, 2.0), (2, 1.0)], "loss", "step", "nats a token").count("<polyline")
        1
    """
    if not points:
        raise ValueError("points is empty, expected at least one (x, y).")
    xs, ys = (
        ticks(min(x for x, _y in points), max(x for x, _y in points)),
        ticks(min(y for _x, y in points), max(y for _x, y in points)),
    )
    inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + (x - xs[0]) / (xs[-1] - xs[0]) * inner_width,
            _TOP + inner_height - (y - ys[0]) / (ys[-1] - ys[0]) * inner_height,
        )

    bottom, right = _TOP + inner_height, _WIDTH - _RIGHT
    grid = [_gridline(place(xs[0], y)[1], right, number(y)) for y in ys]
    grid += [
        f'<text class="tick" x="{place(x, ys[0])[0]:.1f}" y="{bottom + 17}" text-anchor="middle">{number(x)}</text>'
        for x in xs
    ]
    places = [(*place(x, y), f"{across} {number(x)}: {y:.4g}") for x, y in points]
    line = " ".join(f"{left:.1f},{top:.1f}" for left, top, _label in places)
    # Dots on a long line would only thicken it; its last point is where the eye goes.
    dots = [
        f'<circle class="dot" cx="{left:.1f}" cy="{top:.1f}" r="3"><title>{escape(label)}</title></circle>'
        for left, top, label in (places if len(places) <= 40 else places[-1:])
    ]
    middle, centre = _LEFT + inner_width / 2, _TOP + inner_height / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="curve" role="img" '
        f'aria-label="{escape(title, quote=True)}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="system-ui, sans-serif" font-size="12">'
        f'<text class="heading" x="{_LEFT}" y="15">{escape(title)}</text>{"".join(grid)}'
        f'<polyline class="line" points="{line}" fill="none"/>{"".join(dots)}'
        f'<text class="tick" x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>'
        f'<text class="tick" transform="translate(13,{centre}) rotate(-90)" text-anchor="middle">'
        f"{escape(up)}</text></svg>"
    )


def _gridline(height: float, right: float, label: str) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{height:.1f}" y2="{height:.1f}"/>'
        f'<text class="tick" x="{_LEFT - 8}" y="{height + 4:.1f}" text-anchor="end">{label}</text>'
    )


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers that enclose a span.

    Example:
        >>> ticks(0.3, 9.2)
        [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    if high <= low:
        low, high = low - 0.5, low + 0.5
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(step * place, 10) for place in range(first, last + 1)]


def number(value: float) -> str:
    """A number for a tick.

    Example:
        >>> number(12000.0), number(2.5)
        ('12,000', '2.5')
    """
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"
