"""A run folder as plain data."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from regard.look.samples import Sample, sample_of


@dataclass(frozen=True)
class Score:
    """A number, what it measures, and the protocol that makes it comparable."""

    name: str
    value: float
    protocol: str
    digits: int = 2
    better: str = "higher"

    def __str__(self) -> str:
        return f"{self.value:.{self.digits}f}"


@dataclass(frozen=True)
class Run:
    """What a run folder holds."""

    name: str
    settings: str
    log: list[dict[str, Any]]
    scores: dict[str, list[Score]]
    samples: list[Sample]

    def names(self, kind: str) -> list[str]:
        """What log entries of a kind say, in the order in which they first say it."""
        return list(dict.fromkeys(name for entry in self.log if entry.get("kind") == kind for name in entry))

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
        scores = {kind: [_score(one) for one in found] for kind, found in _json(folder / "scores.json", {}).items()}
        samples = [sample_of(fields) for fields in _json(folder / "samples.json", [])]
        settings = (folder / "config.yaml").read_text(encoding="utf-8")
        return Run(folder.resolve().name, settings, _log(folder / "log.jsonl"), scores, samples)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"a file in {folder} is damaged: {error}; evaluate the run again.") from None


def _score(fields: dict[str, Any]) -> Score:
    # JSON knows no NaN, which is the value of what was not measured.
    value = math.nan if fields["value"] is None else float(fields["value"])
    known = {**fields, "name": str(fields["name"]), "value": value}
    return Score(**{**known, "protocol": str(fields["protocol"])})


def _finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _log(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    # A run that is going on, or was killed, may be in the middle of its last line.
    whole = text[: text.rfind("\n") + 1]
    return [json.loads(line) for line in whole.splitlines() if line.strip()]


def _json(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise
