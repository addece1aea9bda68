"""The benchmark of kernels from the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import regard
from benchmarks.kernels.groups import GROUPS
from benchmarks.kernels.machine import this_machine
from regard.cli import main

EXPECTED_GAPS = (
    "not installed: ",
    "this version has no path ",
    "left out of the smoke run: ",
    "MKL leaves AVX-512 alone",
)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> tuple[list[dict], subprocess.CompletedProcess]:
    """All groups at tiny sizes, as a person runs them."""
    folder = tmp_path_factory.mktemp("smoke")
    words = ["--smoke", "--json", "--threads", "1", "--results", "figures", "--plot", "figures/all.svg"]
    done = subprocess.run(
        [sys.executable, "-m", "regard", "bench", "kernels", *words], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    figures = folder / "figures" / this_machine().name
    written = {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in figures.iterdir()}
    assert written == {name: [line for line in lines if line["group"] == name] for name in written}
    assert (folder / "figures" / "all.svg").read_text().count("<svg") == 1
    assert {path.name for path in (folder / "figures").iterdir()} == {figures.name, "all.svg"}
    return lines, done


def test_every_group_runs_and_says_where_its_figures_come_from(smoke):
    lines, done = smoke
    origins = [line for line in lines if line["kind"] == "origin"]
    assert [line["group"] for line in origins] == [one.name for one in GROUPS]
    for line in origins:
        assert line["command"].startswith("regard bench kernels --smoke --json")
        assert line["machine"]["threads"] == 1
        assert line["machine"]["versions"]["torch"]
        assert all(value > 0 for value in line["ceilings"].values())
    assert "statistics: entropy" in done.stderr


def test_every_contender_answers_or_says_why_not(smoke):
    """Our kernels may refuse a call, which then goes to blocks; nobody else may."""
    lines, _done = smoke
    for line in lines:
        if line["kind"] == "missing" and not line["reason"].startswith(EXPECTED_GAPS):
            assert line["contender"] == "Regard, native", line
            assert line["reason"].startswith("refused: "), line
    measured = [line for line in lines if line["kind"] == "measured"]
    assert {line["group"] for line in measured} == {one.name for one in GROUPS}
    assert {line["which"] for line in measured} == {"forward", "forward + backward"}
    for line in measured:
        assert line["rounds"] == 2
        assert 0 < line["milliseconds"]["lower"] <= line["milliseconds"]["upper"]


def test_all_who_answer_the_same_question_give_the_same_answer(smoke):
    lines, _done = smoke
    compared = [line for line in lines if line["kind"] == "measured" and line["difference"] is not None]
    assert len({line["contender"] for line in compared}) > 6
    for line in compared:
        assert line["difference"] < (0.02 if line["group"] == "bfloat16" else 1e-3), line


def test_a_table_for_people_and_nothing_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "kernels", "--smoke", "--only", "overhead,dropout-bias", "--rounds", "1"]) == 0
    text = capsys.readouterr().out
    assert "ceilings: matrix product" in text
    assert text.index("overhead: one call, (1,1,1,16) full, forward\n") < text.index("dropout-bias: dropout 0.1")
    assert "aim: at least 0.25 x SDPA: " in text
    assert list(tmp_path.iterdir()) == []


def test_the_list_names_every_group_and_case(capsys):
    assert main(["bench", "kernels", "--list"]) == 0
    text = capsys.readouterr().out
    for one in GROUPS:
        assert f"{one.name:<14}{one.summary}\n" in text
    assert "B = 64, 50 x 50, D = 512, already projected" in text
    assert "window 256, T = 65536" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which benchmark? For example: regard bench kernels"),
        (["translatoin"], "task 'translatoin' is not known"),
        (["translation", "--only", "everything"], "--only names 'everything'; translation has copy, "),
        (["translation", "--seeds", "one"], "--seeds is 'one', expected whole numbers such as 1,2,3."),
        (
            ["kernels", "--only", "softmax,windw"],
            "group 'windw' is not known; expected some of softmax, as-on-intel, ",
        ),
        (["kernels", "--rounds", "many"], "--rounds is 'many', expected a whole number."),
        (["kernels", "--rounds", "0"], "--rounds is 0, expected at least 1."),
        (["kernels", "--fast"], "'--fast' is not an option of bench kernels"),
    ],
)
def test_bad_input_gets_one_line_and_code_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_installed_package_says_that_it_needs_a_checkout(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(regard, "__file__", str(tmp_path / "lib" / "regard" / "__init__.py"))
    assert main(["bench", "kernels", "--smoke"]) == 2
    assert capsys.readouterr().err == (
        "regard bench: kernels is no part of an installed package; it needs a checkout of Regard.\n"
    )
