"""The aims and the picture of all groups, made of benchmarks/results/kernels.

Usage: python -m benchmarks.kernels.summary

Writes the table in benchmarks/README.md between its marks, and docs/kernels.svg, of the chip that was measured last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
Groups = Sequence[tuple[Origin, list[CaseRecord]]]


def chips(folder: Path) -> dict[str, Groups]:
    """What was measured on each kind of chip, the last one first."""
    found = {path.name: results(path) for path in sorted(folder.iterdir()) if path.is_dir()}
    return dict(sorted(found.items(), key=lambda pair: _date(pair[1]), reverse=True))


def results(folder: Path) -> Groups:
    """What was measured of each group, in the groups' order."""
    paths = [folder / f"{group.name}.jsonl" for group in GROUPS]
    return [read(path) for path in paths if path.exists()]


def table(measured: Mapping[str, Groups]) -> str:
    """A row for each aim, with what was found on each kind of chip."""
    head = "".join(f" {name}: ours, ms | against | found | |" for name in measured)
    columns = [_cells(groups) for groups in measured.values()]
    aims = sorted({aim: None for one in columns for aim in one}, key=_place)
    rows = [
        f"| {aim.work} | {aim.at_least:.3g} |" + "".join(one.get(aim, _NOTHING) for one in columns) for aim in aims
    ]
    return "\n".join([f"| work | asked |{head}", "|---|---|" + "---|" * 4 * len(columns), *rows, ""])


@dataclass(frozen=True)
class _Aim:
    """The same aim on any chip: of the aims of a pass of a case, the one of this number."""

    group: str
    case: str
    which: str
    number: int
    at_least: float

    @property
    def work(self) -> str:
        return f"{self.group}: {self.case}, {self.which}"


_NOTHING = " – | – | – | |"


def _place(aim: _Aim) -> int:
    """Of its group; within it, aims keep their order."""
    return [group.name for group in GROUPS].index(aim.group)


def _cells(groups: Groups) -> dict[_Aim, str]:
    """Of each aim: how fast ours is, what it is held against and what was found."""
    found: dict[_Aim, str] = {}
    for _, records in groups:
        passes = Counter[tuple[str, str]]()
        for one in records:
            if isinstance(one, Judged):
                passes[one.case, one.which] += 1
                aim = _Aim(one.group, one.case, one.which, passes[one.case, one.which], one.at_least)
                found[aim] = _told(one, records)
    return found


def _told(aim: Judged, records: Sequence[CaseRecord]) -> str:
    ours = [
        f"{one.milliseconds.median:.3g}"
        for one in records
        if isinstance(one, Measured) and (one.case, one.which, one.side) == (aim.case, aim.which, Side.OURS.value)
    ]
    found = "not measured" if aim.found is None else f"{aim.found:.3g}"
    return f" {[*ours, '–'][0]} | {aim.against} | {found} | {'reached' if aim.holds else '**open**'} |"


def _date(groups: Groups) -> str:
    return max(origin.machine.date for origin, _ in groups)


def _best(ceilings: Sequence[Ceilings]) -> Ceilings:
    """The highest of what was measured at the start of each group."""
    names = vars(ceilings[0])
    return replace(ceilings[0], **{name: max(getattr(one, name) for one in ceilings) for name in names})


def main() -> None:
    """Write both."""
    measured_on = chips(RESULTS)
    path = ROOT / "benchmarks" / "README.md"
    path.write_text(MARKS.put(path.read_text(encoding="utf-8"), table(measured_on)), encoding="utf-8")
    groups = next(iter(measured_on.values()))
    measured = [one for _, records in groups for one in records if isinstance(one, Measured)]
    draw(ROOT / "docs" / "kernels.svg", measured, _best([origin.ceilings for origin, _ in groups]))


if __name__ == "__main__":
    main()
