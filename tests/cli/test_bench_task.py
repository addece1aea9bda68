"""A task held to a known number: what is printed, written, and said by the exit code."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from regard.cli import bench_task, main, origin
from regard.cli.finished import finished
from regard.cli.results import read_results
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


def test_a_baseline_that_was_not_measured_says_so():
    assert bench_task._means([[{"name": "kNN", "value": float("nan"), "digits": 1}]]) == ["kNN not measured"]


@pytest.fixture(scope="module")
def trained(folder):
    """A run of seconds, trained once for all."""
    run = folder / "trained/tiny-seed1-0"
    finished(run, "translation", (*Translation.smoke, "training.seed=1"), "tiny")
    return run.parent


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A known number, and how to ask for it."""
    anchor = Anchor("tiny", "chrF", 55.5, "nobody 2026", 0.0, (Translation.smoke,))
    monkeypatch.setattr(Translation, "anchors", (anchor,))
    words = ["bench", "translation", "--run", str(tmp_path / "runs")]
    return anchor, [*words, "--results", str(tmp_path / "made.jsonl")]


def test_lower_is_better_and_two_seeds_are_told_by_mean_and_range(tiny, trained, tmp_path, monkeypatch, capsys):
    shutil.copytree(trained, tmp_path / "runs")
    anchor, words = tiny
    one, two = (tmp_path / f"runs/tiny-seed{seed}-0" for seed in (1, 2))
    assert main([*words, "--seeds", "1,2"]) == 0
    for run, value in ((one, 3.0), (two, 4.5)):
        scores = json.loads((run / "scores.json").read_text())
        for score in scores["test"]:
            score.update(value=value, better="lower", digits=2)
        (run / "scores.json").write_text(json.dumps(scores))
    for goal, code, said in ((3.75, 0, "≤ 3.75"), (3.74, 1, "≤ 3.74 NOT reached")):
        monkeypatch.setattr(Translation, "anchors", (replace(anchor, goal=goal),))
        capsys.readouterr()
        assert main([*words, "--seeds", "1,2"]) == code
        printed = " ".join(capsys.readouterr().out.split())
        assert "3.75 (3.00 to 4.50)" in printed
        assert said in printed
        assert ("NOT reached" in printed) == bool(code)
    lines = read_results(tmp_path / "made.jsonl")
    assert [(line["seed"], line["value"], line["better"]) for line in lines] == [(1, 3.0, "lower"), (2, 4.5, "lower")]


def test_what_was_trained_with_other_settings_or_on_other_data_is_refused(tiny, trained, tmp_path, capsys):
    shutil.copytree(trained, tmp_path / "runs")
    _anchor, words = tiny
    assert main(words) == 0
    made = (tmp_path / "made.jsonl").read_bytes()
    run = tmp_path / "runs/tiny-seed1-0"
    capsys.readouterr()
    assert main([*words, "training.learning_rate=0.5", "data.folder=elsewhere"]) == 2
    said = capsys.readouterr().err
    assert f"{run} was trained with training.learning_rate=" in said
    assert "training.learning_rate=0.5 is asked for; ask for the same, choose another folder with --run" in said
    assert main([*words, "model=Transformer"]) == 2
    assert "was trained with model=Recurrent, but model=Transformer is asked for" in capsys.readouterr().err
    told = json.loads((run / "identity.json").read_text())
    (run / "identity.json").write_text(json.dumps({**told, "data": "other"}))
    assert main(words) == 2
    assert "was made with data 'other'" in capsys.readouterr().err
    with pytest.raises(ValueError, match="was made with task 'translation', but this is task 'documents'"):
        finished(run, "documents", (), "another task")
    assert (tmp_path / "made.jsonl").read_bytes() == made


def test_a_run_is_finished_by_its_costs_and_not_by_its_report(tiny, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "runs")
    _anchor, words = tiny
    assert main(words) == 0
    run = tmp_path / "runs/tiny-seed1-0"
    cost = json.loads((run / "cost.json").read_text())
    assert [*cost] == ["peak_mebibytes", "parameters", "machine", "versions", "date"]
    (run / "cost.json").unlink()
    (run / "scores.json").unlink()
    assert (run / "report.html").exists()
    assert main(words) == 0
    assert json.loads((run / "cost.json").read_text())["parameters"] == cost["parameters"]
    assert (run / "scores.json").exists()


def test_a_line_says_when_and_where_its_run_was_made(tiny, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "runs")
    _anchor, words = tiny
    assert main(words) == 0
    cost = tmp_path / "runs/tiny-seed1-0/cost.json"
    told = {"machine": "an abacus", "versions": {"regard": "0.0.1"}, "date": "1999-12-31"}
    cost.write_text(json.dumps({**json.loads(cost.read_text()), **told}))
    assert main(words) == 0
    (line,) = read_results(tmp_path / "made.jsonl")
    assert {name: line[name] for name in told} == told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["training.minutes=5"], "'training.minutes=5' is not of the recipe, whose numbers"),
        (["data.folder=here", "--config", "mine.yaml"], "'--config' is not of the recipe, whose numbers"),
        (["--seeds", "1,2,1"], "--seeds is '1,2,1', expected each seed once"),
        (["--results", "no.jsonl", "training.seed=3"], "training.seed is set for each run by --seeds"),
        (["--results", "no.jsonl", "--training.seed=3"], "training.seed is set for each run by --seeds"),
    ],
)
def test_what_would_write_a_false_line_is_refused_before_training(
    words, message, tiny, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(bench_task, "finished", lambda *_: pytest.fail("a run was trained"))
    assert main(["bench", "translation", "--run", str(tmp_path / "runs"), *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"row": "tiny", "value": 1}', "the who None"),
        ('{"who": "a", "row": "tiny", "value": null}', "the value None"),
        ("[]", "the who None"),
        ('{"who"', "not JSON"),
    ],
)
def test_a_broken_line_of_results_is_named_before_training(text, message, tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_task, "finished", lambda *_: pytest.fail("a run was trained"))
    results = tmp_path / "made.jsonl"
    results.write_text(f"{json.dumps(PEER)}\n\n{text}\n")
    assert main(tiny[1]) == 2
    said = capsys.readouterr().err
    assert f"{results}:3" in said
    assert message in said


def test_a_machine_is_told_by_its_processor_and_threads(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Abacus 7: fast\nprocessor\t: 1\n")
    monkeypatch.setattr(origin, "_PROCESSORS", tmp_path / "cpuinfo")
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    assert origin.machine().startswith("Abacus 7: fast, ")
    assert origin.machine().endswith(", 1 thread")


def test_smoke_runs_the_task_on_tiny_data(folder, capsys):
    assert main(["bench", "translation", "--smoke", "--run", str(folder / "smoke")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in found["test"]} == {"BLEU", "chrF", "exact match"}
