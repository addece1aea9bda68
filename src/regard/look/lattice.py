"""A chain of tags over a sentence: how probable each is at each word, and which were taken, as crisp SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from regard.look.alignment import shown
from regard.look.colours import colour, ink, level

_CELL, _GAP, _HIGH, _FONT = 32, 26, 22, 13
_FAINT = 0.005


@dataclass(frozen=True)
class Lattice:
    """Tags over words.

    Args:
        words: one a column.
        states: names of tags, one a row.
        marginals: probability of each tag (row) at each word.
        path: the tag of each word that was taken, by name.
        expected: the true tags, by name; () where they are not known.
        transitions: score of each tag (row) before each other one.

    Raises:
        ValueError: the sizes do not fit, a number is not finite, or a tag of the path is not among the states.
    """

    words: Sequence[str]
    states: Sequence[str]
    marginals: Sequence[Sequence[float]]
    path: Sequence[str]
    expected: Sequence[str]
    transitions: Sequence[Sequence[float]]

    def __post_init__(self) -> None:
        _check("marginals", self.marginals, len(self.states), len(self.words))
        _check("transitions", self.transitions, len(self.states), len(self.states))
        for name, tags, lengths in (
            ("path", self.path, {len(self.words)}),
            ("expected", self.expected, {0, len(self.words)}),
        ):
            if len(tags) not in lengths:
                raise ValueError(f"{name} has {len(tags)} tags, expected {len(self.words)}: one for each word.")
        if missing := set(self.path) - set(self.states):
            raise ValueError(f"path has {min(missing)!r}, which is none of the states: {', '.join(self.states)}.")


def lattice_svg(lattice: Lattice, title: str) -> str:
    """Words above, tags at the left, a cell for every tag that is probable at a word, and lines along the path.

    The path's cells have frames and their probability in hundredths; below the lines between them stand the scores of
    the transitions. Where the path is wrong, the true tag has a dashed frame.

    Args:
        lattice: what is drawn.
        title: what a screen reader says.

    Returns:
        An SVG element. Cells and lines carry what they mean in titles.

    Example:
        >>> probable, score = [[0.9, 0.2], [0.1, 0.8]], [[0.0, 1.5], [0.5, -1.0]]
        >>> svg = lattice_svg(Lattice(["a", "dog"], ["D", "N"], probable, ["D", "N"], [], score), "demo")
        >>> svg.count('class="way"'), "+1.5" in svg
        (1, True)
    """
    words, states = [shown(word) for word in lattice.words], [shown(state) for state in lattice.states]
    reach = max((len(word) for word in words), default=0) * _FONT * 0.6 * math.sin(math.radians(45))
    left, top = (
        max(72, 16 + round(max((len(state) for state in states), default=0) * _FONT * 0.64)),
        round(18 + reach),
    )
    wide = len(words) * (_CELL + _GAP)
    width, height = round(left + wide + reach), top + len(states) * _HIGH + 26
    drawn = _Drawn(lattice, left, top)
    inner = drawn.ground() + drawn.names(words, states) + drawn.cells() + drawn.way()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="alignment lattice" role="img" '
        f'aria-label="{escape(title, quote=True)}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-size="{_FONT}" font-family="system-ui, sans-serif">{inner}</svg>'
    )


@dataclass(frozen=True)
class _Drawn:
    """The parts of the picture, in pixels from the upper left cell."""

    lattice: Lattice
    left: int
    top: int

    def x(self, column: int) -> int:
        return self.left + column * (_CELL + _GAP)

    def y(self, row: int) -> int:
        return self.top + row * _HIGH

    def ground(self) -> str:
        wide, rows = self.x(len(self.lattice.words)) - self.left - _GAP, len(self.lattice.states)
        across = "".join(f"M{self.left} {self.y(row)}h{max(0, wide)}" for row in range(rows + 1))
        return f'<path class="grid" stroke="#e4e2d8" fill="none" d="{across}"/>'

    def names(self, words: Sequence[str], states: Sequence[str]) -> str:
        above = "".join(
            f'<text transform="translate({self.x(column) + _CELL / 2:.1f} {self.top - 7}) rotate(-45)">'
            f"{escape(word)}</text>"
            for column, word in enumerate(words)
        )
        beside = "".join(
            f'<text x="{self.left - 8}" y="{self.y(row) + _HIGH / 2 + 4.5:.1f}" text-anchor="end">'
            f"{escape(state)}</text>"
            for row, state in enumerate(states)
        )
        below = (
            f'<text class="tick" x="{self.left - 8}" y="{self.y(len(states)) + 18}" font-size="11" text-anchor="end">'
        )
        return f"{above}{beside}{below}transition</text>"

    def cells(self) -> str:
        lattice = self.lattice
        expected = lattice.expected or lattice.path
        return "".join(
            self._cell(row, column, probability, state == lattice.path[column], state == expected[column])
            for row, (state, probabilities) in enumerate(zip(lattice.states, lattice.marginals, strict=True))
            for column, probability in enumerate(probabilities)
            if probability >= _FAINT or state in (lattice.path[column], expected[column])
        )

    def _cell(self, row: int, column: int, probability: float, taken: bool, true: bool) -> str:
        shade, left, top = level(probability), self.x(column), self.y(row)
        frames = {(True, True): " strongest", (True, False): " strongest", (False, True): " line1"}
        dashes = ' stroke="#b04a00" stroke-dasharray="3 2"' if true and not taken else ""
        word, state = self.lattice.words[column], self.lattice.states[row]
        says = (
            f"{word} is {state}: {probability:.3f}{'' if true == taken else ', wrong' if taken else ', the true tag'}"
        )
        drawn = (
            f'<rect class="w{shade}{frames.get((taken, true), "")}" x="{left}" y="{top + 1}" width="{_CELL}" '
            f'height="{_HIGH - 2}" rx="3" fill="{colour(probability)}"{dashes}><title>{escape(says)}</title></rect>'
        )
        if not taken:
            return drawn
        return (
            f'{drawn}<text class="value v{shade}" x="{left + _CELL / 2}" y="{top + _HIGH / 2 + 3.5}" font-size="11" '
            f'fill="{ink(colour(probability))}" text-anchor="middle">{probability * 100:.0f}</text>'
        )

    def way(self) -> str:
        rows = [list(self.lattice.states).index(state) for state in self.lattice.path]
        return "".join(
            self._step(column, before, after)
            for column, (before, after) in enumerate(zip(rows, rows[1:], strict=False))
        )

    def _step(self, column: int, before: int, after: int) -> str:
        score = self.lattice.transitions[before][after]
        start, stop = self.x(column) + _CELL, self.x(column + 1)
        ends = (self.y(before) + _HIGH / 2, self.y(after) + _HIGH / 2)
        says = f"{self.lattice.states[after]} after {self.lattice.states[before]}: {score:+.2f}"
        return (
            f'<g class="way"><path class="line0" fill="none" stroke="#0b5cad" stroke-width="2" '
            f'd="M{start} {ends[0]}L{stop} {ends[1]}"><title>{escape(says)}</title></path>'
            f'<text class="tick" x="{(start + stop) / 2}" y="{self.y(len(self.lattice.states)) + 18}" font-size="11" '
            f'text-anchor="middle">{round(score, 1) + 0.0:+.1f}</text></g>'
        )


def _check(name: str, matrix: Sequence[Sequence[float]], rows: int, columns: int) -> None:
    if len(matrix) != rows or any(len(row) != columns for row in matrix):
        raise ValueError(
            f"{name} has {len(matrix)} rows of {sorted({len(row) for row in matrix})} numbers, expected {rows} rows "
            f"of {columns}."
        )
    if not all(math.isfinite(number) for row in matrix for number in row):
        raise ValueError(f"{name} has an entry that is not a finite number.")
