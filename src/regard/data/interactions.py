"""Who took what and when: a user's own files, and the histories that are made of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from regard.data.splits import Splits
from regard.data.tables import Header, read_table

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

    The first row may name the columns, then in any order; where it does not, they are taken as they come.

    Args:
        path: the file; .gz is unpacked.
        least_rating: only what was rated at least so high; None keeps all, rated or not.

    Raises:
        ValueError: a column is missing, a timestamp or rating is no number, a user or item has no name, or a row
            stands there twice.
        OSError: the file cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
        >>> _ = path.write_text("user,item,timestamp\nAda,Heat,3\nAda,Alien,1.5\n", encoding="utf-8")
        >>> read_interactions(path)[1]
        Interaction(user='Ada', item='Alien', time=1.5)
    """
    columns = _COLUMNS if least_rating is None else (*_COLUMNS, "rating")
    found, seen = [], set()
    for row in read_table(Path(path), columns, Header.OPTIONAL):
        user, item = (name.strip() for name in row[:2])
        what = f"user {user!r}, item {item!r}"
        if not user or not item:
            raise ValueError(
                f"{path} has a row without a user or without an item ({what}); expected a name for both."
            )
        made = Interaction(user, item, _number(path, "timestamp", row[2], what))
        if made in seen:
            raise ValueError(f"{path} has a row twice: {what}, timestamp {row[2]}; delete one of them.")
        seen.add(made)
        if least_rating is None or _number(path, "rating", row[3], what) >= least_rating:
            found.append(made)
    return found


def read_titles(path: str | Path) -> dict[str, str]:
    r"""Titles of items, from a .csv, .tsv or .jsonl file with the columns item and title.

    Raises:
        ValueError: a column is missing.
        OSError: the file cannot be read.
    """
    return dict((item.strip(), title) for item, title in read_table(Path(path), ("item", "title"), Header.OPTIONAL))


def titled(interactions: Iterable[Interaction], titles: Mapping[str, str]) -> list[Interaction]:
    """The same with items called by their titles; where two share one, each keeps its number behind it.

    Example:
        >>> taken = [Interaction("Ada", item, 0.0) for item in ("1", "2", "3")]
        >>> [one.item for one in titled(taken, {"1": "Heat", "2": "Heat"})]
        ['Heat [1]', 'Heat [2]', '3']
    """
    counts = Counter(titles.values())
    names = {item: title if counts[title] == 1 else f"{title} [{item}]" for item, title in titles.items()}
    return [Interaction(one.user, names.get(one.item, one.item), one.time) for one in interactions]


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


def _number(path: str | Path, name: str, text: str, what: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(
            f"{path} has the {name} {text!r} at {what}; expected a number, such as seconds since 1970 (a header, if "
            f"there is one, names the columns {', '.join(_COLUMNS)})."
        )
    return found
