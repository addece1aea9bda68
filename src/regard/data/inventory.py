"""Things by number."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from regard.data.written import write_text


@dataclass(frozen=True)
class Inventory:
    """A list of different things, such as words, letters or tags; a thing's number is its place.

    Args:
        items: the things; by convention the first ones may stand for padding and for what is unknown.

    Raises:
        ValueError: a thing occurs twice.

    Example:
        >>> tags = Inventory.of(["NOUN", "DET", "NOUN"])
        >>> tags.items, tags.number("DET"), tags.number("VERB", -1)
        (('NOUN', 'DET'), 1, -1)
    """

    items: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self._numbers) != len(self.items):
            twice = next(item for item, count in Counter(self.items).items() if count > 1)
            raise ValueError(f"items has {twice!r} more than once; expected different things.")

    @classmethod
    def of(cls, things: Iterable[str], special: tuple[str, ...] = (), least: int = 1) -> Inventory:
        """Special things first, then what occurs `least` times or more; the most frequent first, ties by letters."""
        ranked = sorted(Counter(things).items(), key=lambda counted: (-counted[1], counted[0]))
        return cls(
            (*special, *(thing for thing, count in ranked if count >= least and thing not in special)),
        )

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {item: number for number, item in enumerate(self.items)}

    def __len__(self) -> int:
        return len(self.items)

    def number(self, thing: str, otherwise: int = 0) -> int:
        """Its number, or another one where it is not listed."""
        return self._numbers.get(thing, otherwise)

    def save(self, path: Path) -> None:
        """Write it as JSON, at once."""
        write_text(path, json.dumps(self.items, ensure_ascii=False))

    @classmethod
    def load(cls, path: Path) -> Inventory:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not an inventory.
        """
        try:
            items = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError):
            items = None
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ValueError(f"{path} is not an inventory that Regard wrote; it is damaged or cut short.")
        return cls(tuple(items))
