"""Translations and their alignment maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from regard.look.alignment import alignment_svg, labels, scale_svg, shown


@dataclass(frozen=True)
class Translated:
    """A translation and what was looked at for it: one row of weights for each target piece."""

    view: ClassVar[str] = "translation"
    heading: ClassVar[str] = "Translations"

    source: list[str]
    target: list[str]
    reference: str
    text: str
    source_text: str
    weights: list[list[float]] | None

    @classmethod
    def guide(cls, samples: Sequence[Translated]) -> str:
        """How to read an alignment map."""
        if not any(sample.weights for sample in samples):
            return ""
        return (
            "<p class=guide>A row is a piece of the translation, a column a piece of the source; the end is ⏎. The "
            "more a cell stands out from the ground, the more the model looked there while it wrote the row. The "
            "strongest cell of a row has a frame, and its weight in hundredths where there is room; point at a cell "
            "for its weight. Looking is not the same as deciding: a map shows where the model read, not why it "
            f"chose a word.</p><p class=guide>weight {scale_svg()}</p>"
        )

    def article(self, place: int) -> str:
        """Source, reference, translation, map and table."""
        texts = (("source", self.source_text), ("reference", self.reference), ("ours", self.text))
        listed = "".join(
            f"<dt>{name}</dt><dd class={name} dir=auto>{escape(text) or '<i>empty</i>'}</dd>" for name, text in texts
        )
        return f"<article><h3>Translation {place}</h3><dl>{listed}</dl>{self._map(place)}</article>"

    def lines(self) -> list[str]:
        """The same as text, each piece with the source piece it looked at most."""
        pairs = "  ".join(f"{shown(a)}←{shown(b)}" for a, b, _weight in self.strongest())
        return [
            f"source     {self.source_text}",
            f"reference  {self.reference}",
            f"ours       {self.text}",
            *([f"looked at  {pairs}"] if pairs else []),
        ]

    def strongest(self) -> list[tuple[str, str, float]]:
        """For each target piece the source piece with the largest weight."""
        found = []
        for piece, row in zip(self.target, self.weights or [], strict=False):
            place = max(range(len(row)), key=row.__getitem__, default=-1)
            if place >= 0:
                found.append((piece, self.source[place], row[place]))
        return found

    def _map(self, place: int) -> str:
        if not self.weights:
            return "<p class=guide>This model does not look at single source pieces.</p>"
        title = f"Alignment map of translation {place}; the table after it says the same."
        picture = alignment_svg(self.source, self.target, self.weights, title)
        names = labels(self.target)
        rows = "".join(
            f"<tr><th scope=row dir=auto>{escape(names[at])}</th><td dir=auto>{escape(shown(other))}</td>"
            f"<td class=number>{weight:.2f}</td></tr>"
            for at, (_piece, other, weight) in enumerate(self.strongest())
        )
        head = (
            "<tr><th scope=col>target piece</th><th scope=col>looked most at</th>"
            "<th scope=col class=number>weight</th></tr>"
        )
        return (
            f"<div class=wide tabindex=0 role=region aria-label='map {place}'>{picture}</div>"
            f"<details><summary>Strongest source piece of every target piece, as a table</summary>"
            f"<table><thead>{head}</thead><tbody>{rows}</tbody></table></details>"
        )
