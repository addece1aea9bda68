"""A shaded text as an SVG, for papers and pages."""

from __future__ import annotations

from html import escape

from regard.look.passages import Passage, strength

# A monospaced letter is 0.6 of its size wide; the length of every word is given, so that another font changes little.
_SIZE, _WIDE, _LINE, _EDGE = 15, 9.0, 26, 10
_SHADE, _PAPER, _INK = "#fdbe32", "#ffffff", "#1b1f24"


def passage_svg(passage: Passage, title: str, columns: int = 72) -> str:
    """Every word of a text with its shade, line by line; its class and label stand below.

    Args:
        passage: the text.
        title: what the picture shows, for who does not see it.
        columns: letters of a line.

    Raises:
        ValueError: columns is not positive.

    Example:
        >>> one = Passage("so bad", "no", "no", {"no": 1.0}, [{"weight": 1.0, "words": [(0, 2, 0.1), (3, 6, 0.9)]}])
        >>> passage_svg(one, "two words").count("<rect")
        3
    """
    if columns < 1:
        raise ValueError(f"columns is {columns}, expected a positive number of letters.")
    shares = [(passage.text[start:end], share) for start, end, share in passage.shares()]
    most = max((share for _word, share in shares), default=0.0) or 1.0
    places = _places([word for word, _share in shares], columns)
    words = "".join(
        _word(word, column, line, strength(share, most))
        for (word, share), (column, line) in zip(shares, places, strict=True)
    )
    bottom = (max((line for _column, line in places), default=0) + 2) * _LINE
    said = f"{passage.label} ({100 * passage.probabilities[passage.label]:.0f} %), labelled {passage.true}"
    width, height = round(columns * _WIDE) + 2 * _EDGE, bottom + _EDGE + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="passage" role="img" '
        f'aria-label="{escape(title, quote=True)}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-size="{_SIZE}" '
        f'font-family="ui-monospace, DejaVu Sans Mono, monospace">'
        f'<rect width="{width}" height="{height}" fill="{_PAPER}"/>{words}'
        f'<text x="{_EDGE}" y="{bottom + 4}" fill="{_INK}" font-weight="700">{escape(said)}</text></svg>'
    )


def _places(words: list[str], columns: int) -> list[tuple[int, int]]:
    """Column and line of every word, with a space between; a word that does not fit begins a line."""
    found, column, line = [], 0, 0
    for word in words:
        if column and column + len(word) > columns:
            column, line = 0, line + 1
        found.append((column, line))
        column += len(word) + 1
    return found


def _word(word: str, column: int, line: int, shade: float) -> str:
    left, wide, base = _EDGE + column * _WIDE, len(word) * _WIDE, (line + 1) * _LINE
    return (
        f'<rect x="{left - 2:g}" y="{base - 16}" width="{wide + 4:g}" height="22" rx="3" fill="{_SHADE}" '
        f'fill-opacity="{shade:.2f}"/><text x="{left:g}" y="{base}" textLength="{wide:g}" '
        f'lengthAdjust="spacingAndGlyphs" fill="{_INK}">{escape(word)}</text>'
    )
