"""The colours of weights: one ramp on paper and one on a dark screen, both even in brightness."""

from __future__ import annotations

Colour = tuple[int, int, int]

# Cividis (Nunez, Anderton and Renslow 2018), which looks alike with and without colour-blindness. On paper it runs
# from its light end, on a dark screen from its dark end, so that little weight always is the colour of the ground.
_LIGHT: tuple[Colour, ...] = (
    (255, 253, 240),
    (253, 231, 130),
    (212, 193, 104),
    (165, 157, 117),
    (122, 123, 120),
    (76, 88, 108),
    (0, 34, 78),
)
_DARK: tuple[Colour, ...] = (
    (26, 30, 38),
    (13, 50, 98),
    (66, 78, 108),
    (110, 112, 115),
    (150, 145, 120),
    (200, 184, 104),
    (254, 232, 90),
)
LEVELS = 48


def level(weight: float) -> int:
    """Which of `LEVELS` + 1 colours a weight from 0 to 1 has; a root makes small weights visible.

    Example:
        >>> level(0.0), level(0.1), level(1.0)
        (0, 10, 48)
    """
    return round(max(0.0, min(1.0, weight)) ** 0.7 * LEVELS)


def colour(weight: float) -> str:
    """The colour of a weight on paper.

    Example:
        >>> colour(0.0)
        '#fffdf0'
    """
    return _mixed(_LIGHT, level(weight))


def dark_colour(weight: float) -> str:
    """The colour of a weight on a dark screen.

    Example:
        >>> dark_colour(1.0)
        '#fee85a'
    """
    return _mixed(_DARK, level(weight))


def dark_style() -> str:
    """CSS that gives every level its dark colour (w) and the ink upon it (v); without it pictures are for paper."""
    shades = [_mixed(_DARK, place) for place in range(LEVELS + 1)]
    return "".join(f".w{place}{{fill:{shade}}}.v{place}{{fill:{ink(shade)}}}" for place, shade in enumerate(shades))


def ink(ground: str) -> str:
    """Black or white, whichever reads better on a colour; their contrast is at least 4.5.

    Example:
        >>> ink("#fffdf0"), ink("#00224e")
        ('#000000', '#ffffff')

    Source: relative luminance and contrast, WCAG 2.2.
    """
    return "#000000" if luminance(ground) > 0.179 else "#ffffff"


def luminance(shade: str) -> float:
    """Relative luminance of #rrggbb, from 0 (black) to 1 (white).

    Example:
        >>> luminance("#ffffff")
        1.0
    """
    parts = (int(shade[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return round(0.2126 * red + 0.7152 * green + 0.0722 * blue, 6)


def _mixed(ramp: tuple[Colour, ...], place: int) -> str:
    along = place / LEVELS * (len(ramp) - 1)
    low = min(int(along), len(ramp) - 2)
    mixed = (round(a + (b - a) * (along - low)) for a, b in zip(ramp[low], ramp[low + 1], strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)
