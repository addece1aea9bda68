"""What a page may show beside the maps of a record: another one to compare it with, and how far to trust it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from regard.look.attended import Attended
from regard.look.measured import Measured
from regard.look.record import Record
from regard.look.views import Views, views_of
from regard.look.views_map import Sinks


@dataclass(frozen=True, eq=False)
class Other:
    """A record with which another is compared.

    Args:
        names: what the first record and this one are called.
        record: this one.
        views: its views with sinks kept and left out.
    """

    names: tuple[str, str]
    record: Record
    views: Mapping[Sinks, Views]


@dataclass(frozen=True, eq=False)
class Beside:
    """What stands beside the maps of a record, as far as there is any of it.

    Args:
        other: a record to compare it with.
        measured: how far to trust its heads.
    """

    other: Other | None = None
    measured: Measured | None = None


NOTHING = Beside()


def described_beside(beside: Beside) -> dict[str, Any]:
    """What the page is told of it, as JSON."""
    sides = {} if beside.other is None else {"sides": list(beside.other.names)}
    return sides if beside.measured is None else {**sides, "measured": beside.measured.told()}


def other_of(record: Record, other: Record, names: tuple[str, str]) -> Other:
    """The second record, to be compared with the first cell by cell.

    Args:
        record: the first.
        other: the second, of the same attentions that read the same tokens.
        names: what both are called.

    Raises:
        ValueError: they differ in their attentions, heads, rows or tokens; it names the first difference.

    Example:
        >>> import regard as rg, torch
        >>> from regard.look.beside import other_of
        >>> model = rg.Attention()
        >>> with rg.record(model, tokens={"text": "abc"}) as seen:
        ...     _ = model(*[torch.zeros(1, 1, 3, 2)] * 3)
        >>> other_of(seen.record, seen.record.told({"text": "abd"}), ("mine", "yours"))
        Traceback (most recent call last):
        ValueError: mine and yours cannot be compared: in 'model', query 2 is 'c' in mine and 'd' in yours.
    """
    for what, left, right in _differences(record, other):
        told = f"{what} {left} in {names[0]} and {right} in {names[1]}"
        raise ValueError(f"{names[0]} and {names[1]} cannot be compared: {told}.")
    return Other(names, other, {sinks: views_of(other, sinks=sinks) for sinks in Sinks})


Difference = tuple[str, object, object]


def _differences(left: Record, right: Record) -> Iterator[Difference]:
    yield from _unequal("the attentions are", len(left.layers), len(right.layers))
    for place, (one, other) in enumerate(zip(left.layers, right.layers, strict=True)):
        yield from _unequal(f"attention {place} is", repr(one.name), repr(other.name))
        yield from _of_layer(one, other)


def _of_layer(one: Attended, other: Attended) -> Iterator[Difference]:
    for what, sizes in (
        ("texts are", (one.batch, other.batch)),
        ("queries are", (one.queries, other.queries)),
        ("keys are", (one.keys, other.keys)),
    ):
        yield from _unequal(f"in {one.name!r}, {what}", *sizes)
    yield from _unequal(f"in {one.name!r}, the heads are", list(one.numbers), list(other.numbers))
    for place, (row, same) in enumerate(zip(one.rows.tolist(), other.rows.tolist(), strict=True)):
        yield from _unequal(f"in {one.name!r}, row {place} is of token", row, same)
    yield from _tokens(f"in {one.name!r}, query", one.query_tokens, other.query_tokens)
    yield from _tokens(f"in {one.name!r}, key", one.key_tokens, other.key_tokens)


def _tokens(what: str, left: tuple[str, ...], right: tuple[str, ...]) -> Iterator[Difference]:
    for place, (one, other) in enumerate(zip(left, right, strict=True)):
        yield from _unequal(f"{what} {place} is", repr(one), repr(other))


def _unequal(what: str, left: object, right: object) -> Iterator[Difference]:
    if left != right:
        yield what, left, right
