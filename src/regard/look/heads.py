"""Heads and layers of one text: a small map for every head, a row of maps for every layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from regard.look.alignment import label_width, labels, shown
from regard.look.colours import colour, level

Rows = Sequence[Sequence[float]]

_FAINT = 0.01
_FONT = 11
_GAP = 16
_HEADING = 34


def heads_svg(tokens: Sequence[str], weights: Sequence[Sequence[Rows]], title: str) -> str:
    """A map for every head: who looks stands at the left, who is looked at above, and a cell for every weight.

    Above each map stand its layer, its head, and how far away it looks on average. Layers are rows of the picture.

    Args:
        tokens: the text, a label for each of its places.
        weights: of each layer, of each of its heads, a row of numbers from 0 to 1 for each place that looks.
        title: what a screen reader says.

    Returns:
        An SVG element. Cells of at least 0.01 carry their value in a title.

    Raises:
        ValueError: the weights do not have those sizes, or one is not a number.

    Example:
        >>> heads_svg("ab", [[[[1.0, 0.0], [0.3, 0.7]]]], "demo").count("<rect")
        4
    """
    _check(tokens, weights)
    names = _names(tokens)
    plan = _Plan.of(names, weights)
    maps = "".join(
        _map(plan, names, rows, layer, head) for layer, heads in enumerate(weights) for head, rows in enumerate(heads)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="alignment heads" role="img" '
        f'aria-label="{escape(title, quote=True)}" viewBox="0 0 {plan.width} {plan.height}" '
        f'width="{plan.width}" height="{plan.height}" font-size="{_FONT}" '
        f'font-family="system-ui, sans-serif">{maps}</svg>'
    )


def distance(rows: Rows) -> float:
    """How far away a head looks: the mean over places of sum_j w_ij |i - j|.

    Example:
        >>> distance([[1.0, 0.0], [1.0, 0.0]])
        0.5
    """
    reach = [sum(weight * abs(at - to) for to, weight in enumerate(row)) for at, row in enumerate(rows)]
    return sum(reach) / max(1, len(reach))


def _check(tokens: Sequence[str], weights: Sequence[Sequence[Rows]]) -> None:
    count = len(tokens)
    for rows in (rows for heads in weights for rows in heads):
        if len(rows) != count or any(len(row) != count for row in rows):
            raise ValueError(
                f"weights has a head of {len(rows)} rows of {sorted({len(row) for row in rows})} numbers, expected "
                f"{count} rows of {count}: one for each token."
            )
        if not all(math.isfinite(weight) for row in rows for weight in row):
            raise ValueError("weights has an entry that is not a finite number; expected weights from 0 to 1.")


def _names(tokens: Sequence[str]) -> list[str]:
    """Labels of tokens; where each is one character, a space is only a space."""
    return [shown(token) for token in tokens] if all(len(token) == 1 for token in tokens) else labels(tokens)


@dataclass(frozen=True)
class _Plan:
    """Where everything is, in pixels; a map's cells begin at (left, top) of its own corner."""

    cell: int
    left: int
    top: int
    across: int
    down: int
    width: int
    height: int

    @classmethod
    def of(cls, names: Sequence[str], weights: Sequence[Sequence[Rows]]) -> _Plan:
        # Four maps of twenty tokens fit beside each other on a page.
        cell = max(11, min(16, 240 // max(1, len(names))))
        widest = max((label_width(name, _FONT) for name in names), default=0)
        left, top = round(widest) + 6, _HEADING + round(widest if _long(names) else _FONT) + 5
        across, down = left + cell * len(names) + _GAP, top + cell * len(names) + _GAP
        most = max((len(heads) for heads in weights), default=0)
        # A heading may be wider than a map of few tokens.
        return cls(cell, left, top, max(across, 104), down, max(across, 104) * most, down * len(weights))


def _long(names: Sequence[str]) -> bool:
    """Whether labels above the columns have to stand upright on their first letter."""
    return any(len(name) > 1 for name in names)


def _map(plan: _Plan, names: Sequence[str], rows: Rows, layer: int, head: int) -> str:
    size = plan.cell * len(names)
    cells = "".join(_row(plan, names, place, row) for place, row in enumerate(rows))
    return (
        f'<g class="head" transform="translate({head * plan.across} {layer * plan.down})">'
        f'<text class="name" x="{plan.left}" y="12" font-weight="600">layer {layer + 1}, head {head + 1}</text>'
        f'<text class="tick" x="{plan.left}" y="26">{distance(rows):.1f} away</text>{_above(plan, names)}'
        f'<rect class="w0 edge" x="{plan.left}" y="{plan.top}" width="{size}" height="{size}" fill="{colour(0)}" '
        f'stroke="#e4e2d8"/>{cells}</g>'
    )


def _above(plan: _Plan, names: Sequence[str]) -> str:
    lines = []
    for place, name in enumerate(names):
        across, up = plan.left + (place + 0.5) * plan.cell, plan.top - 4
        if _long(names):
            lines.append(
                f'<text transform="translate({across + _FONT * 0.35:.1f} {up}) rotate(-90)">{escape(name)}</text>'
            )
        else:
            lines.append(f'<text x="{across:.1f}" y="{up}" text-anchor="middle">{escape(name)}</text>')
    return "".join(lines)


def _row(plan: _Plan, names: Sequence[str], place: int, row: Sequence[float]) -> str:
    top = plan.top + place * plan.cell
    cells = "".join(
        f'<rect class="w{level(weight)}" x="{plan.left + to * plan.cell}" y="{top}" width="{plan.cell}" '
        f'height="{plan.cell}" fill="{colour(weight)}"><title>'
        f"{escape(f'{names[place]} at {place + 1} looked at {names[to]} at {to + 1}: {weight:.2f}')}</title></rect>"
        for to, weight in enumerate(row)
        if weight >= _FAINT
    )
    height = top + plan.cell / 2 + _FONT * 0.35
    label = f'<text x="{plan.left - 4}" y="{height:.1f}" text-anchor="end">{escape(names[place])}</text>'
    return f'<g class="row">{label}{cells}</g>'
