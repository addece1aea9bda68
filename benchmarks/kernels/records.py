"""What is written down: one line of JSON for each figure, under one line that says where it comes from."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.kernels.case import Ceiling
from benchmarks.kernels.ceilings import Ceilings
from benchmarks.kernels.figures import Quartiles
from benchmarks.kernels.machine import Machine


@dataclass(frozen=True)
class Origin:
    """Where the figures of a file come from."""

    group: str
    command: str
    machine: Machine
    ceilings: Ceilings


@dataclass(frozen=True)
class Measured:
    """A contender's figures in one pass of a case.

    Args:
        milliseconds: of one call.
        rounds: how many were run.
        against_best_peer: how many times as fast as the best peer of the case, over rounds.
        ours_against_it: how many times as fast ours is, over rounds.
        peak_mebibytes: memory beside inputs and results; None where it was not measured.
        gigaflops: operations that cannot be avoided, in 10**9 a second.
        intensity: of these operations for each byte of inputs and results.
        ceilings: which part of each measured ceiling that is.
        first_seconds: the first call, compiling included.
        difference: largest difference from ours; None where it is not held to it.
    """

    group: str
    case: str
    contender: str
    side: str
    which: str
    milliseconds: Quartiles
    rounds: int
    against_best_peer: Quartiles | None
    ours_against_it: Quartiles | None
    peak_mebibytes: float | None
    gigaflops: float
    intensity: float
    ceilings: dict[Ceiling, float]
    first_seconds: float
    difference: float | None


@dataclass(frozen=True)
class Missing:
    """A contender that was not timed, and why."""

    group: str
    case: str
    contender: str
    side: str
    which: str
    reason: str


@dataclass(frozen=True)
class Judged:
    """What an aim asks against a contender or a ceiling, and what was found: None where it was not measured."""

    group: str
    case: str
    which: str
    against: str
    at_least: float
    found: float | None

    @property
    def holds(self) -> bool:
        """Whether the aim is reached."""
        return self.found is not None and self.found >= self.at_least


CaseRecord = Measured | Missing | Judged
Record = Origin | CaseRecord


def line_of(record: Record) -> str:
    """A record as one line of JSON."""
    return json.dumps({"kind": type(record).__name__.lower(), **_rounded(asdict(record))}, ensure_ascii=False)


def write(path: Path, records: Sequence[Record]) -> None:
    """Write records as lines, all of them or, where something goes wrong, none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    whole = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{line_of(record)}\n" for record in records)
        whole.chmod(0o644)
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)


def _rounded(value: Any) -> Any:
    """Figures to four digits: more would be noise."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def read(path: Path) -> tuple[Origin, list[CaseRecord]]:
    """What `write` wrote: where the figures come from, and the figures."""
    first, *rest = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    machine = Machine(**first["machine"] | {"flags": tuple(first["machine"]["flags"])})
    origin = Origin(first["group"], first["command"], machine, Ceilings(**first["ceilings"]))
    return origin, [_record(line) for line in rest]


def _record(line: dict[str, Any]) -> CaseRecord:
    kind = line.pop("kind")
    if kind == "measured":
        ratios = ("milliseconds", "against_best_peer", "ours_against_it")
        return Measured(**line | {name: line[name] and Quartiles(**line[name]) for name in ratios})
    return Missing(**line) if kind == "missing" else Judged(**line)
