"""Memory is added to results that were measured without it, where it belongs and nowhere else."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.kernels import add_peaks
from benchmarks.kernels.case import Pass, Scale
from benchmarks.kernels.groups import group
from benchmarks.kernels.records import read, write
from tests.benchmarks.test_summary import ORIGIN, OURS, PEER


def test_memory_is_added_to_the_longest_pass_that_lacks_it(tmp_path, monkeypatch):
    asked = []

    def measured(name, case, contender, which, scale):
        asked.append((name, case.name, contender.name, which, scale))
        return 7.0

    monkeypatch.setattr(add_peaks, "peak_mebibytes", measured)
    first, second = [case.name for case in group("softmax").cases(Scale.FULL)][:2]
    both, forward = Pass.BOTH.value, Pass.FORWARD.value
    given = [
        replace(OURS, case=first, which=forward),
        replace(OURS, case=first, which=both),
        PEER,
        replace(OURS, case=second, which=both, peak_mebibytes=3.0),
    ]
    path = tmp_path / "softmax.jsonl"
    write(path, [ORIGIN, *given])
    add_peaks.add_peaks(path)
    origin, found = read(path)
    assert asked == [("softmax", first, "Regard", Pass.BOTH, Scale.FULL)]
    assert found == [given[0], replace(given[1], peak_mebibytes=7.0), *given[2:]]
    assert origin.command == f"{ORIGIN.command}; {add_peaks.COMMAND}"
    add_peaks.add_peaks(path)
    assert len(asked) == 1
    assert read(path)[0].command.count(add_peaks.COMMAND) == 1
