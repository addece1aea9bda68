"""A few of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

One = TypeVar("One")


def evenly(many: Sequence[One], count: int) -> Sequence[One]:
    """At most so many, evenly spread from the first on.

    Example:
        >>> evenly("abcdefgh", 3), evenly("ab", 3)
        ('ace', 'ab')
    """
    return many[:: max(1, len(many) // count)][:count]
