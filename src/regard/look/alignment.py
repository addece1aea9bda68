"""Alignment maps: which source piece every target piece came from, as crisp SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

# Cividis (Nunez, Anderton and Renslow 2018), light to dark here so that little weight is paper: even in brightness,
# and alike for readers with and without colour-blindness.
_RAMP = (
    (255, 253, 240),
    (253, 231, 130),
    (212, 193, 104),
    (165, 157, 117),
    (122, 123, 120),
    (76, 88, 108),
    (0, 34, 78),
)
_CELL, _FONT = 26, 13


def colour(weight: float) -> str:
    """The colour of a weight from 0 to 1; a root makes small weights visible.

    Example:
        >>> colour(0.0)
        '#fffdf0'
    """
    place = max(0.0, min(1.0, weight)) ** 0.7 * (len(_RAMP) - 1)
    low = min(int(place), len(_RAMP) - 2)
    share = place - low
    mixed = (round(a + (b - a) * share) for a, b in zip(_RAMP[low], _RAMP[low + 1], strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def alignment_svg(
    source: Sequence[str], target: Sequence[str], weights: Sequence[Sequence[float]], title: str
) -> str:
    """A map with source pieces above, target pieces at the left, and a cell for every pair.

    Args:
        source: pieces, one a column, in any script.
        target: pieces, one a row.
        weights: one row for each target piece, one number for each source piece.
        title: what a screen reader says.

    Returns:
        An SVG element whose cells carry their value in a title.

    Raises:
        ValueError: the weights do not have those sizes.

    Example:
        >>> alignment_svg(["ein", "Hund"], ["a", "dog"], [[0.9, 0.1], [0.2, 0.8]], "demo").count("<rect")
        4
    """
    if len(weights) != len(target) or any(len(row) != len(source) for row in weights):
        raise ValueError(
            f"weights has {len(weights)} rows of {sorted({len(row) for row in weights})} numbers, expected "
            f"{len(target)} rows (target pieces) of {len(source)} (source pieces)."
        )
    left = 14 + max((_width(piece) for piece in target), default=0)
    top = 14 + max((_width(piece) for piece in source), default=0)
    width, height = left + _CELL * len(source) + 14, top + _CELL * len(target) + 6
    above = "".join(
        f'<text class="label" transform="translate({left + _CELL * column + _CELL / 2 + _FONT / 3:.1f},{top - 7}) '
        f'rotate(-90)" dominant-baseline="auto">{escape(shown(piece))}</text>'
        for column, piece in enumerate(source)
    )
    rows = "".join(
        f'<text class="label" x="{left - 7}" y="{top + _CELL * row + _CELL / 2 + _FONT / 3:.1f}" '
        f'text-anchor="end">{escape(shown(piece))}</text>'
        + _cells(source, piece, weights[row], left, top + _CELL * row)
        for row, piece in enumerate(target)
    )
    name = escape(title, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="alignment" role="img" aria-label="{name}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-size="{_FONT}" '
        f'font-family="system-ui, sans-serif"><title>{escape(title)}</title>{above}{rows}</svg>'
    )


def _cells(source: Sequence[str], target: str, row: Sequence[float], left: float, top: float) -> str:
    strongest = max(range(len(row)), key=row.__getitem__) if row else -1
    cells = []
    for column, weight in enumerate(row):
        place = f'x="{left + _CELL * column + 1:.1f}" y="{top + 1:.1f}" width="{_CELL - 2}" height="{_CELL - 2}"'
        mark = ' class="strongest"' if column == strongest else ""
        label = f"{shown(target)} looked at {shown(source[column])}: {weight:.3f}"
        cells.append(f'<rect {place} rx="2" fill="{colour(weight)}"{mark}><title>{escape(label)}</title></rect>')
    return "".join(cells)


def shown(piece: str) -> str:
    """A piece as a label: a leading space becomes visible where nothing else is, the end gets its sign."""
    text = piece.strip()
    return "⏎" if text == "</s>" else text or "␣"


def _width(piece: str) -> float:
    """About how wide a label is; scripts with wide characters take twice the room."""
    return sum(_FONT * (1.0 if ord(character) > 0x2E80 else 0.62) for character in shown(piece))
