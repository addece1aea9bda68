"""Curves over training steps as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 480, 300, 58, 48, 58, 18
_DOTTED = 60


@dataclass(frozen=True)
class Curve:
    """A named line through points (x, y), x rising."""

    name: str
    points: Sequence[tuple[float, float]]


def curves_svg(curves: Sequence[Curve], title: str, note: str, across: str, up: str) -> str:
    """Lines over one pair of axes with round ticks and units.

    A line of few points has dots, one of many has none, so that lines differ in more than colour. Points that are
    not finite numbers are left out.

    Args:
        curves: one or two lines.
        title: what is shown.
        note: the one thing to know about it, under the title; may be empty.
        across: name and unit of x.
        up: name and unit of y.

    Raises:
        ValueError: there is no finite point.

    Example:
        >>> curves_svg([Curve("training", [(1, 2.0), (2, 1.0)])], "Loss", "", "step", "nats").count("<polyline")
        1
    """
    shown = [Curve(curve.name, _finite(curve.points)) for curve in curves]
    points = [point for curve in shown for point in curve.points]
    if not points:
        raise ValueError("curves have no finite point, expected at least one (x, y).")
    frame = _Frame.around(points)
    lines = "".join(_line(frame, curve, place, across) for place, curve in enumerate(shown) if curve.points)
    key = _key([curve.name for curve in shown if curve.points]) if len(shown) > 1 else ""
    middle, centre = (_LEFT + _WIDTH - _RIGHT) / 2, (_TOP + _HEIGHT - _BOTTOM) / 2
    says = escape(f"{title}. {note}" if note else title, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="curves" role="img" aria-label="{says}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="system-ui, sans-serif" font-size="13">'
        f'<text class="heading" x="{_LEFT}" y="18">{escape(title)}</text>'
        f'<text class="tick" x="{_LEFT}" y="37">{escape(note)}</text>{key}{_axes(frame)}{lines}'
        f'<text class="tick" x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>'
        f'<text class="tick" transform="translate(14 {centre}) rotate(-90)" text-anchor="middle">'
        f"{escape(up)}</text></svg>"
    )


@dataclass(frozen=True)
class _Frame:
    """What the axes span: x just what there is, y from tick to tick."""

    low: float
    high: float
    across: list[float]
    up: list[float]

    @classmethod
    def around(cls, points: Sequence[tuple[float, float]]) -> _Frame:
        xs, ys = [x for x, _y in points], [y for _x, y in points]
        low, high = min(xs), max(xs)
        if low == high:
            low, high = (min(0.0, low), max(0.0, high)) if low else (0.0, 1.0)
        return cls(low, high, [x for x in ticks(low, high) if low <= x <= high], ticks(min(ys), max(ys)))

    def x(self, value: float) -> float:
        return _LEFT + (value - self.low) / (self.high - self.low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.up[0]) / (self.up[-1] - self.up[0])
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def _line(frame: _Frame, curve: Curve, place: int, across: str) -> str:
    at = [(frame.x(x), frame.y(y)) for x, y in curve.points]
    path = " ".join(f"{left:.1f},{top:.1f}" for left, top in at)
    dotted = range(len(at)) if len(at) <= _DOTTED else ()
    dots = "".join(
        f'<circle class="dot{place}" cx="{at[n][0]:.1f}" cy="{at[n][1]:.1f}" r="3"><title>'
        f"{escape(f'{curve.name}, {across} {number(curve.points[n][0])}: {curve.points[n][1]:.4g}')}</title></circle>"
        for n in dotted
    )
    return f'<polyline class="line{place}" points="{path}" fill="none"/>{dots}'


def _key(names: Sequence[str]) -> str:
    """The names of the lines, at the right of the title."""
    return "".join(
        f'<text class="key{place}" x="{_WIDTH - _RIGHT}" y="{18 + 19 * place}" text-anchor="end">'
        f"{'●' if place else '━'} {escape(name)}</text>"
        for place, name in enumerate(names)
    )


def _axes(frame: _Frame) -> str:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    lines = "".join(f"M{_LEFT} {frame.y(y):.1f}H{right}" for y in frame.up)
    beside = "".join(
        f'<text class="tick" x="{_LEFT - 8}" y="{frame.y(y) + 4.5:.1f}" text-anchor="end">{number(y)}</text>'
        for y in frame.up
    )
    below = "".join(
        f'<text class="tick" x="{frame.x(x):.1f}" y="{bottom + 18}" text-anchor="middle">{number(x)}</text>'
        for x in frame.across
    )
    marks = "".join(f"M{frame.x(x):.1f} {bottom}v4" for x in frame.across)
    return f'<path class="grid" d="{lines}{marks}"/>{beside}{below}'


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers that enclose a span.

    Example:
        >>> ticks(0.3, 9.2)
        [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    if high <= low:
        half = abs(low) / 10 or 0.5
        low, high = low - half, high + half
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10, 20) if power * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [float(f"{step * place:.12g}") for place in range(first, last + 1)]


def number(value: float) -> str:
    """A number for a tick.

    Example:
        >>> number(12000.0), number(2.5), number(0.00025)
        ('12,000', '2.5', '0.00025')
    """
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.10f}".rstrip("0") if 1e-5 <= abs(value) < 1 else f"{value:g}"
