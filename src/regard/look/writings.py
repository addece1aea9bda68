"""Texts that a language model wrote on, and how each of its heads read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from regard.look.alignment import scale_svg, shown
from regard.look.heads import distance, heads_svg


@dataclass(frozen=True)
class Written:
    """A beginning, what the model wrote after it, and the weights with which its heads read some of the tokens.

    weights: of each layer, of each head, one row for each of `tokens`.
    """

    view: ClassVar[str] = "heads"
    heading: ClassVar[str] = "Texts"

    prompt: str
    text: str
    reference: str
    tokens: list[str]
    weights: list[list[list[list[float]]]]

    @classmethod
    def guide(cls, samples: Sequence[Written]) -> str:
        """How to read maps of heads."""
        return (
            "<p class=guide>Every small map is a head; layers go down, from the one that reads the text itself to "
            "the one that the answer is made of. In a map, a row is a token that looks and a column one that is "
            "looked at, in the order of reading, so the diagonal is a token that looks at itself. The more a cell "
            "stands out, the more weight it has; point at it for the number. Above a map stands how many tokens away "
            "its head looks on average. What a head reads is one of many things that decide what is written next.</p>"
            f"<p class=guide>weight {scale_svg()}</p>"
        )

    def article(self, place: int) -> str:
        """Beginning, continuation, what really followed, and a map of every head."""
        texts = (("beginning", self.prompt), ("reference", self.reference), ("ours", self.text))
        listed = "".join(
            f"<dt>{name}</dt><dd class={name} dir=auto>{escape(text) or '<i>empty</i>'}</dd>" for name, text in texts
        )
        title = f"How every head reads the text {place}; the table after it says how far each looks."
        picture = heads_svg(self.tokens, self.weights, title)
        return (
            f"<article><h3>Text {place}</h3><dl class=lines>{listed}</dl>"
            f"<div class=wide tabindex=0 role=region aria-label='heads {place}'>{picture}</div>"
            f"{self._table()}</article>"
        )

    def lines(self) -> list[str]:
        """The same as text, with what each head of the last layer looked at most from the last token."""
        strongest = [
            f"{shown(self.tokens[_strongest(rows[-1])])} {max(rows[-1]):.2f}" for rows in self.weights[-1] if rows
        ]
        return [
            f"beginning  {_one_line(self.prompt)}",
            f"reference  {_one_line(self.reference)}",
            f"ours       {_one_line(self.text)}",
            f"looked at  {'  '.join(strongest)}   (from the last token, by the last layer's heads)",
        ]

    def _table(self) -> str:
        rows = "".join(
            f"<tr><th scope=row>layer {layer + 1}, head {head + 1}</th><td class=number>{distance(weights):.2f}</td>"
            f"<td dir=auto>{escape(shown(self.tokens[_strongest(weights[-1])]))}</td>"
            f"<td class=number>{max(weights[-1]):.2f}</td></tr>"
            for layer, heads in enumerate(self.weights)
            for head, weights in enumerate(heads)
            if weights
        )
        head = (
            "<tr><th scope=col>head</th><th scope=col class=number>tokens away</th>"
            "<th scope=col>the last token looks most at</th><th scope=col class=number>weight</th></tr>"
        )
        return (
            "<details><summary>How far every head looks, as a table</summary>"
            f"<table><thead>{head}</thead><tbody>{rows}</tbody></table></details>"
        )


def _strongest(row: Sequence[float]) -> int:
    return max(range(len(row)), key=row.__getitem__)


def _one_line(text: str) -> str:
    return text.replace("\n", " ⏎ ")
