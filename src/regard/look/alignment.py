"""Alignment maps: which source piece every target piece came from, as crisp SVG."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from regard.look.colours import colour, ink, level

# Below this a cell looks empty, and thousands of them would only make the page heavy.
_FAINT = 0.005
_LONGEST = 24


def alignment_svg(
    source: Sequence[str], target: Sequence[str], weights: Sequence[Sequence[float]], title: str
) -> str:
    """A map with source pieces above, target pieces at the left, and a cell for every pair that has weight.

    Columns and rows are in the order of reading, in every script. Cells shrink as there are more of them, down to
    a size at which the labels can still be read. The strongest cell of a row has a frame and, where there is room,
    its weight in hundredths.

    Args:
        source: pieces, one a column, in any script.
        target: pieces, one a row.
        weights: one row for each target piece, one number from 0 to 1 for each source piece.
        title: what a screen reader says.

    Returns:
        An SVG element. Cells of at least 0.005 carry their value in a title.

    Raises:
        ValueError: the weights do not have those sizes, or a weight is not a number.

    Example:
        >>> alignment_svg(["ein", "Hund"], ["a", "dog"], [[0.9, 0.1], [0.2, 0.8]], "demo").count("<rect")
        5
    """
    if len(weights) != len(target) or any(len(row) != len(source) for row in weights):
        raise ValueError(
            f"weights has {len(weights)} rows of {sorted({len(row) for row in weights})} numbers, expected "
            f"{len(target)} rows (target pieces) of {len(source)} (source pieces)."
        )
    if not all(math.isfinite(weight) for row in weights for weight in row):
        raise ValueError("weights has an entry that is not a finite number; expected weights from 0 to 1.")
    columns, rows = labels(source), labels(target)
    plan = _Plan.of(columns, rows)
    inner = "".join(
        (_ground(plan, len(columns), len(rows)), _above(plan, columns))
        + tuple(_row(plan, number, name, columns, weights[number]) for number, name in enumerate(rows))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="alignment" role="img" '
        f'aria-label="{escape(title, quote=True)}" viewBox="0 0 {plan.width} {plan.height}" '
        f'width="{plan.width}" height="{plan.height}" font-size="{plan.font}" '
        f'font-family="system-ui, sans-serif">{inner}</svg>'
    )


def scale_svg() -> str:
    """What the colours mean: swatches from 0 to 1.

    Example:
        >>> scale_svg().count("<rect")
        6
    """
    swatches = "".join(
        f'<rect class="w{level(weight)} edge" x="{6 + 40 * place}" y="1" width="38" height="12" rx="2" '
        f'fill="{colour(weight)}"/>'
        f'<text class="tick" x="{25 + 40 * place}" y="26" text-anchor="middle">{weight:g}</text>'
        for place, weight in enumerate((0, 0.1, 0.25, 0.5, 0.75, 1))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="scale" role="img" aria-label="colours of weights, 0 to 1" '
        f'viewBox="0 0 250 30" width="250" height="30" font-size="11" font-family="system-ui, sans-serif">'
        f"{swatches}</svg>"
    )


@dataclass(frozen=True)
class _Plan:
    """Where everything is, in pixels."""

    cell: int
    font: int
    angle: int
    left: int
    top: int
    width: int
    height: int

    @classmethod
    def of(cls, columns: Sequence[str], rows: Sequence[str]) -> _Plan:
        # About 30 cells of full size fit on a page; below 14 pixels labels would not be readable.
        cell = max(14, min(26, 820 // max(len(columns), 1)))
        font = 13 if cell >= 20 else 11
        # Steeper where labels stand so close that they would touch.
        angle = 45 if cell >= 22 else 65
        slope = math.radians(angle)
        reach = [label_width(name, font) for name in columns]
        left = 12 + max((label_width(name, font) for name in rows), default=0)
        top = 12 + max(reach, default=0) * math.sin(slope) + font * math.cos(slope) / 2
        right = max(((place + 0.5) * cell + size * math.cos(slope) for place, size in enumerate(reach)), default=0)
        width = left + max(right + font, cell * len(columns) + 4)
        return cls(cell, font, angle, round(left), round(top), round(width), round(top) + cell * len(rows) + 4)


def _ground(plan: _Plan, columns: int, rows: int) -> str:
    """The empty map and its grid."""
    wide, high, cell = columns * plan.cell, rows * plan.cell, plan.cell
    upright = "".join(f"M{plan.left + place * cell} {plan.top}v{high}" for place in range(columns + 1))
    across = "".join(f"M{plan.left} {plan.top + place * cell}h{wide}" for place in range(rows + 1))
    return (
        f'<rect class="w0" x="{plan.left}" y="{plan.top}" width="{wide}" height="{high}" fill="{colour(0)}">'
        f'<title>less than {_FAINT:g}</title></rect><path class="grid" stroke="#e4e2d8" fill="none" '
        f'd="{upright}{across}"/>'
    )


def _above(plan: _Plan, columns: Sequence[str]) -> str:
    return "".join(
        f'<text transform="translate({plan.left + (place + 0.5) * plan.cell + plan.font * 0.15:.1f} {plan.top - 6}) '
        f'rotate(-{plan.angle})">{escape(name)}</text>'
        for place, name in enumerate(columns)
    )


def _row(plan: _Plan, number: int, name: str, columns: Sequence[str], weights: Sequence[float]) -> str:
    top = plan.top + number * plan.cell
    strongest = max(range(len(weights)), key=weights.__getitem__, default=-1)
    cells = "".join(
        _cell(plan, top, column, weight, f"{name} looked at {columns[column]}: {weight:.3f}", column == strongest)
        for column, weight in enumerate(weights)
        if weight >= _FAINT or column == strongest
    )
    height = top + plan.cell / 2 + plan.font * 0.35
    label = f'<text x="{plan.left - 7}" y="{height:.1f}" text-anchor="end">{escape(name)}</text>'
    return f'<g class="row">{label}{cells}</g>'


def _cell(plan: _Plan, top: int, column: int, weight: float, says: str, strongest: bool) -> str:
    left, size, shade = plan.left + column * plan.cell, plan.cell - 1, level(weight)
    frame = " strongest" if strongest else ""
    drawn = (
        f'<rect class="w{shade}{frame}" x="{left + 0.5}" y="{top + 0.5}" width="{size}" height="{size}" '
        f'fill="{colour(weight)}"><title>{escape(says)}</title></rect>'
    )
    if not strongest or plan.cell < 24:
        return drawn
    return (
        f'{drawn}<text class="value v{shade}" x="{left + plan.cell / 2}" y="{top + plan.cell / 2 + 3.5}" '
        f'font-size="10" fill="{ink(colour(weight))}" text-anchor="middle">{weight * 100:.0f}</text>'
    )


def labels(pieces: Sequence[str]) -> list[str]:
    """Pieces as labels: where some begin with a space, a word's later pieces get a dot in front.

    Example:
        >>> labels([" de", "cre", "ased", ".", "</s>"])
        ['de', '·cre', '·ased', '.', '⏎']
    """
    spaced = any(piece[:1].isspace() for piece in pieces)
    return [
        ("·" if spaced and place and piece[:1].isalnum() else "") + shown(piece) for place, piece in enumerate(pieces)
    ]


def shown(piece: str) -> str:
    r"""A piece without the space in front of it; ends and a bare space get a sign, and what is long is cut.

    Example:
        >>> shown(" dog"), shown("</s>"), shown(" "), shown("\n")
        ('dog', '⏎', '␣', '↵')
    """
    text = piece.strip()
    if text == "</s>":
        return "⏎"
    if not text and "\n" in piece:
        return "↵"
    return (text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…") or "␣"


def label_width(text: str, font: int) -> float:
    """About how wide a label is; scripts with wide characters take more room, marks upon others none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    marks = sum(unicodedata.combining(character) > 0 for character in text)
    return font * (wide * 1.02 + (len(text) - wide - marks) * 0.6)
