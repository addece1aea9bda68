"""Many taken some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

One = TypeVar("One")


def chunks(many: Iterator[One], count: int) -> Iterator[list[One]]:
    """Lists of so many, the last of fewer; where the next cannot be had, those before it come first.

    Raises:
        Exception: what `many` raises.

    Example:
        >>> found = chunks((12 // (2 - place) for place in range(5)), 3)
        >>> next(found)
        [6, 12]
        >>> next(found)
        Traceback (most recent call last):
        ZeroDivisionError: integer division or modulo by zero
    """
    while True:
        chunk: list[One] = []
        try:
            # Not extend: it leaves out all that came before an error.
            for one in islice(many, count):
                chunk.append(one)  # noqa: PERF402
        except Exception:
            if chunk:
                yield chunk
            raise
        if not chunk:
            return
        yield chunk
