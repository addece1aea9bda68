"""Inputs that were named in an order: which of them every step pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from regard.look.alignment import alignment_svg, scale_svg


@dataclass(frozen=True)
class Ordered:
    """Inputs, the true answer and ours, and what every step of ours pointed at.

    Args:
        name: of the instance.
        inputs: numbers of every input: one, or x and y.
        expected: inputs in the true order, counted from 0.
        answer: inputs in the order in which they were named.
        weights: for every step, the last one being the end, the probability of the end and of every input.
    """

    view: ClassVar[str] = "ordering"
    heading: ClassVar[str] = "Orders"

    name: str
    inputs: list[list[float]]
    expected: list[int]
    answer: list[int]
    weights: list[list[float]]

    @classmethod
    def guide(cls, samples: Sequence[Ordered]) -> str:
        """How to read a picture of pointing."""
        return (
            "<p class=guide>A column is an input, as it came, and the last one is the end; a row is a step. Numbers "
            "are the probabilities of being pointed at, in hundredths, and a frame is around the most probable. Here "
            "weights are the answer itself: nothing stands between them and what is said.</p>"
            f"<p class=guide>probability {scale_svg()}</p>"
        )

    def article(self, place: int) -> str:
        """True answer, ours, and the picture."""
        verdict = "" if self.answer == self.expected else " <strong class=wrong>✗ not the true order</strong>"
        return (
            f"<article><h3>{escape(self.name)}</h3><dl><dt>ours</dt><dd class=ours>{self._told(self.answer)}{verdict}"
            f"</dd><dt>true</dt><dd class=reference>{self._told(self.expected)}</dd></dl>"
            f"<div class=wide tabindex=0 role=region aria-label='steps {place}'>{self.picture()}</div></article>"
        )

    def picture(self) -> str:
        """Steps times inputs, the end last.

        Raises:
            ValueError: there is not one row for each step and the end, or not one weight for each input and the end.

        Example:
            >>> one = Ordered("a", [[3.0], [1.0]], [1, 0], [1, 0], [[0, 0.1, 0.9], [0, 1, 0], [1, 0, 0]])
            >>> one.picture().count(" strongest")
            3
        """
        columns = [*(self._input(place) for place in range(len(self.inputs))), "end"]
        rows = [*(f"step {step}" for step in range(1, len(self.answer) + 1)), "end"]
        return alignment_svg(columns, rows, [[*row[1:], *row[:1]] for row in self.weights], f"Steps of {self.name}")

    def lines(self) -> list[str]:
        """The same as text."""
        return [
            f"instance   {self.name}",
            f"true       {self._told(self.expected)}",
            f"ours       {self._told(self.answer)}",
        ]

    def _told(self, places: Sequence[int]) -> str:
        return " ".join(self._input(place) for place in places)

    def _input(self, place: int) -> str:
        numbers = ", ".join(f"{number:.4g}" for number in self.inputs[place])
        return numbers if len(self.inputs[place]) == 1 else f"{place + 1} ({numbers})"
