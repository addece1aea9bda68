"""Texts with their words and sentences shaded by how much they were looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

# As in the colours of maps: a root makes small shares visible.
_ROOT = 0.7
_SHOWN = 12


@dataclass(frozen=True)
class Passage:
    """A text with a class: each sentence has a weight in the text, and words as (start, end, weight in the sentence).

    Args:
        text: as it was written.
        label: the predicted class.
        true: the class that it has.
        probabilities: of every class.
        sentences: "weight" and "words" of each, in the order of the text.
    """

    view: ClassVar[str] = "passage"
    heading: ClassVar[str] = "Texts"

    text: str
    label: str
    true: str
    probabilities: dict[str, float]
    sentences: list[dict[str, Any]]

    @classmethod
    def guide(cls, samples: Sequence[Passage]) -> str:
        """How to read a shaded text."""
        return (
            "<p class=guide>The more a word stands out from the page, the larger its share of the looking; the word "
            "with the most has the deepest shade, and a line under it. The bar before a sentence is the sentence's "
            "share. Point at a word for its share in hundredths. Looking is not the same as deciding: a shade shows "
            f"where the model read, not why it chose a class.</p><p class=guide>share {scale()}</p>"
        )

    def article(self, place: int) -> str:
        """Classes, the shaded text, and the strongest words as a table."""
        said = f"{escape(self.label)} ({100 * self.probabilities[self.label]:.0f} %)"
        verdict = "" if self.label == self.true else " <strong class=wrong>✗ not as labelled</strong>"
        listed = (
            f"<dt>ours</dt><dd class=ours dir=auto>{said}{verdict}</dd>"
            f"<dt>label</dt><dd class=reference dir=auto>{escape(self.true)}</dd>"
        )
        return f"<article><h3>Text {place}</h3><dl>{listed}</dl>{self._shaded()}{self._table()}</article>"

    def lines(self) -> list[str]:
        """The same as text: the words with the largest shares."""
        most = "  ".join(f"{word} {100 * share:.0f}" for word, share in self.strongest()[:6])
        return [
            f"text       {' '.join(self.text.split())}",
            f"label      {self.true}",
            f"ours       {self.label} ({100 * self.probabilities[self.label]:.0f} %)",
            *([f"looked at  {most}"] if most else []),
        ]

    def strongest(self) -> list[tuple[str, float]]:
        """Words with a share of the looking, largest first."""
        found = [(self.text[start:end], share) for start, end, share in self._shares()]
        return sorted((one for one in found if one[1] > 0), key=lambda one: -one[1])

    def _shares(self) -> Iterator[tuple[int, int, float]]:
        """Start, end and share in the whole text of every word."""
        for sentence in self.sentences:
            for start, end, weight in sentence["words"]:
                yield start, end, weight * sentence["weight"]

    def _shaded(self) -> str:
        """The text, nothing of it left out, every sentence with its bar and every word with its shade."""
        most = max((share for _start, _end, share in self._shares()), default=0.0) or 1.0
        heaviest = max((one["weight"] for one in self.sentences), default=0.0) or 1.0
        parts, at = [], 0
        for sentence in self.sentences:
            for start, end, weight in sentence["words"]:
                if not at <= start < end <= len(self.text):
                    raise ValueError(f"a word is at {start} to {end} of a text of {len(self.text)}, after {at}.")
                # What comes before the first word of a sentence ends the sentence before.
                parts.append(escape(self.text[at:start]))
                if start == sentence["words"][0][0]:
                    parts.append(_bar(sentence["weight"], heaviest) if len(self.sentences) > 1 else "")
                parts.append(_word(self.text[start:end], weight * sentence["weight"], most))
                at = end
        return f"<p class=passage dir=auto>{''.join(parts)}{escape(self.text[at:])}</p>"

    def _table(self) -> str:
        rows = "".join(
            f"<tr><th scope=row dir=auto>{escape(word)}</th><td class=number>{100 * share:.1f}</td></tr>"
            for word, share in self.strongest()[:_SHOWN]
        )
        head = "<tr><th scope=col>word</th><th scope=col class=number>share in hundredths</th></tr>"
        return (
            "<details><summary>The words that were looked at most, as a table</summary>"
            f"<table><thead>{head}</thead><tbody>{rows}</tbody></table></details>"
        )


def scale() -> str:
    """Shades from none to the deepest, with their share of the largest."""
    steps = " ".join(_word(f"{place} %", place, 100) for place in (2, 10, 25, 50, 100))
    return f"<span class='passage scale'>{steps} of the largest</span>"


def _word(word: str, share: float, most: float) -> str:
    strength = max(0.0, share / most) ** _ROOT
    if strength < 0.01:
        return escape(word)
    kind = "word most" if share == most else "word"
    return f"<span class='{kind}' style='--strength:{strength:.2f}' title='{100 * share:.1f}'>{escape(word)}</span>"


def _bar(weight: float, heaviest: float) -> str:
    height = 2 + round(14 * max(0.0, weight) / heaviest)
    return f"<span class=share style='height:{height}px' title='sentence: {100 * weight:.1f}'></span>"
