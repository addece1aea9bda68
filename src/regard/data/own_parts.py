"""A user's own parts of what is else made up without end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from regard.data.splits import Splits

Example = TypeVar("Example")


def check_read(name: str, files: Mapping[str, object]) -> None:
    """Raise where a user names files of their own, but not that these are to be read.

    Args:
        name: what is to be read; "files" reads a user's own.
        files: what each setting of such a file holds; what is empty was not set.

    Raises:
        ValueError: a file would not be read.

    Example:
        >>> check_read("files", {"train": "mine.csv"})
        >>> check_read("trec", {"train": "mine.csv"})
        Traceback (most recent call last):
        ValueError: data.train is 'mine.csv', but data.name is 'trec', which does not read it; add data.name=files.
    """
    for setting, path in files.items():
        if path and name != "files":
            raise ValueError(
                f"data.{setting} is {path!r}, but data.name is {name!r}, which does not read it; add data.name=files."
            )


def own_parts(
    train: str | None,
    validation: str | None,
    test: str | None,
    read: Callable[[str], list[Example]],
    told: Callable[[Example], object],
    needed: str,
) -> Splits[Example]:
    """The three parts of a user's own files; without one to train on, that part is empty.

    Args:
        train: a path.
        validation: a path.
        test: a path.
        read: the examples of a path.
        told: an example as JSON holds it, by which data are told from others.
        needed: what a path is to lead to, for the error.

    Raises:
        ValueError: there is nothing to validate with or to test on; what `read` raises.

    Example:
        >>> found = own_parts(None, "ab", "c", list, str, "a text")
        >>> found.train, found.validation, found.test
        ([], ['a', 'b'], ['c'])
    """
    for name, path in (("validation", validation), ("test", test)):
        if path is None:
            raise ValueError(
                f"data.{name} is empty; with data.name=files both data.validation and data.test need {needed}, "
                f"for example data.{name}=mine.csv."
            )
    taught, checked, asked = ([] if path is None else read(path) for path in (train, validation, test))
    whole = json.dumps([[told(one) for one in part] for part in (taught, checked, asked)])
    return Splits("files", taught, checked, asked, "your own", "", hashlib.sha256(whole.encode()).hexdigest())
