"""From the times of a case to its figures: ratios, parts of ceilings, aims."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from benchmarks.kernels.case import Case, Pass, Reach, Side
from benchmarks.kernels.ceilings import Ceilings
from benchmarks.kernels.figures import Quartiles, fastest, quartiles, times_faster
from benchmarks.kernels.records import CaseRecord, Judged, Measured, Missing
from benchmarks.kernels.timing import Run


def records_of(
    group: str, case: Case, which: Pass, runs: list[Run], peaks: Mapping[str, float | None], ceilings: Ceilings
) -> list[CaseRecord]:
    """The figures of one pass of a case, those who are missing, and how it stands with the aims."""
    there = {run.contender.name: run for run in runs if run.missing is None}
    best = fastest({name: run.seconds for name, run in there.items() if run.contender.side is Side.PEER})
    found: list[CaseRecord] = []
    for run in runs:
        name, side = run.contender.name, run.contender.side.value
        if run.missing is not None:
            found.append(Missing(group, case.name, name, side, which.value, run.missing))
            continue
        seconds, work = statistics.median(run.seconds), case.work[which]
        found.append(
            Measured(
                group=group,
                case=case.name,
                contender=name,
                side=side,
                which=which.value,
                milliseconds=quartiles([1e3 * one for one in run.seconds]),
                rounds=len(run.seconds),
                against_best_peer=_faster(run, there.get(best) if best else None),
                ours_against_it=_faster(there.get(case.ours), run),
                peak_mebibytes=peaks.get(name),
                gigaflops=work.flops / seconds / 1e9,
                intensity=work.intensity,
                ceilings=ceilings.fractions(work, case.dtype, seconds),
                first_seconds=run.first,
                difference=run.difference,
            )
        )
    return found + _judged(group, case, which, there, best, ceilings)


def _judged(
    group: str, case: Case, which: Pass, there: Mapping[str, Run], best: str | None, ceilings: Ceilings
) -> list[Judged]:
    """Every aim of a pass, with the median of our paired ratios or the part of the ceiling that ours reaches."""
    ours = there.get(case.ours)
    found = []
    for aim in case.aims:
        if aim.which is not which:
            continue
        if isinstance(aim, Reach):
            against, reached = f"{aim.ceiling} ceiling", _reached(aim, case, ours, ceilings)
        else:
            against = aim.against or best or "the best peer"
            ratio = _faster(ours, there.get(against))
            reached = None if ratio is None else ratio.median
        found.append(Judged(group, case.name, which.value, against, aim.at_least, reached))
    return found


def _reached(aim: Reach, case: Case, ours: Run | None, ceilings: Ceilings) -> float | None:
    if ours is None:
        return None
    seconds = statistics.median(ours.seconds)
    return ceilings.fractions(case.work[aim.which], case.dtype, seconds)[aim.ceiling]


def _faster(one: Run | None, other: Run | None) -> Quartiles | None:
    """How many times as fast one is as another; None where one of the two was not timed."""
    return None if one is None or other is None else times_faster(one.seconds, other.seconds)
