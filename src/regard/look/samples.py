"""Examples of a run with what was looked at: each kind says itself in HTML and in plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, Self

from regard.look.glimpses import Glimpsed
from regard.look.ordered import Ordered
from regard.look.passages import Passage
from regard.look.recommended import Recommended
from regard.look.routes import Route
from regard.look.stories import StoryAsked
from regard.look.tagged import TaggedSentence
from regard.look.translations import Translated
from regard.look.writings import Written


class Sample(Protocol):
    """An example of one kind; its fields are those of samples.json.

    Attributes:
        view: what samples.json calls the kind.
        heading: of its part of the page.
    """

    view: ClassVar[str]
    heading: ClassVar[str]

    @classmethod
    def guide(cls, samples: Sequence[Self]) -> str:
        """How to read the pictures that follow, in HTML."""
        ...

    def article(self, place: int) -> str:
        """The example in HTML, the place-th of its kind, counted from 1.

        Raises:
            ValueError: its fields do not fit each other.
        """
        ...

    def lines(self) -> list[str]:
        """The example on a terminal."""
        ...


KINDS: tuple[type[Sample], ...] = (
    Translated,
    Written,
    StoryAsked,
    Passage,
    TaggedSentence,
    Recommended,
    Glimpsed,
    Route,
    Ordered,
)


def sample_of(fields: dict[str, Any]) -> Sample:
    """The sample that an entry of samples.json tells of.

    Raises:
        ValueError: its kind is not known.
        KeyError: it does not say its kind.
        TypeError: its fields are not those of its kind.
    """
    view = fields["view"]
    for kind in KINDS:
        if kind.view == view:
            return kind(**{name: value for name, value in fields.items() if name != "view"})
    raise ValueError(f"samples of the kind {view!r} are not known")
