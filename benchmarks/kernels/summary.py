"""The aims and the picture of all groups, made of benchmarks/results/kernels.

Usage: python -m benchmarks.kernels.summary

Writes the table in benchmarks/README.md between its marks, and docs/kernels.svg.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.kernels.case import Side
from benchmarks.kernels.ceilings import Ceilings
from benchmarks.kernels.groups import GROUPS
from benchmarks.kernels.plot import draw
from benchmarks.kernels.program import RESULTS
from benchmarks.kernels.records import CaseRecord, Judged, Measured, Origin, read
from benchmarks.marked import Marks

ROOT = Path(__file__).parents[2]
MARKS = Marks("<!-- aims: written by benchmarks/kernels/summary.py -->", "<!-- end of aims -->")
HEAD = "| work | ours, ms | against | asked | found | |\n|---|---|---|---|---|---|\n"


def results(folder: Path) -> list[tuple[Origin, list[CaseRecord]]]:
    """What was measured of each group, in the groups' order."""
    paths = [folder / f"{group.name}.jsonl" for group in GROUPS]
    return [read(path) for path in paths if path.exists()]


def table(groups: Sequence[tuple[Origin, list[CaseRecord]]]) -> str:
    """A row for each aim."""
    return HEAD + "".join(_row(one, records) for _, records in groups for one in records if isinstance(one, Judged))


def _row(aim: Judged, records: Sequence[CaseRecord]) -> str:
    ours = next(
        one.milliseconds.median
        for one in records
        if isinstance(one, Measured) and (one.case, one.which, one.side) == (aim.case, aim.which, Side.OURS.value)
    )
    found = "not measured" if aim.found is None else f"{aim.found:.3g}"
    work, held = f"{aim.group}: {aim.case}, {aim.which}", "reached" if aim.holds else "**open**"
    return f"| {work} | {ours:.3g} | {aim.against} | {aim.at_least:.3g} | {found} | {held} |\n"


def _best(ceilings: Sequence[Ceilings]) -> Ceilings:
    """The highest of what was measured at the start of each group."""
    names = vars(ceilings[0])
    return replace(ceilings[0], **{name: max(getattr(one, name) for one in ceilings) for name in names})


def main() -> None:
    """Write both."""
    groups = results(RESULTS)
    path = ROOT / "benchmarks" / "README.md"
    path.write_text(MARKS.put(path.read_text(encoding="utf-8"), table(groups)), encoding="utf-8")
    measured = [one for _, records in groups for one in records if isinstance(one, Measured)]
    draw(ROOT / "docs" / "kernels.svg", measured, _best([origin.ceilings for origin, _ in groups]))


if __name__ == "__main__":
    main()
