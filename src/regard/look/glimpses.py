"""Pictures that were looked at glimpse by glimpse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from regard.look.glimpse_svg import glimpse_svg


@dataclass(frozen=True)
class Glimpsed:
    """A picture with its class, ours, and where was looked.

    Args:
        pixels: rows of grey, 0 to 255.
        label: the predicted class.
        true: the class that it has.
        probabilities: of every class.
        middles: (x, y) of every glimpse, in pixels from the upper left corner.
        crops: what was seen there.
    """

    view: ClassVar[str] = "glimpses"
    heading: ClassVar[str] = "Pictures"

    pixels: list[list[int]]
    label: str
    true: str
    probabilities: dict[str, float]
    middles: list[tuple[float, float]]
    crops: list[list[list[int]]]

    @classmethod
    def guide(cls, samples: Sequence[Glimpsed]) -> str:
        """How to read a path."""
        return (
            "<p class=guide>Squares are what was seen, nothing else was; numbers and the shades behind them follow "
            "the order of looking, and a line leads from one to the next. Small pictures at the side are the "
            "glimpses as they were seen, bars are the odds of the classes after the last one. Where to look next was "
            "learned from being right in the end; nobody said where.</p>"
        )

    def article(self, place: int) -> str:
        """Classes, and the picture with its path."""
        verdict = "" if self.label == self.true else " <strong class=wrong>✗ not as labelled</strong>"
        listed = (
            f"<dt>ours</dt><dd class=ours dir=auto>{escape(self.label)} ({self._odds()}){verdict}</dd>"
            f"<dt>label</dt><dd class=reference dir=auto>{escape(self.true)}</dd>"
        )
        title = f"Picture {place}: {self.label}, {self._odds()}, after glimpses at {self._path()}."
        drawn = glimpse_svg(self.pixels, self.middles, self.crops, self.probabilities, title)
        return (
            f"<article><h3>Picture {place}</h3><dl>{listed}</dl>"
            f"<div class=wide tabindex=0 role=region aria-label='glimpses {place}'>{drawn}</div></article>"
        )

    def lines(self) -> list[str]:
        """The same as text: classes, and column and row of every glimpse."""
        return [f"label      {self.true}", f"ours       {self.label} ({self._odds()})", f"looked at  {self._path()}"]

    def _odds(self) -> str:
        return f"{100 * self.probabilities[self.label]:.0f} %"

    def _path(self) -> str:
        return "  ".join(f"{number} ({x:.0f}, {y:.0f})" for number, (x, y) in enumerate(self.middles, start=1))
