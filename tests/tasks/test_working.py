"""What every verb shares: what is written when, and what is left behind where something goes wrong."""

from __future__ import annotations

import io
import json
import math
import sys

import pytest

from regard.cli import main
from regard.cli.finished import finished
from regard.look.run import read_run
from regard.tasks.tagging import Tagging
from regard.train.metrics import Metric
from regard.train.run_folder import RunFolder


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    assert main(["train", "tagging", *Tagging.smoke, "--run", str(folder)]) == 0
    return folder


def _raise(*_arguments):
    raise ValueError("no memory left")


@pytest.mark.parametrize("broken", ["baselines", "samples"])
def test_the_scores_of_a_test_set_are_kept_whatever_comes_after_them(broken, run, monkeypatch):
    before = json.loads((run / "scores.json").read_text())
    (run / "scores.json").unlink()
    monkeypatch.setattr(Tagging, broken, _raise)
    assert main(["evaluate", str(run)]) == 2
    after = json.loads((run / "scores.json").read_text())
    assert after["test"] == before["test"]
    assert after["baselines"] == (before["baselines"] if broken == "samples" else [])


def test_what_was_not_measured_is_null_and_read_again(run, monkeypatch, capsys):
    monkeypatch.setattr(Tagging, "baselines", lambda self, splits: [Metric("odd", math.nan, "not measured")])
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json"]) == 0
    told = capsys.readouterr().out
    for text in (told, (run / "scores.json").read_text()):
        assert json.loads(text, parse_constant=_raise)["baselines"][0]["value"] is None
    (score,) = read_run(run).scores["baselines"]
    assert math.isnan(score.value)
    assert main(["look", str(run), "--text"]) == 0


def test_other_settings_are_scored_and_not_kept(run, monkeypatch, capsys):
    files = ("scores.json", "samples.json", "config.yaml")
    before = [(run / name).read_bytes() for name in files]
    monkeypatch.setattr(Tagging, "baselines", lambda self, splits: [Metric("odd", 7.0, "")])
    capsys.readouterr()
    assert main(["evaluate", str(run), "batch=7", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["baselines"][0]["value"] == 7.0
    assert f"not kept: {run}/scores.json is of the run's own settings" in said.err
    assert [(run / name).read_bytes() for name in files] == before


def test_a_task_that_cannot_be_made_leaves_no_folder(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["train", "tagging", *Tagging.smoke, "data.longest=1", "--run", str(folder)]) == 2
    assert "no training sentence is left" in capsys.readouterr().err
    assert not folder.exists()
    assert main(["train", "tagging", *Tagging.smoke, "--run", str(folder)]) == 0


def test_a_run_of_another_task_is_told_before_its_settings_are_read(run, capsys):
    assert main(["train", "documents", "--resume", str(run)]) == 2
    assert capsys.readouterr().err == (
        f"regard train: {run} was made with task 'tagging', but this is task 'documents'; use the version and data "
        "it was made with, or train anew.\n"
    )


def test_an_older_run_is_resumed_and_its_words_stay_readable(run):
    config = (run / "config.yaml").read_text()
    assert "form: TOLD\n" in config
    (run / "config.yaml").write_text(config.replace("form: TOLD\n", ""))
    assert main(["train", "tagging", "--resume", str(run)]) == 0
    mode = (run / "words.json").stat().st_mode
    assert mode == (run / "log.jsonl").stat().st_mode == RunFolder(run).config.stat().st_mode


def test_a_mark_of_utf_8_before_the_input_is_no_part_of_it(run, monkeypatch, capsys):
    said = []
    for mark in (b"", b"\xef\xbb\xbf"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mark + b"li gol\n"), encoding="utf-8"))
        capsys.readouterr()
        assert main(["run", str(run)]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert said[0].startswith("li\t")


def test_what_was_not_measured_is_a_number_where_runs_are_compared(run):
    scores = json.loads((run / "scores.json").read_text())
    scores["baselines"][0]["value"] = None
    (run / "scores.json").write_text(json.dumps(scores))
    (run / "cost.json").write_text("{}")
    found = finished(run, "tagging", Tagging.smoke, "a run that is there")
    assert math.isnan(found.scores["baselines"][0]["value"])
    assert found.scores["test"] == scores["test"]
