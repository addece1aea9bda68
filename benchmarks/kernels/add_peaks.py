"""Peak memory for figures that were measured without it.

Usage: python -m benchmarks.kernels.add_peaks [GROUP ...]

Times want a machine that does nothing else; memory does not, and takes a process for each figure. So the one may be
measured by `regard bench kernels --no-memory`, and the other added to the results later, all groups unless some are
named. What has its memory is left.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.kernels.case import Case, Pass, Scale
from benchmarks.kernels.groups import GROUPS, group
from benchmarks.kernels.machine import this_machine
from benchmarks.kernels.peak import peak_mebibytes
from benchmarks.kernels.program import RESULTS
from benchmarks.kernels.records import CaseRecord, Measured, read, write

COMMAND = "python -m benchmarks.kernels.add_peaks"


def add_peaks(path: Path, scale: Scale = Scale.FULL) -> None:
    """Measure the memory that the results of a group lack; they are written anew after each case."""
    origin, records = read(path)
    torch.set_num_threads(origin.machine.threads)
    command = origin.command if COMMAND in origin.command else f"{origin.command}; {COMMAND}"
    for case in group(origin.group).cases(scale):
        print(f"{origin.group}: {case.name} ...", file=sys.stderr, flush=True)
        records = [_with_peak(one, case, scale) for one in records]
        write(path, [replace(origin, command=command), *records])


def _with_peak(record: CaseRecord, case: Case, scale: Scale) -> CaseRecord:
    """The record, with its memory if it is a figure of the case's longest pass that has none."""
    if not isinstance(record, Measured) or record.case != case.name or record.peak_mebibytes is not None:
        return record
    contender = next(one for one in case.contenders if one.name == record.contender)
    last = [step for step in case.work if step in contender.passes][-1]
    if record.which != last.value:
        return record
    return replace(record, peak_mebibytes=peak_mebibytes(record.group, case, contender, Pass(record.which), scale))


def main(names: list[str]) -> None:
    """Add to these groups, or to all that have results of a chip like this one."""
    folder = RESULTS / this_machine().name
    for name in names or [one.name for one in GROUPS if (folder / f"{one.name}.jsonl").exists()]:
        add_peaks(folder / f"{group(name).name}.jsonl")


if __name__ == "__main__":
    main(sys.argv[1:])
