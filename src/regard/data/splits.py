"""Three parts of a data set."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass
from typing import Any, Generic, TypeVar

Example = TypeVar("Example")


@dataclass(frozen=True)
class Splits(Generic[Example]):
    """Train, validation and test, and where they are from.

    Args:
        name: of the data set.
        train: what is learned from.
        validation: what choices are made by.
        test: what is read once.
        licence: in a few words.
        citation: whom to cite.
        fingerprint: of the whole, for examples too large to be hashed one by one; empty where `sha256` hashes them.
    """

    name: str
    train: list[Example]
    validation: list[Example]
    test: list[Example]
    licence: str
    citation: str
    fingerprint: str = ""

    def sha256(self) -> str:
        """A fingerprint of every example, so that a run can say what it was trained on."""
        if self.fingerprint:
            return self.fingerprint
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            for example in part:
                digest.update(json.dumps(fields_of(example), ensure_ascii=False).encode())
            digest.update(b"\0")
        return digest.hexdigest()


def fields_of(example: Any) -> list[object]:
    """The fields of an example, which is a dataclass of texts, numbers and lists of them."""
    return list(astuple(example))
