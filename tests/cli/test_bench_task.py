"""A task held to a known number: what is printed, written, and said by the exit code."""

from __future__ import annotations

import json

import pytest

from regard.cli import bench_task, main
from regard.tasks.contract import Anchor
from regard.tasks.translation import Translation

PEER = {"who": "somebody 1.0", "row": "tiny", "value": 12.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bench")


@pytest.mark.parametrize(("goal", "code", "said"), [(0.0, 0, "≥ 0 "), (101.0, 1, "NOT reached")])
def test_a_mean_over_runs_and_seeds_stands_beside_its_goal(goal, code, said, folder, monkeypatch, capsys):
    runs = (Translation.smoke, (*Translation.smoke, "training.updates=2"))
    anchor = Anchor("tiny", "chrF", 55.5, "nobody 2026", goal, runs)
    monkeypatch.setattr(Translation, "anchors", (anchor,))
    results = folder / "results.jsonl"
    results.write_text(json.dumps(PEER) + "\n")
    words = ["bench", "translation", "--run", str(folder / "runs"), "--results", str(results), "--seeds", "3"]
    assert main(words) == code
    printed = capsys.readouterr().out
    assert said in " ".join(printed.split())
    for each in ("tiny", "55.5", "somebody", "copying the source", "nrefs:1"):
        assert each in printed
    peer, ours = (json.loads(line) for line in results.read_text().splitlines())
    assert peer == PEER
    assert ours["value"] == pytest.approx(sum(ours["runs"]) / 2)
    assert (len(ours["runs"]), ours["seed"], ours["better"]) == (2, 3, "higher")
    assert ours["command"] == "regard bench translation --seeds 3"


def test_numbers_of_the_same_runs_take_these_once(tmp_path, monkeypatch):
    anchors = [Anchor(name, name, 55.5, "nobody 2026", 0.0, (Translation.smoke,)) for name in ("BLEU", "chrF")]
    monkeypatch.setattr(Translation, "anchors", tuple(anchors))
    results = tmp_path / "results.jsonl"
    words = ["bench", "translation", "--run", str(tmp_path / "runs"), "--results", str(results)]
    assert main([*words, "--only", "chrF"]) == main(words) == 0
    assert [one.name for one in (tmp_path / "runs").iterdir()] == ["BLEU-seed1-0"]
    assert [json.loads(line)["metric"] for line in results.read_text().splitlines()] == ["BLEU", "chrF"]


def test_a_baseline_beside_several_runs_is_the_mean_over_them():
    first = [{"name": "most frequent", "value": 10.0, "digits": 1}, {"name": "only here", "value": 1.0, "digits": 1}]
    second = [{"name": "most frequent", "value": 25.0, "digits": 1}]
    assert bench_task._means([first, second]) == ["most frequent 17.5"]


def test_smoke_runs_the_task_on_tiny_data(folder, capsys):
    assert main(["bench", "translation", "--smoke", "--run", str(folder / "smoke")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in found["test"]} == {"BLEU", "chrF", "exact match"}
