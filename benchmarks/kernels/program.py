"""The programme: measure groups of cases, tell, write down, draw."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import torch

from benchmarks.kernels import ceilings as ceilings_module
from benchmarks.kernels.case import Case, Group, Pass, Scale, Side
from benchmarks.kernels.ceilings import Ceilings
from benchmarks.kernels.groups import GROUPS, group
from benchmarks.kernels.judging import records_of
from benchmarks.kernels.machine import this_machine
from benchmarks.kernels.peak import peak_mebibytes
from benchmarks.kernels.records import Measured, Missing, Origin, Record, line_of, write
from benchmarks.kernels.table import case_text, origin_text
from benchmarks.kernels.timing import FAILED, Run, timed

RESULTS = Path(__file__).parents[1] / "results" / "kernels"


class Peaks(Enum):
    """Whether peak memory is measured, which takes a process for each figure."""

    MEASURED = "measured"
    LEFT_OUT = "left out"


class Form(Enum):
    """How figures are told."""

    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True)
class Settings:
    """What is run and where it goes.

    Args:
        groups: names of groups; none means all.
        rounds: how often every contender is timed.
        threads: for everyone; None means what PyTorch takes.
        scale: full or tiny sizes.
        peaks: whether memory is measured.
        form: a table or lines of JSON.
        results: folder of the files, for each kind of chip a folder in it with a file for each group; None means none
            is written.
        plot: file of the picture; None means none.
        command: what was typed, to stand beside the figures.

    Raises:
        ValueError: a group is not known; rounds or threads is not positive.
    """

    groups: tuple[str, ...] = ()
    rounds: int = 9
    threads: int | None = None
    scale: Scale = Scale.FULL
    peaks: Peaks = Peaks.MEASURED
    form: Form = Form.TABLE
    results: Path | None = RESULTS
    plot: Path | None = None
    command: str = ""

    def __post_init__(self) -> None:
        for name, count in (("rounds", self.rounds), ("threads", self.threads)):
            if count is not None and count < 1:
                raise ValueError(f"--{name} is {count}, expected at least 1.")
        for name in self.groups:
            group(name)

    @property
    def chosen(self) -> tuple[Group, ...]:
        """The groups that are run."""
        return tuple(group(name) for name in self.groups) or GROUPS


def listed() -> str:
    """Groups and their cases, one a line."""
    lines = []
    for one in GROUPS:
        lines.append(f"{one.name:<14}{one.summary}")
        lines += [f"{'':<14}{case.name}" for case in one.cases(Scale.FULL)]
    return "\n".join(lines)


def main(settings: Settings) -> int:
    """Run the groups; the exit code is 1 where a path of ours raised an error, else 0."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    # Workers that compile beside a measurement would be measured.
    torch._inductor.config.compile_threads = 1
    ceilings = ceilings_module.measured(settings.scale)
    machine = this_machine()
    everything: list[Record] = []
    if settings.form is Form.TABLE:
        print(origin_text(machine, ceilings), flush=True)
    for one in settings.chosen:
        origin = Origin(one.name, settings.command, machine, ceilings)
        if settings.form is Form.JSON:
            print(line_of(origin), flush=True)
        found = _group(one, settings, ceilings)
        if settings.results is not None:
            write(settings.results / machine.name / f"{one.name}.jsonl", [origin, *found])
        everything += found
    if settings.plot is not None:
        from benchmarks.kernels.plot import draw

        draw(settings.plot, [one for one in everything if isinstance(one, Measured)], ceilings)
    missing = [one for one in everything if isinstance(one, Missing)]
    return int(any(one.side == Side.OURS.value and one.reason.startswith(FAILED) for one in missing))


def _group(one: Group, settings: Settings, ceilings: Ceilings) -> list[Record]:
    found: list[Record] = []
    for case in one.cases(settings.scale):
        for which in case.work:
            print(f"{one.name}: {case.name}, {which.value} ...", file=sys.stderr, flush=True)
            runs = timed(case, which, settings.rounds, settings.scale)
            peaks = _peaks(one.name, case, which, runs, settings)
            records = records_of(one.name, case, which, runs, peaks, ceilings)
            told = "\n".join(map(line_of, records)) if settings.form is Form.JSON else case_text(records)
            print(told, flush=True)
            found += records
    return found


def _peaks(name: str, case: Case, which: Pass, runs: list[Run], settings: Settings) -> dict[str, float | None]:
    """Memory of everyone who ran and goes no further than this pass: a longer one holds what a shorter one does."""
    if settings.peaks is Peaks.LEFT_OUT:
        return {}
    there = [run.contender for run in runs if run.missing is None]
    last = [one for one in there if which is [step for step in case.work if step in one.passes][-1]]
    return {one.name: peak_mebibytes(name, case, one, which, settings.scale) for one in last}
