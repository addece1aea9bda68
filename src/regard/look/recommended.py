"""Recommendations: a user's newest items, what is recommended, and what drove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from regard.look.alignment import scale_svg
from regard.look.driven import driven_svg


@dataclass(frozen=True)
class Recommended:
    """A user's newest items, oldest first, and what is recommended, best first.

    earlier: how many items were read before those. expected: what the user took next. weights: a row for each past
    item: what each recommendation read of it. driven: a row for each past item: the share of each recommendation's
    probability that is lost without it, negative where it gains.
    """

    view: ClassVar[str] = "recommended"
    heading: ClassVar[str] = "Recommendations"

    user: str
    history: list[str]
    earlier: int
    expected: str
    recommended: list[str]
    probabilities: list[float]
    weights: list[list[float]]
    driven: list[list[float]]

    @classmethod
    def guide(cls, samples: Sequence[Recommended]) -> str:
        """How to read a picture."""
        return (
            "<p class=guide>The list is what the model recommends of all that is new to the user, best first, with "
            "its probability; a mark stands at what the user really took next. In the picture a row is a past item, "
            "oldest first. <em>Read</em> is the attention to it for the first recommendation, in hundredths, the "
            "mean of layers and heads where there are several. The numbered columns are the recommendations: a cell "
            "is the share of a probability, in hundredths, that is lost when this item is taken out of the history "
            "and the model is asked again; below 0, the recommendation gains. The strongest cell of a column has a "
            "frame. Where both disagree, believe the second: what is read need not decide.</p>"
            f"<p class=guide>share {scale_svg()}</p>"
        )

    def article(self, place: int) -> str:
        """The list, and the picture."""
        listed = "".join(
            f"<li dir=auto>{escape(item)} <code>{probability:.3f}</code>"
            f"{'<span class=taken> ← taken next</span>' if item == self.expected else ''}</li>"
            for item, probability in zip(self.recommended, self.probabilities, strict=True)
        )
        picture = driven_svg(
            self.history, self._read(), self.driven, f"What drove the recommendations to user {place}. {self._told()}"
        )
        before = f"<p class=guide>{self.earlier} items were read before these.</p>" if self.earlier else ""
        return (
            f"<article><h3>User {escape(self.user)}</h3><ol>{listed}</ol>"
            f"<p>taken next: <strong dir=auto>{escape(self.expected)}</strong></p>{before}"
            f"<div class=wide tabindex=0 role=region aria-label='driven {place}'>{picture}</div></article>"
        )

    def lines(self) -> list[str]:
        """The same as text, each recommendation with the past item that drove it most."""
        found = [f"{'user':<11}{self.user}, who took {' · '.join(self.history[-5:])}", f"{'next':<11}{self.expected}"]
        for place, (item, probability) in enumerate(zip(self.recommended, self.probabilities, strict=True)):
            found.append(f"{'' if place else 'ours':<11}{probability:.3f} {item}{self._because(place)}")
        return found

    def _read(self) -> list[float]:
        return [row[0] if row else 0.0 for row in self.weights]

    def _because(self, place: int) -> str:
        """The past item that a recommendation hangs on most."""
        shares = [row[place] for row in self.driven]
        best = max(range(len(shares)), key=shares.__getitem__, default=-1)
        return f"  (without {self.history[best]}: {-shares[best]:+.0%})" if best >= 0 else ""

    def _told(self) -> str:
        return f"First: {self.recommended[0]}{self._because(0)}" if self.recommended else ""
