"""Tagged sentences: what the words looked at, and which tags follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from regard.look.alignment import alignment_svg, scale_svg, shown
from regard.look.lattice import Lattice, lattice_svg


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence with tags, probabilities of tags, scores of transitions, and attention if there was any.

    states: the tags that are shown. marginals: a row for each of them, a number for each word. transitions: a row for
    each of them, a score for each that may follow. weights: a row for each word that looks, a number for each that it
    looks at.
    """

    view: ClassVar[str] = "tagged"
    heading: ClassVar[str] = "Tagged sentences"

    words: list[str]
    expected: list[str]
    tags: list[str]
    states: list[str]
    marginals: list[list[float]]
    transitions: list[list[float]]
    weights: list[list[float]] | None

    @classmethod
    def guide(cls, samples: Sequence[TaggedSentence]) -> str:
        """How to read both pictures."""
        attention = (
            "<p class=guide>Below it, a row is a word and a column one that it looked at, the mean of all heads; the "
            "strongest cell of a row has a frame. Attention shows where the model read, not why it chose a tag.</p>"
        )
        return (
            "<p class=guide>A row is a tag, a column a word. The more a cell stands out from the ground, the more "
            "probable is this tag there, all tags of the sentence considered. Framed cells joined by lines are the "
            "tags that were chosen, with their probability in hundredths; the numbers below the lines are the scores "
            "of one tag after another, which are the same at every place. Where the choice is wrong, the true tag "
            f"has a dashed frame.</p>{attention if any(sample.weights for sample in samples) else ''}"
            f"<p class=guide>probability or weight {scale_svg()}</p>"
        )

    def article(self, place: int) -> str:
        """Lattice, attention and a table of the words."""
        made = Lattice(self.words, self.states, self.marginals, self.tags, self.expected, self.transitions)
        tags = lattice_svg(made, f"Tags of sentence {place}; the table after it says the same.")
        looks = ""
        if self.weights is not None:
            title = f"Attention of sentence {place}: words at the left look at words above."
            looks = _wide(f"attention {place}", alignment_svg(self.words, self.words, self.weights, title))
        return f"<article><h3>Sentence {place}</h3>{_wide(f'tags {place}', tags)}{looks}{self._table()}</article>"

    def lines(self) -> list[str]:
        """The same as text: each word with its tag, the true one where it differs, and where it looked most."""
        found = [f"{shown(word)}/{tag}" for word, tag in zip(self.words, self.tags, strict=True)]
        wrong = [
            f"{shown(word)}/{tag} for {true}"
            for word, tag, true in zip(self.words, self.tags, self.expected, strict=True)
            if tag != true
        ]
        looked = [f"{shown(word)}←{shown(other)}" for word, other in zip(self.words, self._looked(), strict=False)]
        return [
            f"tags       {' '.join(found)}",
            f"wrong      {', '.join(wrong) or 'none'}",
            *([f"looked at  {'  '.join(looked)}"] if looked else []),
        ]

    def _looked(self) -> list[str]:
        return [self.words[max(range(len(row)), key=row.__getitem__)] for row in self.weights or []]

    def _table(self) -> str:
        looked = self._looked() or ["" for _word in self.words]
        rows = "".join(
            f"<tr><th scope=row dir=auto>{escape(shown(word))}</th><td>{escape(tag)}</td><td>{escape(true)}</td>"
            f"<td class=number>{self.marginals[self.states.index(tag)][at]:.2f}</td>"
            f"<td dir=auto>{escape(shown(other)) if other else ''}</td></tr>"
            for at, (word, tag, true, other) in enumerate(
                zip(self.words, self.tags, self.expected, looked, strict=True)
            )
        )
        heads = ("word", "chosen", "true", "probability", "looked most at")
        head = "".join(f"<th scope=col>{name}</th>" for name in heads)
        return (
            "<details><summary>Every word with its tag, as a table</summary>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></details>"
        )


def _wide(name: str, picture: str) -> str:
    return f"<div class=wide tabindex=0 role=region aria-label='{name}'>{picture}</div>"
