"""The summary of all groups of kernels: what is read is what was written, and README.md holds the results."""

from __future__ import annotations

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
    rows = summary.table([(ORIGIN, [OURS, PEER, *AIMS])]).removeprefix(summary.HEAD).splitlines()
    assert rows == [
        "| softmax: full, forward | 2 | SDPA | 1.5 | 1.25 | **open** |",
        "| softmax: full, forward | 2 | copying | 0.5 | 0.75 | reached |",
        "| softmax: full, forward | 2 | Intel | 1 | not measured | **open** |",
    ]


def test_the_table_in_the_readme_is_that_of_the_results():
    text = (summary.ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert summary.MARKS.put(text, summary.table(summary.results(RESULTS))) == text
