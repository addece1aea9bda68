"""Questions about stories: hops x facts, beside the sentences themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from regard.look.alignment import scale_svg
from regard.look.colours import colour, ink, level

_ROW, _HOP, _FONT, _TOP, _MARK = 26, 52, 13, 26, 18
_LONGEST = 72


def hops_svg(facts: Sequence[str], weights: Sequence[Sequence[float]], supporting: Sequence[int], title: str) -> str:
    """A row for each fact, oldest first, with its sentence and a cell for each hop.

    A cell has the colour of its weight and, from 0.01 on, the weight in hundredths; the strongest of a hop has a
    frame. A dot stands before the facts that the answer is known to hang on.

    Args:
        facts: sentences, in any script; what is long is cut.
        weights: one row for each hop, one number from 0 to 1 for each fact.
        supporting: places of the facts with a dot.
        title: what a screen reader says.

    Returns:
        An SVG element. Every cell carries its hop, sentence and weight in a title.

    Raises:
        ValueError: the weights do not have those sizes, or one is not a finite number.

    Example:
        >>> hops_svg(["Ada went home.", "Ben ran."], [[0.9, 0.1], [0.2, 0.8]], [0], "demo").count("<rect")
        4
    """
    if any(len(row) != len(facts) for row in weights):
        raise ValueError(
            f"weights has rows of {sorted({len(row) for row in weights})} numbers, expected {len(facts)}: one for "
            "each fact."
        )
    if not all(math.isfinite(weight) for row in weights for weight in row):
        raise ValueError("weights has an entry that is not a finite number; expected weights from 0 to 1.")
    shown = [fact if len(fact) <= _LONGEST else fact[: _LONGEST - 1] + "…" for fact in facts]
    left = _MARK + round(max((len(fact) for fact in shown), default=0) * _FONT * 0.58) + 14
    width, height = left + _HOP * len(weights) + 4, _TOP + _ROW * len(facts) + 4
    heads = "".join(
        f'<text class="tick" x="{left + (hop + 0.5) * _HOP}" y="{_TOP - 9}" text-anchor="middle">hop {hop + 1}</text>'
        for hop in range(len(weights))
    )
    rows = "".join(
        _row(place, fact, left, [row[place] for row in weights], place in supporting)
        for place, fact in enumerate(shown)
    )
    frames = "".join(
        _frame(left + hop * _HOP, max(range(len(row)), key=row.__getitem__))
        for hop, row in enumerate(weights)
        if len(row) and max(row) > 0
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="hops" role="img" aria-label="{escape(title, quote=True)}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-size="{_FONT}" '
        f'font-family="system-ui, sans-serif">{heads}{rows}{frames}</svg>'
    )


def _row(place: int, fact: str, left: int, weights: Sequence[float], supports: bool) -> str:
    middle = _TOP + (place + 0.5) * _ROW
    says = "<title>the answer hangs on it</title>"
    dot = f'<circle class="key1" cx="7" cy="{middle}" r="4" fill="#b04a00">{says}</circle>' if supports else ""
    text = f'<text x="{_MARK}" y="{middle + _FONT * 0.35:.1f}">{escape(fact)}</text>'
    cells = "".join(
        _cell(left + hop * _HOP, place, weight, f"hop {hop + 1} read “{fact}”: {weight:.3f}")
        for hop, weight in enumerate(weights)
    )
    return f'<g class="row">{text}{dot}{cells}</g>'


def _cell(left: float, place: int, weight: float, says: str) -> str:
    shade, top = level(weight), _TOP + place * _ROW
    drawn = (
        f'<rect class="w{shade} edge" x="{left + 1}" y="{top + 1}" width="{_HOP - 2}" height="{_ROW - 2}" rx="2" '
        f'fill="{colour(weight)}"><title>{escape(says)}</title></rect>'
    )
    if weight < 0.01:
        return drawn
    return (
        f'{drawn}<text class="value v{shade}" x="{left + _HOP / 2}" y="{top + _ROW / 2 + 4}" font-size="11" '
        f'fill="{ink(colour(weight))}" text-anchor="middle">{weight * 100:.0f}</text>'
    )


def _frame(left: float, place: int) -> str:
    return (
        f'<path class="strongest" fill="none" stroke="#1b1f24" d="M{left + 1} {_TOP + place * _ROW + 1}h{_HOP - 2}'
        f'v{_ROW - 2}h-{_HOP - 2}z"/>'
    )


@dataclass(frozen=True)
class StoryAsked:
    """A story, a question, its answer and ours, and what every hop read: a row of weights for each hop."""

    view: ClassVar[str] = "story"
    heading: ClassVar[str] = "Questions"

    story: list[str]
    question: str
    answer: str
    text: str
    supporting: list[int]
    weights: list[list[float]]

    @classmethod
    def guide(cls, samples: Sequence[StoryAsked]) -> str:
        """How to read a picture of hops."""
        return (
            "<p class=guide>A row is a sentence of the story, oldest first, a column a reading of the whole story: "
            "what one hop finds is added to the question that the next one asks. Numbers are weights in hundredths; "
            "each hop's strongest has a frame, and a dot marks sentences that the answer is known to hang on. The "
            "model was never told which these are. Looking is not the same as deciding: erase a sentence and ask "
            f"again to see whether it mattered.</p><p class=guide>weight {scale_svg()}</p>"
        )

    def article(self, place: int) -> str:
        """Question, true answer, ours, and the picture."""
        texts = (("question", self.question), ("answer", self.answer), ("ours", self.text))
        listed = "".join(f"<dt>{name}</dt><dd class={name} dir=auto>{escape(text)}</dd>" for name, text in texts)
        title = f"What each hop of question {place} read. {' '.join(self._strongest())}"
        picture = hops_svg(self.story, self.weights, self.supporting, title)
        return (
            f"<article><h3>Question {place}</h3><dl>{listed}</dl>"
            f"<div class=wide tabindex=0 role=region aria-label='hops {place}'>{picture}</div></article>"
        )

    def lines(self) -> list[str]:
        """The same as text, each hop with the sentence that it read most."""
        told = [f"{'' if place else 'story':<11}{sentence}" for place, sentence in enumerate(self.story)]
        asked = [f"question   {self.question}", f"answer     {self.answer}", f"ours       {self.text}"]
        return [*told, *asked, *self._strongest()]

    def _strongest(self) -> list[str]:
        found = []
        for hop, row in enumerate(self.weights, start=1):
            place = max(range(len(row)), key=row.__getitem__, default=-1)
            if place >= 0:
                found.append(f"hop {hop}      {row[place]:.2f} {self.story[place]}")
        return found
