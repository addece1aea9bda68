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
    xs, ys = ticks(min(x for x, _y in points), max(x for x, _y in points)), ticks(
        min(y for _x, y in points), max(y for _x, y in points)
    )
    inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + (x - xs[0]) / (xs[-1] - xs[0]) * inner_width,
            _TOP + inner_height - (y - ys[0]) / (ys[-1] - ys[0]) * inner_height,
        )

    grid = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{place(xs[0], y)[1]:.1f}" y2="{place(xs[0], y)[1]:.1f}"/>'
        f'<text class="tick" x="{_LEFT - 8}" y="{place(xs[0], y)[1] + 4:.1f}" text-anchor="end">{number(y)}</text>'
        for y in ys
    ) + "".join(
        f'<text class="tick" x="{place(x, ys[0])[0]:.1f}" y="{_HEIGHT - _BOTTOM + 17}" text-anchor="middle">{number(x)}</text>'
        for x in xs
    )
    line = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in points)
    dots = "".join(
        '<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3"><title>{} {}: {:.4g}</title></circle>'.format(
            *place(x, y), escape(across), number(x), y
        )
        for x, y in (points if len(points) <= 40 else points[-1:])
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="curve" role="img" aria-label="{escape(title, quote=True)}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="system-ui, sans-serif" font-size="12">'
        f'<text class="heading" x="{_LEFT}" y="15">{escape(title)}</text>{grid}'
        f'<polyline class="line" points="{line}" fill="none"/>{dots}'
        f'<text class="tick" x="{_LEFT + inner_width / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>'
        f'<text class="tick" transform="translate(13,{_TOP + inner_height / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(up)}</text></svg>"
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
