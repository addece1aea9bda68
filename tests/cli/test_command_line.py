"""The command line as a person meets it: one run from training to picture, and what is said to bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from regard.cli import main
from regard.cli.settings import keys_of
from regard.tasks.translation import Translation

TINY = [
    "data.name=reverse", "pieces.kind=words", "model.embedding_size=16", "model.hidden_size=16",
    "model.mechanism=Bahdanau", "training.minutes=null", "training.updates=3", "search.validate_on=4",
    "training.tokens_per_batch=256",
]  # fmt: skip


def command(*arguments: str, given: bytes = b"", folder: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "regard", *arguments], input=given, capture_output=True, cwd=folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    done = command("train", "translation", *TINY, "--run", str(folder))
    assert done.returncode == 0, done.stderr.decode()
    return folder


def test_help_and_tasks_answer_without_torch_and_quickly():
    code = (
        "import sys, time; begun = time.perf_counter(); from regard.cli import main; main(sys.argv[1:]);"
        "print('torch' in sys.modules, time.perf_counter() - begun, file=sys.stderr)"
    )
    for arguments in (["--help"], ["tasks"], ["--version"], ["tasks", "--json"], ["data"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
        imported, seconds = done.stderr.split()
        assert done.stdout
        assert imported == "False"
        # The bound is 0.2 s of an idle machine; a busy one gets some room.
        assert float(seconds) < 1.0


def test_every_verb_has_help_that_begins_with_examples(capsys):
    for verb in ("train", "evaluate", "run", "look", "compare", "bench", "tasks", "data"):
        assert main([verb, "--help"]) == 0
        text = capsys.readouterr().out
        assert text.index("Examples:") < text.index(f"regard {verb}") < 400


def test_a_run_folder_has_everything(run):
    names = {path.name for path in run.iterdir()}
    assert {"config.yaml", "log.jsonl", "model.safetensors", "state", "report.html", "scores.json"} <= names
    scores = json.loads((run / "scores.json").read_text())
    assert [m["name"] for m in scores["test"]] == ["BLEU", "chrF", "exact match"]
    assert "tok:13a" in scores["test"][0]["protocol"]
    assert "copying the source" in scores["baselines"][0]["name"]


def test_evaluate_gives_the_scores_of_the_run_again(run):
    before = json.loads((run / "scores.json").read_text())
    done = command("evaluate", str(run), "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == before


def test_run_answers_line_by_line_whatever_the_line(run):
    lines = ["a b c d e", "", "ж 雪 a", "x " * 5000, "b"]
    done = command("run", str(run), given="\n".join(lines).encode())
    assert done.returncode == 0, done.stderr.decode()
    answers = done.stdout.decode().split("\n")[:-1]
    assert len(answers) == 5
    assert answers[1] == ""
    assert "input 4 has 5000 pieces; only the first 1000 are read" in done.stderr.decode()


def test_n_best_and_alignments_are_json_lines(run):
    done = command("run", str(run), "--n-best", "3", given=b"a b c\n")
    (line,) = done.stdout.decode().splitlines()
    found = json.loads(line)["translations"]
    assert len(found) == 3
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)
    for one in found:
        assert one["source"] == ["a", "b", "c", "</s>"]
        assert len(one["weights"]) == len(one["target"])
        for row in one["weights"]:
            assert sum(row) == pytest.approx(1, abs=1e-3)


def test_whoever_reads_only_the_first_line_sees_no_error(run):
    text = "a b c\n" * 2000
    code = f"printf '{text[:600]}' | {sys.executable} -m regard run {run} | head -n 1"
    done = subprocess.run(["bash", "-c", code], capture_output=True)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


def test_look_writes_the_page_and_says_where(run, capsys):
    (run / "report.html").unlink()
    assert main(["look", str(run), "--text"]) == 0
    text = capsys.readouterr().out
    assert "tok:13a" in text
    assert (run / "report.html").read_text().count("<svg") > 3


def test_compare_prints_one_table(tmp_path, capsys):
    assert main(["compare", "translation", *TINY, "--only", "none,sparse", "--run", str(tmp_path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["mechanism"] for row in rows] == ["none", "sparse"]
    assert all(row["peak_mebibytes"] > 50 and row["steps"] == 3 for row in rows)
    assert rows[1]["parameters"] > rows[0]["parameters"] > 1000
    assert main(["compare", "translation", *TINY, "--only", "none,sparse", "--run", str(tmp_path)]) == 0
    assert "\n copying " in capsys.readouterr().out


def test_a_users_own_files_train(tmp_path):
    for part in ("train", "validation", "test"):
        (tmp_path / f"{part}.a").write_text("".join(f"eins {n} zwei\n" for n in range(30)))
        (tmp_path / f"{part}.b").write_text("".join(f"one {n} two\n" for n in range(30)))
    files = [f"data.{part}=[{part}.a,{part}.b]" for part in ("train", "validation", "test")]
    done = command("train", "translation", *TINY, "data.name=files", *files, "--run", "mine", folder=tmp_path)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "no verb 'trian'; expected one of .* Did you mean 'train'?"),
        (["train", "translaton"], "task 'translaton' is not known; .* Did you mean 'translation'?"),
        (
            ["train", "translation", "trainig.minutes=3"],
            "no setting 'trainig.minutes'. Did you mean 'training.minutes'?",
        ),
        (["train", "translation", "model=Transformr"], "no class 'Transformr'. Did you mean 'Transformer'?"),
        (["train", "translation", "model.mechanism.scre=DotScore"], "Did you mean 'model.mechanism.score'?"),
        (["train", "translation", "training.minutes=soon"], "training.minutes.*soon"),
        (["train", "translation", "data.name=statcn"], "Did you mean 'statcan'?"),
        (["train", "translation", "data.name=files"], "data.train is empty"),
        (["train", "translation", "--config", "missing.yaml"], "config file missing.yaml does not exist"),
        (["evaluate", "nowhere"], "nowhere is not a run folder"),
        (["look", "nowhere"], "nowhere is not a run folder"),
        (["run", "nowhere"], "nowhere is not a run folder"),
        (["tasks", "--all"], "'--all' is not an option of tasks"),
        (["compare", "translation", "--only", "magic"], "--only names 'magic'"),
    ],
)
def test_bad_input_gets_one_line_and_code_2_and_leaves_nothing(arguments, message, capsys, tmp_path, monkeypatch):
    import re

    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert re.search(message.replace("?", r"\?"), error), error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_wrong_leave_no_run_behind(tmp_path):
    (tmp_path / "a").write_text("1\n2\n")
    (tmp_path / "b").write_text("1\n")
    files = [f"data.{part}=[a,b]" for part in ("train", "validation", "test")]
    done = command("train", "translation", *TINY, "data.name=files", *files, "--run", "mine", folder=tmp_path)
    assert done.returncode == 2
    assert b"a has 2 lines and b has 1" in done.stderr
    assert not (tmp_path / "mine").exists()


def test_an_existing_run_and_a_damaged_one_are_refused(run, tmp_path, capsys):
    assert main(["train", "translation", *TINY, "--run", str(run)]) == 2
    assert "exists; choose another with --run FOLDER" in capsys.readouterr().err
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(run), str(copy)], check=True)
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[:1000])
    assert main(["evaluate", str(copy)]) == 2
    assert "is damaged or cut short (1000 bytes)" in capsys.readouterr().err
    identity = json.loads((copy / "identity.json").read_text())
    for key, value, said in (
        ("task", "parsing", "task 'parsing' is not known"),
        ("version", "9", "made with version '9'"),
    ):
        (copy / "identity.json").write_text(json.dumps({**identity, key: value}))
        assert main(["run", str(copy)]) == 2
        assert said in capsys.readouterr().err


def test_two_processes_translate_to_the_same_scores(run):
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29618"]
    done = subprocess.run(
        [*launch, "-m", "regard", "evaluate", str(run), "--json"],
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == json.loads((run / "scores.json").read_text())


def test_settings_are_found_whatever_other_packages_make_of_a_text():
    @dataclass(frozen=True)
    class Address(str):
        """A text with parts, whose parts are texts: nobody's setting."""

        part: str = ""

    names = keys_of(Translation.recipe)
    assert issubclass(Address, str)
    assert "training.seed" in names
    assert not [name for name in names if name.endswith(".part")]
