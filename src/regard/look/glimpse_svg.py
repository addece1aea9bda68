"""The path of glimpses over a picture, as an SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from regard.look.colours import colour, ink, level

_SIDE, _FONT, _GAP, _BADGE = 300, 13, 28, 9
_TONES = 16
_BAR, _LINE, _THUMB, _MOST = 110, 22, 48, 10

Pixels = Sequence[Sequence[int]]


def glimpse_svg(
    pixels: Pixels,
    middles: Sequence[tuple[float, float]],
    crops: Sequence[Pixels],
    probabilities: Mapping[str, float],
    title: str,
) -> str:
    """A picture with a numbered square for every glimpse, what was in each of them, and the odds of the classes.

    The numbers follow the order of looking, and so do their shades, from the colour of little weight to that of
    much; a line leads from one to the next. At most ten classes are shown, the most probable first.

    Args:
        pixels: rows of grey from 0, drawn as the ground, to 255, drawn as the ink.
        middles: (x, y) of every glimpse, in pixels from the upper left corner.
        crops: what was seen there, pixels of one size; a glimpse is as many pixels of the picture a side.
        probabilities: of the classes.
        title: what a screen reader says.

    Returns:
        An SVG element. Every square carries its number and place in a title.

    Raises:
        ValueError: there are no pixels, rows differ in length, crops and middles differ in number, or a number is
            not finite.

    Example:
        >>> picture, crop = [[0, 255], [255, 0]], [[255]]
        >>> drawn = glimpse_svg(picture, [(0.5, 1.5), (1.5, 0.5)], [crop, crop], {"a": 0.9, "b": 0.1}, "demo")
        >>> drawn.count('class="glimpse"'), drawn.count('class="bar"')
        (2, 2)
    """
    _check(pixels, middles, crops, probabilities)
    scale = _SIDE / max(len(pixels), len(pixels[0]))
    side = len(crops[0]) * scale if crops else 0
    high, wide = len(pixels) * scale, len(pixels[0]) * scale
    before_x, after_x = _hanging([x * scale for x, _y in middles], side, wide)
    before_y, after_y = _hanging([y * scale for _x, y in middles], side, high)
    points = [(before_x + x * scale, before_y + y * scale) for x, y in middles]
    shown = sorted(probabilities.items(), key=lambda one: -one[1])[:_MOST]
    names = max((len(name) for name, _odd in shown), default=0)
    left = before_x + wide + after_x + _GAP
    width = left + max(names * _FONT * 0.62 + _BAR + 60, min(len(crops), 3) * (_THUMB + _GAP))
    bars = "".join(_bar(place, name, odd, left, names) for place, (name, odd) in enumerate(shown))
    top = _BADGE + _LINE * len(shown) + _GAP
    thumbs = "".join(_thumb(place, crop, len(crops), left, top) for place, crop in enumerate(crops))
    below = top + -(-len(crops) // 3) * (_THUMB + _GAP)
    height = max(before_y + high + after_y, below)
    squares = "".join(_square(place, point, middles[place], side) for place, point in enumerate(points))
    badges = "".join(_badge(place, point, len(points)) for place, point in enumerate(points))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="glimpses" role="img" '
        f'aria-label="{escape(title, quote=True)}" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" font-size="{_FONT}" font-family="system-ui, sans-serif">'
        f'<rect class="edge" x="{before_x}" y="{before_y}" width="{wide:g}" height="{high:g}" fill="none" '
        f'stroke="#d9dee3"/>{grey(pixels, before_x, before_y, scale)}'
        f"{squares}{_line(points)}{badges}{bars}{thumbs}</svg>"
    )


def grey(pixels: Pixels, left: float, top: float, scale: float) -> str:
    """A picture in sixteen strengths of the ink; each is one path, and neighbours of a row are one box."""
    runs: dict[int, list[str]] = {}
    for down, row in enumerate(pixels):
        at = 0
        while at < len(row):
            tone, end = _tone(row[at]), at + 1
            while end < len(row) and _tone(row[end]) == tone:
                end += 1
            if tone:
                x, y, wide = left + at * scale, top + down * scale, (end - at) * scale
                runs.setdefault(tone, []).append(f"M{x:.5g} {y:.5g}h{wide:.5g}v{scale:.5g}h-{wide:.5g}z")
            at = end
    return "".join(
        f'<path class="pixels" fill="#1b1f24" fill-opacity="{tone / _TONES:.3g}" d="{"".join(found)}"/>'
        for tone, found in sorted(runs.items())
    )


def _hanging(middles: Sequence[float], side: float, length: float) -> tuple[int, int]:
    """Room for squares that hang out of a picture, before and after it."""
    before = max((side / 2 - middle for middle in middles), default=0.0)
    after = max((middle + side / 2 - length for middle in middles), default=0.0)
    return round(max(0.0, before)) + _BADGE, round(max(0.0, after)) + _BADGE


def _tone(value: int) -> int:
    return round(max(0, min(255, value)) / 255 * _TONES)


def _shade(place: int, count: int) -> float:
    """Of the first a quarter, of the last one; evenly between."""
    return 1.0 if count < 2 else 0.25 + 0.75 * place / (count - 1)


def _square(place: int, point: tuple[float, float], middle: tuple[float, float], side: float) -> str:
    says = f"glimpse {place + 1}, around column {middle[0]:.1f} and row {middle[1]:.1f}"
    return (
        f'<rect class="glimpse" x="{point[0] - side / 2:.1f}" y="{point[1] - side / 2:.1f}" width="{side:.1f}" '
        f'height="{side:.1f}" rx="3" fill="none" stroke="#0b5cad" stroke-width="1.5" stroke-opacity="0.75">'
        f"<title>{says}</title></rect>"
    )


def _line(points: Sequence[tuple[float, float]]) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="line1" fill="none" stroke="#b04a00" stroke-width="2" points="{joined}"/>'


def _badge(place: int, point: tuple[float, float], count: int) -> str:
    shade = _shade(place, count)
    return (
        f'<circle class="w{level(shade)} strongest" cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="{_BADGE}" '
        f'fill="{colour(shade)}" stroke="#1b1f24"/><text class="value v{level(shade)}" x="{point[0]:.1f}" '
        f'y="{point[1] + 4:.1f}" font-size="11" fill="{ink(colour(shade))}" text-anchor="middle">{place + 1}</text>'
    )


def _bar(place: int, name: str, odd: float, left: float, names: int) -> str:
    y, start = _BADGE + place * _LINE, left + names * _FONT * 0.62 + 8
    weight = ' font-weight="600"' if place == 0 else ""
    return (
        f'<text x="{start - 8:.1f}" y="{y + 13}" text-anchor="end"{weight}>{escape(name)}</text>'
        f'<rect class="bar" x="{start:.1f}" y="{y + 2}" width="{max(1.0, _BAR * odd):.1f}" height="14" rx="2" '
        f'fill="#0b5cad"/><text class="tick" x="{start + _BAR * odd + 6:.1f}" y="{y + 13}">{100 * odd:.1f} %</text>'
    )


def _thumb(place: int, crop: Pixels, count: int, left: float, top: float) -> str:
    x, y = left + place % 3 * (_THUMB + _GAP) + _BADGE, top + place // 3 * (_THUMB + _GAP)
    return (
        f'<rect class="edge" x="{x}" y="{y}" width="{_THUMB}" height="{_THUMB}" fill="none" stroke="#d9dee3"/>'
        f"{grey(crop, x, y, _THUMB / len(crop))}{_badge(place, (x, y), count)}"
    )


def _check(
    pixels: Pixels,
    middles: Sequence[tuple[float, float]],
    crops: Sequence[Pixels],
    probabilities: Mapping[str, float],
) -> None:
    if not pixels or not pixels[0] or any(len(row) != len(pixels[0]) for row in pixels):
        raise ValueError(
            f"pixels has {len(pixels)} rows of {sorted({len(row) for row in pixels})}, expected one width."
        )
    if len(middles) != len(crops) or not all(crops):
        raise ValueError(
            f"crops has {len(crops)} pictures, expected {len(middles)} with pixels: one for each middle."
        )
    if not all(
        math.isfinite(one) for one in [*(one for middle in middles for one in middle), *probabilities.values()]
    ):
        raise ValueError("middles or probabilities has a number that is not finite.")
