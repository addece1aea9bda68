"""Histories from lines, and what their user should know about them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from regard.data.history_batches import SPECIAL
from regard.data.inventory import Inventory


def parse_history(line: str, where: str) -> list[str]:
    r"""The items of a line, oldest first: divided by tabs, or a list of texts as JSON.

    Raises:
        ValueError: it begins as a list of texts or is JSON, and is not a list of texts; `where` names the line.

    Example:
        >>> parse_history("Heat\tAlien", "here") == parse_history('["Heat", "Alien"]', "here")
        True
        >>> parse_history("[REC] (2007)\tHeat", "here")
        ['[REC] (2007)', 'Heat']
    """
    divided = [item.strip() for item in line.split("\t") if item.strip()]
    if not line.startswith("["):
        return divided
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        # A title may begin so, too, but hardly with a quotation mark in it.
        found = None if line[1:].lstrip().startswith('"') else divided
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError(f"{where} begins with [ but is no list of texts as JSON.")
    return found


def in_chunks(histories: Iterable[list[str]], most: int) -> Iterator[list[list[str]]]:
    """Histories, so many at a time; where one cannot be read, those before it come first.

    Raises:
        ValueError: as `histories` raises it.

    Example:
        >>> list(in_chunks([["Heat"], ["Alien"], []], 2))
        [[['Heat'], ['Alien']], [[]]]
    """
    chunk: list[list[str]] = []
    try:
        for history in histories:
            chunk.append(history)
            if len(chunk) == most:
                yield chunk
                chunk = []
    except ValueError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def noted(history: Sequence[str], items: Inventory) -> str:
    """What should be known about a history: items that are not known, or taken twice; empty where there is nothing.

    Example:
        >>> noted(["Heat", "Heat"], Inventory((*SPECIAL, "Heat")))
        'has an item more than once, and is read as it is'
    """
    unknown = [item for item in dict.fromkeys(history) if items.number(item, -1) < 0]
    told = []
    if unknown:
        near = get_close_matches(unknown[0], items.items[len(SPECIAL) :], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        told.append(f"has {len(unknown)} items that training never showed, the first is {unknown[0]!r}{hint}")
    if len(unknown) == len(set(history)):
        told.append("has no item that is known, so that everyone new gets the same")
    if len(set(history)) < len(history):
        told.append("has an item more than once, and is read as it is")
    return "; ".join(told)
