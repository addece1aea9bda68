"""What drove recommendations: past items x recommended ones, as a picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from regard.look.alignment import label_width
from regard.look.colours import colour, ink, level

_ROW, _COLUMN, _GAP, _FONT, _TOP = 24, 40, 18, 13, 44
_LONGEST = 44
# What is smaller than this is not written down.
_FAINT = 0.01

Matrix = Sequence[Sequence[float]]


def driven_svg(history: Sequence[str], read: Sequence[float], driven: Matrix, title: str) -> str:
    """A row for each past item, oldest first: what was read of it, then what it drove of each recommendation.

    A cell has the colour of its share and, from 0.01 on, the share in hundredths; a share below 0 has the colour of
    nothing and its sign. The strongest of a column has a frame.

    Args:
        history: past items, in any script; what is long is cut.
        read: the weight of each past item.
        driven: a row for each past item: the share of each recommendation that is lost without it, at most 1.
        title: what a screen reader says.

    Returns:
        An SVG element. Every cell carries item, column and share in a title.

    Raises:
        ValueError: the sizes do not fit each other, or a number is not finite.

    Example:
        >>> driven_svg(["Alien", "Heat"], [0.9, 0.1], [[0.5], [-0.2]], "demo").count("<rect")
        4
    """
    columns = [[row[place] for row in driven] for place in range(len(driven[0]))] if driven else []
    _check(history, read, driven)
    shown = [item if len(item) <= _LONGEST else item[: _LONGEST - 1] + "…" for item in history]
    left = round(max((label_width(item, _FONT) for item in shown), default=0)) + 14
    places = [left, *(left + _GAP + _COLUMN * (place + 1) for place in range(len(columns)))]
    width, height = places[-1] + _COLUMN + 4, _TOP + _ROW * len(shown) + 4
    rows = "".join(
        _row(place, item, zip(places, [read[place], *driven[place]], strict=True)) for place, item in enumerate(shown)
    )
    frames = "".join(
        _frame(at, max(range(len(column)), key=column.__getitem__))
        for at, column in zip(places, [read, *columns], strict=True)
        if len(column) and max(column) >= _FAINT
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="driven" role="img" aria-label="{escape(title, quote=True)}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-size="{_FONT}" '
        f'font-family="system-ui, sans-serif">{_heads(places)}{rows}{frames}</svg>'
    )


def _check(history: Sequence[str], read: Sequence[float], driven: Matrix) -> None:
    if not len(history) == len(read) == len(driven) or len({len(row) for row in driven}) > 1:
        raise ValueError(
            f"history has {len(history)} items, read {len(read)} numbers and driven rows of "
            f"{[len(row) for row in driven]}; expected a number and a row for each item, all rows of one length."
        )
    if not all(math.isfinite(value) for row in (read, *driven) for value in row):
        raise ValueError("read or driven has an entry that is not a finite number; expected shares of at most 1.")


def _heads(places: Sequence[int]) -> str:
    tops = [(places[0], "read"), *((at, str(number)) for number, at in enumerate(places[1:], start=1))]
    found = "".join(
        f'<text class="tick" x="{at + _COLUMN / 2}" y="{_TOP - 8}" text-anchor="middle">{name}</text>'
        for at, name in tops
    )
    if len(places) == 1:
        return found
    says = "share of each recommendation that is lost without it"
    return f'<text class="tick" x="{places[1]}" y="{_TOP - 28}">{says}</text>{found}'


def _row(place: int, item: str, cells: Iterable[tuple[int, float]]) -> str:
    middle = _TOP + (place + 0.5) * _ROW
    drawn = "".join(_cell(at, place, value, _says(number, item, value)) for number, (at, value) in enumerate(cells))
    return f'<g class="row"><text x="0" y="{middle + _FONT * 0.35:.1f}">{escape(item)}</text>{drawn}</g>'


def _says(number: int, item: str, value: float) -> str:
    if number == 0:
        return f"“{item}” was read with {value:.3f}"
    return f"recommendation {number} without “{item}”: {-value:+.0%}"


def _cell(left: float, place: int, share: float, says: str) -> str:
    shade, top = level(share), _TOP + place * _ROW
    drawn = (
        f'<rect class="w{shade} edge" x="{left + 1}" y="{top + 1}" width="{_COLUMN - 2}" height="{_ROW - 2}" rx="2" '
        f'fill="{colour(share)}"><title>{escape(says)}</title></rect>'
    )
    if abs(share) < _FAINT:
        return drawn
    return (
        f'{drawn}<text class="value v{shade}" x="{left + _COLUMN / 2}" y="{top + _ROW / 2 + 4}" font-size="11" '
        f'fill="{ink(colour(share))}" text-anchor="middle">{share * 100:.0f}</text>'
    )


def _frame(left: float, place: int) -> str:
    return (
        f'<path class="strongest" fill="none" stroke="#1b1f24" d="M{left + 1} {_TOP + place * _ROW + 1}h{_COLUMN - 2}'
        f'v{_ROW - 2}h-{_COLUMN - 2}z"/>'
    )
