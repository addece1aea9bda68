"""Figures as text."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.kernels.ceilings import Ceilings
from benchmarks.kernels.figures import Quartiles
from benchmarks.kernels.machine import Machine
from benchmarks.kernels.records import CaseRecord, Judged, Measured, Missing

_HEAD = ("contender", "ms", "x best peer", "ours x as fast", "peak MiB", "of ceiling", "differs by")
_WIDTHS = (30, 10, 22, 22, 9, 11, 10)
# A float32 answer may differ in its last digits and a bfloat16 one in its last bits; more is another answer.
_SUSPICIOUS = 0.05
# A first call that takes longer, in seconds, is told.
_LONG = 5.0


def origin_text(machine: Machine, ceilings: Ceilings) -> str:
    """Where figures come from, in a few lines."""
    versions = ", ".join(f"{name} {version or '(none)'}" for name, version in machine.versions.items())
    return (
        f"{machine.date}  {machine.model}, {machine.isa} ({' '.join(machine.flags)}), {machine.threads} threads\n"
        f"{versions}\n"
        f"ceilings: matrix product {ceilings.float32 / 1e9:.0f} GFLOP/s in float32 and "
        f"{ceilings.bfloat16 / 1e9:.0f} in bfloat16, exp {ceilings.exponentials / 1e9:.2f} G/s, "
        f"copy {ceilings.bytes / 1e9:.1f} GB/s\n"
        f"{machine.note}"
    )


def case_text(records: Sequence[CaseRecord]) -> str:
    """One pass of a case: a line for each contender, then its aims."""
    lines = [f"\n{records[0].group}: {records[0].case}, {records[0].which}", _row(_HEAD)]
    lines += [_measured(one) for one in records if isinstance(one, Measured)]
    lines += [f"  {one.contender:<{_WIDTHS[0]}}{one.reason}" for one in records if isinstance(one, Missing)]
    lines += _remarks([one for one in records if isinstance(one, Measured)])
    lines += [_judged(one) for one in records if isinstance(one, Judged)]
    return "\n".join(lines)


def _measured(one: Measured) -> str:
    ceiling = max(one.ceilings, key=lambda name: one.ceilings[name])
    differs = "-" if one.difference is None else f"{one.difference:.0e}"
    if one.difference is not None and not one.difference <= _SUSPICIOUS:
        differs += " !"
    return _row(
        (
            one.contender,
            f"{one.milliseconds.median:.3g}",
            _range(one.against_best_peer),
            _range(one.ours_against_it),
            "-" if one.peak_mebibytes is None else f"{one.peak_mebibytes:.0f}",
            f"{100 * one.ceilings[ceiling]:.0f} % {ceiling}",
            differs,
        )
    )


def _remarks(measured: Sequence[Measured]) -> list[str]:
    """Who took long to begin, and who was too slow for all rounds."""
    most = max((one.rounds for one in measured), default=0)
    slow = [one for one in measured if one.first_seconds > _LONG]
    short = [one for one in measured if one.rounds < most]
    return [f"  first call of {one.contender}: {one.first_seconds:.0f} s" for one in slow] + [
        f"  {one.contender}: {one.rounds} of {most} rounds, as it takes long" for one in short
    ]


def _judged(one: Judged) -> str:
    found = "not measured" if one.found is None else f"{one.found:.3g} x, {'reached' if one.holds else 'open'}"
    return f"  aim: at least {one.at_least:.3g} x {one.against}: {found}"


def _range(ratio: Quartiles | None) -> str:
    return "-" if ratio is None else f"{ratio.median:.3g} ({ratio.lower:.3g} to {ratio.upper:.3g})"


def _row(cells: Sequence[str]) -> str:
    first, *rest = (
        f"{cell:<{width}}" if place == 0 else f"{cell:>{width}}"
        for place, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    )
    return f"  {first}{'  '.join(rest)}"
