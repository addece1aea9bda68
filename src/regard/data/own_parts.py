"""A user's own parts of what is else made up without end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TypeVar

from regard.data.splits import Splits

Example = TypeVar("Example")


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
