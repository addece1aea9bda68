"""Pictures with classes by name or from a user's own files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Literal

from regard.data import Picture, Splits, mnist, read_pictures, shapes
from regard.data.own_parts import check_read
from regard.data.pictures import check_size, fingerprint

# No share that is asked for is finer.
_FINEST = 1_000_000


@dataclass(frozen=True)
class LabelledPictures:
    """Which pictures with classes.

    Args:
        name: mnist, shapes (made up, nothing is downloaded), or "files" for your own.
        folder: where MNIST's archive lies, instead of the package index.
        train: your own training pictures: a folder with a folder of image files for each class, or a .csv file of
            classes and pixels (with name: files).
        test: your own test pictures, in the same way.
        validation: your own validation pictures; without them, every n-th training picture of each class.
        held_out: the share that this is of them, at most a half.
        shift: pixels that a training picture is moved by at most, down or up and right or left, by chance; 0 for
            pictures that end at their edges.
        batch: pictures at a time.
    """

    name: Literal["mnist", "shapes", "files"] = "mnist"
    folder: str | None = None
    train: str | None = None
    test: str | None = None
    validation: str | None = None
    held_out: float = 0.1
    shift: int = 2
    batch: int = 128

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"data.batch is {self.batch}, expected a positive number.")
        if self.shift < 0:
            raise ValueError(f"data.shift is {self.shift}, expected 0 or more pixels.")
        if not 0 < self.held_out <= 0.5:
            raise ValueError(f"data.held_out is {self.held_out}, expected more than 0 and at most 0.5.")

    def load(self) -> Splits[Picture]:
        """The pictures.

        Raises:
            ValueError: a file is missing, damaged or would not be read, pictures differ in size, a class is not among
                the training ones, or has too few to hold some out.
            OSError: a file cannot be had.
        """
        check_read(self.name, {"train": self.train, "validation": self.validation, "test": self.test})
        if self.name == "mnist":
            return mnist.load(None if self.folder is None else Path(self.folder))
        if self.name == "shapes":
            return shapes.load_shapes()
        if self.train is None or self.test is None:
            missing = "train" if self.train is None else "test"
            raise ValueError(
                f"data.{missing} is null; with data.name=files both data.train and data.test need pictures, for "
                f"example data.{missing}={missing}.csv or a folder with a folder for each class."
            )
        train, test = read_pictures(self.train), read_pictures(self.test)
        if self.validation is not None:
            validation = read_pictures(self.validation)
        else:
            train, validation = hold_out_of_each(train, self.held_out)
        for name, part in (("validation", validation), ("test", test)):
            _check_fit(train, part, f"data.{name}")
        return Splits("files", train, validation, test, "your own", "", fingerprint(train, validation, test))


def labels_of(pictures: Sequence[Picture]) -> list[str]:
    """Every class once, in alphabetical order.

    Raises:
        ValueError: there are fewer than two.
    """
    found = sorted({one.label for one in pictures})
    if len(found) < 2:
        raise ValueError(f"the training pictures have the class(es) {found}; expected at least two different ones.")
    return found


def hold_out_of_each(pictures: Sequence[Picture], share: float) -> tuple[list[Picture], list[Picture]]:
    """Pictures to learn from, and a share of every class, evenly spread over it, to validate with.

    Raises:
        ValueError: a class has too few pictures for one of them to be held out.

    Example:
        >>> import numpy as np
        >>> some = [Picture(np.zeros((1, 1), np.uint8), label) for label in "aabaab"]
        >>> [[one.label for one in part] for part in hold_out_of_each(some, 0.5)]
        [['a', 'b', 'a'], ['a', 'a', 'b']]
    """
    # As it was written: 0.29 of 100 are 29, of which a binary fraction is a little short.
    exact = max(Fraction(share).limit_denominator(_FINEST), Fraction(1, _FINEST))
    counts: Counter[str] = Counter()
    kept: list[Picture] = []
    held: list[Picture] = []
    for one in pictures:
        before = int(counts[one.label] * exact)
        counts[one.label] += 1
        (held if int(counts[one.label] * exact) > before else kept).append(one)
    few = next((label for label, count in counts.items() if count * exact < 1), None)
    if few is not None:
        raise ValueError(
            f"data.train has {counts[few]} picture(s) of the class {few!r}, expected at least {ceil(1 / exact)} "
            f"where data.held_out is {share} of each class; add some, raise data.held_out, or name others to "
            "validate with in data.validation."
        )
    return kept, held


def _check_fit(train: Sequence[Picture], part: Sequence[Picture], where: str) -> None:
    """Raise ValueError where a picture has another size, or a class that no training picture has."""
    known = {one.label for one in train}
    for number, one in enumerate(part, start=1):
        check_size(one.pixels, train[0].pixels.shape, f"{where}: picture {number}")
        if one.label not in known:
            shown = ", ".join(sorted(known)[:5]) + (", ..." if len(known) > 5 else "")
            raise ValueError(
                f"{where}: picture {number} has the class {one.label!r}, which no training picture has; expected one "
                f"of {shown}. Correct it, or put pictures of this class into data.train."
            )
