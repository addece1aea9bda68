"""The summary of all groups of kernels: what is read is what was written, and README.md holds the results."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.kernels import summary
from benchmarks.kernels.ceilings import Ceilings
from benchmarks.kernels.figures import Quartiles
from benchmarks.kernels.machine import Machine
from benchmarks.kernels.program import RESULTS
from benchmarks.kernels.records import Judged, Measured, Missing, Origin, read, write

ORIGIN = Origin(
    "softmax",
    "regard bench kernels",
    Machine("a chip", "its maker", "AVX2", ("fma",), 2, {"torch": "2"}, "2026-01-02"),
    Ceilings(float32=100.0, bfloat16=400.0, exponentials=10.0, bytes=20.0),
)
OURS = Measured(
    group="softmax",
    case="full",
    contender="Regard",
    side="ours",
    which="forward",
    milliseconds=Quartiles(1.0, 2.0, 3.0),
    rounds=9,
    against_best_peer=None,
    ours_against_it=Quartiles(1.0, 1.0, 1.0),
    peak_mebibytes=None,
    gigaflops=5.0,
    intensity=7.0,
    ceilings={"matrix": 0.5},
    first_seconds=0.25,
    difference=0.0,
)
PEER = Missing("softmax", "full", "SDPA", "peer", "forward", "not here")
AIMS = [
    Judged("softmax", "full", "forward", "SDPA", 1.5, 1.25),
    Judged("softmax", "full", "forward", "copying", 0.5, 0.75),
    Judged("softmax", "full", "forward", "Intel", 1.0, None),
]


def test_what_was_written_is_read(tmp_path):
    write(tmp_path / "softmax.jsonl", [ORIGIN, OURS, PEER, *AIMS])
    assert read(tmp_path / "softmax.jsonl") == (ORIGIN, [OURS, PEER, *AIMS])
    assert summary.results(tmp_path) == [(ORIGIN, [OURS, PEER, *AIMS])]


def test_an_aim_is_reached_open_or_not_measured():
    rows = summary.table({"a chip": [(ORIGIN, [OURS, PEER, *AIMS])]}).splitlines()
    assert rows == [
        "| work | asked | a chip: ours, ms | against | found | |",
        "|---|---|---|---|---|---|",
        "| softmax: full, forward | 1.5 | 2 | SDPA | 1.25 | **open** |",
        "| softmax: full, forward | 0.5 | 2 | copying | 0.75 | reached |",
        "| softmax: full, forward | 1 | 2 | Intel | not measured | **open** |",
    ]


def test_aims_of_two_chips_stand_in_one_row_whoever_was_their_best_peer():
    other = [replace(OURS, milliseconds=Quartiles(3.0, 4.0, 5.0)), replace(AIMS[0], against="eager", found=2.0)]
    both = {"one": [(ORIGIN, [OURS, AIMS[0], AIMS[1]])], "two": [(ORIGIN, other)]}
    assert summary.table(both).splitlines()[2:] == [
        "| softmax: full, forward | 1.5 | 2 | SDPA | 1.25 | **open** | 4 | eager | 2 | reached |",
        "| softmax: full, forward | 0.5 | 2 | copying | 0.75 | reached | – | – | – | |",
    ]


def test_each_chip_has_a_folder_and_the_last_comes_first(tmp_path):
    later = replace(ORIGIN, machine=replace(ORIGIN.machine, date="2026-01-03"))
    write(tmp_path / "a" / "softmax.jsonl", [ORIGIN, OURS])
    write(tmp_path / "b" / "softmax.jsonl", [later, OURS])
    assert summary.chips(tmp_path) == {"b": [(later, [OURS])], "a": [(ORIGIN, [OURS])]}
    assert [*summary.chips(tmp_path)] == ["b", "a"]


def test_the_table_in_the_readme_is_that_of_the_results():
    text = (summary.ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert summary.MARKS.put(text, summary.table(summary.chips(RESULTS))) == text
