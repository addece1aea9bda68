"""A run folder as plain data."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard


@dataclass(frozen=True)
class Score:
    """A number, what it measures, and the protocol that makes it comparable."""

    name: str
    value: float
    protocol: str


@dataclass(frozen=True)
class Sample:
    """A translation and what was looked at for it: one row of weights for each target piece."""

    source: list[str]
    target: list[str]
    reference: str
    text: str
    source_text: str
    weights: list[list[float]] | None

    def strongest(self) -> list[tuple[str, str, float]]:
        """For each target piece the source piece with the largest weight."""
        found = []
        for piece, row in zip(self.target, self.weights or [], strict=False):
            place = max(range(len(row)), key=row.__getitem__, default=-1)
            if place >= 0:
                found.append((piece, self.source[place], row[place]))
        return found


@dataclass(frozen=True)
class Run:
    """What a run folder holds."""

    name: str
    settings: str
    log: list[dict[str, Any]]
    scores: dict[str, list[Score]]
    samples: list[Sample]

    def points(self, kind: str, name: str) -> list[tuple[float, float]]:
        """A curve: (step, value) of log entries of a kind, where the value is a finite number."""
        found = [(e.get("step"), e.get(name)) for e in self.log if e.get("kind") == kind]
        return [(x, y) for x, y in found if _finite(x) and _finite(y)]


def read_run(folder: Path) -> Run:
    """Read a run folder; what is not written yet is empty.

    Raises:
        FileNotFoundError: it is not a run folder.
        ValueError: a file in it is damaged.
    """
    if not (folder / "config.yaml").exists():
        raise FileNotFoundError(f"{folder} is not a run folder: it has no config.yaml.")
    try:
        scores = {
            kind: [Score(str(one["name"]), float(one["value"]), str(one["protocol"])) for one in found]
            for kind, found in _json(folder / "scores.json", {}).items()
        }
        samples = [Sample(**sample) for sample in _json(folder / "samples.json", [])]
        settings = (folder / "config.yaml").read_text(encoding="utf-8")
        return Run(folder.resolve().name, settings, _log(folder / "log.jsonl"), scores, samples)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"a file in {folder} is damaged: {error}; evaluate the run again.") from None


def _finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _log(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    # A run that is going on, or was killed, may be in the middle of its last line.
    whole = text[: text.rfind("\n") + 1]
    return [json.loads(line) for line in whole.splitlines() if line.strip()]


def _json(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise
