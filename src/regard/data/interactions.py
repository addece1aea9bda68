"""Who took what and when: a user's own files, and the histories that are made of them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.data.splits import Splits
from regard.data.tables import Header, read_lines, read_table

_COLUMNS = ("user", "item", "timestamp")


@dataclass(frozen=True)
class Interaction:
    """A user took an item at a time, counted in any unit."""

    user: str
    item: str
    time: float


@dataclass(frozen=True)
class History:
    """What a user took, oldest first; where something is to be predicted, it is the last one.

    Example:
        >>> History("Ada", ("Alien", "Heat")).items[-1]
        'Heat'
    """

    user: str
    items: tuple[str, ...]


def read_interactions(path: str | Path, least_rating: float | None = None) -> list[Interaction]:
    r"""Interactions of a .csv, .tsv or .jsonl file with the columns user, item, timestamp and, if it likes, rating.

    The first row may name the columns, then in any order; where it does not, they are user, item and timestamp and no
    others, as everybody has those that follow in an order of their own.

    Args:
        path: the file; .gz is unpacked.
        least_rating: only what was rated at least so high; None keeps all, rated or not.

    Raises:
        ValueError: a column is missing, or there is one that nobody named; a timestamp or rating is no number, a user
            or item has no name, a row stands there twice, or none is rated so high.
        OSError: the file cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
        >>> _ = path.write_text("user,item,timestamp\nAda,Heat,3\nAda,Alien,1.5\n", encoding="utf-8")
        >>> read_interactions(path)[1]
        Interaction(user='Ada', item='Alien', time=1.5)
    """
    columns = _COLUMNS if least_rating is None else (*_COLUMNS, "rating")
    _check_columns(Path(path), columns)
    rows = read_table(Path(path), columns, Header.OPTIONAL)
    found, seen = [], set()
    for row in rows:
        place = f"{path}:{row.line}"
        user, item = (name.strip() for name in row[:2])
        what = f"user {user!r}, item {item!r}"
        if not user or not item:
            raise ValueError(
                f"{place} has a row without a user or without an item ({what}); expected a name for both."
            )
        made = Interaction(user, item, _number(place, "timestamp", row[2], what))
        if made in seen:
            raise ValueError(f"{place} has a row twice: {what}, timestamp {row[2]}; delete one of them.")
        seen.add(made)
        if least_rating is None or _number(place, "rating", row[3], what) >= least_rating:
            found.append(made)
    if rows and not found:
        highest = max(float(row[3]) for row in rows)
        raise ValueError(f"{path} has no row rated at least {least_rating:g}; the highest rating is {highest:g}.")
    return found


def leave_one_out(name: str, interactions: Iterable[Interaction], licence: str, citation: str) -> Splits[History]:
    """Each user's last item for the test, the last but one for validation, all before it for training.

    What was taken at the same time stays in the order in which it stands in the file. A test history begins with all
    that came before it, validation's item too. Who took fewer than three items is trained on alone.

    Raises:
        ValueError: nobody took three items.

    Example:
        >>> taken = [Interaction("Ada", item, time) for item, time in (("c", 3), ("a", 1), ("b", 2))]
        >>> found = leave_one_out("mine", taken, "", "")
        >>> found.train[0].items, found.validation[0].items, found.test[0].items
        (('a',), ('a', 'b'), ('a', 'b', 'c'))

    Source: Kang and McAuley 2018, section IV.A.
    """
    taken: dict[str, list[Interaction]] = {}
    for one in interactions:
        taken.setdefault(one.user, []).append(one)
    whole = [
        History(user, tuple(one.item for one in sorted(rows, key=lambda row: row.time)))
        for user, rows in taken.items()
    ]
    long = [one for one in whole if len(one.items) >= 3]
    if not long:
        raise ValueError(
            f"{name} has {len(whole)} users, none of whom took three items; one each is for training, validation "
            "and the test."
        )
    train = [History(one.user, one.items[:-2]) if len(one.items) >= 3 else one for one in whole]
    validation = [History(one.user, one.items[:-1]) for one in long]
    return Splits(name, train, validation, long, licence, citation)


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    """Raise where the columns are not those that are wanted, but could be taken for them."""
    kind = path.name.removesuffix(".gz").rsplit(".", 1)[-1]
    # Fields of .jsonl have their names in every row; other kinds are refused by who reads them.
    if kind not in ("csv", "tsv"):
        return
    first = next((line for line in read_lines(path) if line.strip()), "")
    names = next(csv.reader([first], delimiter="\t" if kind == "tsv" else ","), [])
    known = {name.strip().lower() for name in names}
    if {*_COLUMNS} <= known and not {*columns} <= known:
        raise ValueError(
            f"{path} names the columns {', '.join(map(repr, names))}; data.least_rating needs one more, rating."
        )
    if not {*_COLUMNS} <= known and (len(names) > len(_COLUMNS) or len(columns) > len(_COLUMNS)):
        raise ValueError(
            f"{path} begins with {len(names)} columns, of which the first row does not name {', '.join(columns)}; "
            "without a header the three columns user, item and timestamp are read, so add one, for example "
            f"{','.join((*_COLUMNS, 'rating'))}."
        )


def _number(place: str, name: str, text: str, what: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(
            f"{place} has the {name} {text!r} at {what}; expected a number, such as seconds since 1970 (a header, if "
            f"there is one, names the columns {', '.join(_COLUMNS)})."
        )
    return found
