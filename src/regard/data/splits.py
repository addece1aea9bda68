"""Three parts of a data set."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from regard.data.parallel import Pair


@dataclass(frozen=True)
class Splits:
    """Train, validation and test, and where they are from."""

    name: str
    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]
    licence: str
    citation: str

    def sha256(self) -> str:
        """A fingerprint of every sentence, so that a run can say what it was trained on."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            for pair in part:
                digest.update(json.dumps([pair.source, pair.target], ensure_ascii=False).encode())
            digest.update(b"\0")
        return digest.hexdigest()
