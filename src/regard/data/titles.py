"""Titles of items: read from a file, and put in the place of what a data set calls its items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from regard.data.interactions import Interaction
from regard.data.tables import Header, read_table


def read_titles(path: str | Path) -> dict[str, str]:
    r"""Titles of items, from a .csv, .tsv or .jsonl file with the columns item and title.

    Raises:
        ValueError: a column is missing, a title is empty or has a tab or a line break in it, or an item has two.
        OSError: the file cannot be read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "titles.csv"
        >>> _ = path.write_text("item,title\n7, Heat\n", encoding="utf-8")
        >>> read_titles(path)
        {'7': 'Heat'}
    """
    found: dict[str, str] = {}
    for row in read_table(Path(path), ("item", "title"), Header.OPTIONAL):
        item, title = (field.strip() for field in row)
        if not title or any(sign in title for sign in "\t\r\n"):
            raise ValueError(
                f"{path}:{row.line} has the title {title!r} of item {item!r}; expected one that is not empty, and "
                "without tabs and line breaks, which divide the items of histories."
            )
        if found.setdefault(item, title) != title:
            raise ValueError(
                f"{path}:{row.line} calls item {item!r} {title!r}, and a row before it {found[item]!r}; delete one."
            )
    return found


def titled(interactions: Iterable[Interaction], titles: Mapping[str, str]) -> list[Interaction]:
    """The same with items called by their titles; where two would be called alike, each keeps its number behind it.

    Example:
        >>> taken = [Interaction("Ada", item, 0.0) for item in ("1", "2", "3")]
        >>> [one.item for one in titled(taken, {"1": "Heat", "2": "Heat"})]
        ['Heat [1]', 'Heat [2]', '3']
    """
    taken = list(interactions)
    names = dict(titles)
    bare = {one.item for one in taken} - names.keys()
    while shared := {name for name, count in Counter([*names.values(), *bare]).items() if count > 1}:
        names = {item: f"{name} [{item}]" if name in shared else name for item, name in names.items()}
    return [Interaction(one.user, names.get(one.item, one.item), one.time) for one in taken]


def check_titled(interactions: Iterable[Interaction], titles: Mapping[str, str], where: str) -> None:
    """Raise ValueError where none of the items has a title, so that these are of others; `where` names their file."""
    items = dict.fromkeys(one.item for one in interactions)
    if not items.keys() & titles.keys():
        raise ValueError(
            f"{where} has no title for any item that was taken: these are {', '.join(map(repr, [*items][:3]))} and "
            f"those {', '.join(map(repr, [*titles][:3]))}; expected the same numbers or names of items in both."
        )
