"""Killed at any moment, in one process or two: the numbers stay the same."""

from __future__ import annotations

import json
import math
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from regard.train.averaging import average_weights
from regard.train.checkpoint import Progress, latest_checkpoint, load_weights, read_tensors, save_weights
from regard.train.distributed import accelerator
from regard.train.run_folder import Identity, RunFolder
from regard.train.runner import Interrupted, Validation, train, use_average
from tests.train.toy import IDENTITY, SETTINGS, Toy, losses

HERE = Path(__file__).parents[2]


def start(folder: Path, dropout: float, launcher: tuple[str, ...] = (), **changes) -> subprocess.Popen:
    command = [sys.executable, *launcher, "-m", "tests.train.toy", str(folder), str(dropout), json.dumps(changes)]
    return subprocess.Popen(command, cwd=HERE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen, code: int = 0) -> str:
    _out, errors = process.communicate(timeout=300)
    assert process.returncode == code, errors
    return errors


def test_killed_ten_times_at_random_moments_it_resumes_bit_for_bit(tmp_path):
    """Every step writes a checkpoint (checkpoint_minutes is 0), so that many kills fall into the writing."""
    settings = replace(SETTINGS, epochs=8)
    run = RunFolder(tmp_path / "whole")
    run.create("", IDENTITY)
    train(Toy(settings, 0.3), run, settings, accelerator())
    expected = losses(run.path)
    killed, moments = tmp_path / "killed", random.Random(4)
    for _ in range(10):
        process = start(killed, 0.3, epochs=8)
        log = killed / "log.jsonl"
        begun = time.monotonic()
        before = log.stat().st_size if log.exists() else 0
        # It is killed while it works, not while Python starts.
        while process.poll() is None and (not log.exists() or log.stat().st_size == before):
            assert time.monotonic() - begun < 120
            time.sleep(0.002)
        time.sleep(moments.random() * 0.15)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
    finish(start(killed, 0.3, epochs=8))
    assert losses(killed) == expected
    assert torch.equal(*(flat(folder / "model.safetensors") for folder in (run.path, killed)))


def flat(path: Path) -> torch.Tensor:
    return torch.cat([tensor.flatten() for _name, tensor in sorted(read_tensors(path).items())])


def test_two_processes_give_the_losses_of_one(tmp_path):
    finish(start(tmp_path / "one", 0.0))
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29617")
    finish(start(tmp_path / "two", 0.0, launcher))
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == len(two) > 10
    for (step, loss), (other_step, other) in zip(one, two, strict=True):
        assert step == other_step
        assert other == pytest.approx(loss, rel=1e-6)


def test_accumulated_batches_are_one_batch(tmp_path):
    """Twice as many batches of the same examples in one step: the gradient is that of all of their tokens."""
    found = []
    for accumulate in (1, 2):
        settings = replace(SETTINGS, accumulate=accumulate, updates=5)
        task = Toy(settings, 0.0)
        small = task.batches(0)
        joined = [[*a, *b] for a, b in zip(small[::2], small[1::2], strict=False)]
        task.batches = lambda epoch, parts=(small if accumulate == 2 else joined): parts
        run = RunFolder(tmp_path / str(accumulate))
        run.create("", IDENTITY)
        train(task, run, settings, accelerator())
        found.append(losses(run.path))
    assert [loss for _step, loss in found[0]] == pytest.approx([loss for _step, loss in found[1]], rel=1e-5)


def test_a_signal_leaves_a_checkpoint_and_says_how_to_go_on(tmp_path):
    process = start(tmp_path, 0.3, epochs=200, checkpoint_minutes=60.0, validate_every=100_000)
    while not (tmp_path / "log.jsonl").exists() or not losses(tmp_path):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert f"continue with --resume {tmp_path}" in finish(process, code=130)
    checkpoint = latest_checkpoint(RunFolder(tmp_path))
    assert checkpoint is not None
    assert json.loads((checkpoint / "state.json").read_text())["progress"]["step"] == len(losses(tmp_path))


@pytest.fixture
def trained(tmp_path) -> tuple[RunFolder, Toy]:
    settings = replace(SETTINGS, updates=21, keep=4)
    run = RunFolder(tmp_path / "run")
    run.create("", IDENTITY)
    task = Toy(settings, 0.0)
    train(task, run, settings, accelerator())
    return run, task


def test_averaged_weights_are_the_mean(trained):
    run, task = trained
    paths = sorted(run.state.glob("step-*"))[-3:]
    average_weights(task.model, paths)
    mean = torch.stack([flat(path / "model.safetensors").double() for path in paths]).mean(0)
    save_weights(task.model, run.path / "mean.safetensors", IDENTITY)
    torch.testing.assert_close(flat(run.path / "mean.safetensors").double(), mean, rtol=0, atol=1e-7)
    best = max(json.loads((paths[-1] / "state.json").read_text())["progress"]["scores"].values())
    used = use_average(task, run, 3, accelerator())
    assert used is None or used > best


def test_damaged_and_foreign_files_are_refused(trained, tmp_path):
    run, task = trained
    whole = run.model.read_bytes()
    run.model.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=rf"is damaged or cut short \({len(whole) // 2} bytes\)"):
        load_weights(task.model, run.model)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_weights(task.model, tmp_path / "nothing.safetensors")
    run.write_json("identity.json", asdict(replace(IDENTITY, version="2")))
    with pytest.raises(ValueError, match="was made with version '1', but this is version '2'"):
        train(Toy(SETTINGS, 0.0), run, SETTINGS, accelerator())
    run.write_json("identity.json", asdict(IDENTITY))
    with pytest.raises(ValueError, match="made with task 'toy', but this is task 'other'"):
        Identity("other", "1", "data-1").check({"task": "toy", "version": "1", "data": "data-1"}, run.path)
    with pytest.raises(FileExistsError, match="exists; choose another with --run FOLDER"):
        run.create("model: small", IDENTITY)
    checkpoint = latest_checkpoint(run)
    (checkpoint / "state.json").write_text('{"progress"')
    with pytest.raises(ValueError, match=r"state.json is damaged"):
        train(Toy(SETTINGS, 0.0), run, SETTINGS, accelerator())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": None}, "minutes, epochs and updates are all null"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0, expected a positive number"),
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0"),
        ({"average": 5}, "average is 5 but keep is 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(SETTINGS, **changes)


class Scripted(Toy):
    """Validates as it is told, after every step."""

    def __init__(self, found: list[Validation], patience: int) -> None:
        super().__init__(replace(SETTINGS, updates=len(found), patience=patience, validate_every=1), 0.0)
        self.found = iter(found)
        self.seen: list[torch.Tensor] = []

    def validate(self, model, processes) -> Validation:
        self.seen.append(torch.cat([weight.detach().flatten() for weight in model.parameters()]))
        return next(self.found)

    def progress(self, path: Path) -> Progress:
        run = RunFolder(path)
        run.create("", IDENTITY)
        progress = train(self, run, self.settings, accelerator())
        load_weights(self.model, run.model)
        kept = torch.cat([weight.detach().flatten() for weight in self.model.parameters()])
        assert torch.equal(kept, self.seen[progress.best_step - 1])
        return progress


def scored(*scores: float, beginning: str = "") -> list[Validation]:
    return [Validation(score, {"loss": -score}, beginning) for score in scores]


def test_a_score_that_is_no_number_is_the_best_only_where_there_is_no_other(tmp_path):
    late = Scripted(scored(math.nan, math.nan, -7.0, math.nan, -5.0), patience=9).progress(tmp_path / "late")
    assert (late.best_step, late.best_score, late.without_better) == (5, -5.0, 0)
    alone = Scripted(scored(math.nan, math.nan, math.nan), patience=2).progress(tmp_path / "alone")
    assert (alone.step, alone.best_step, alone.without_better) == (3, 1, 2)


def test_averaged_weights_whose_score_is_no_number_are_not_used(trained):
    run, task = trained
    kept = run.model.read_bytes()
    task.validate = lambda model, processes: scored(math.nan)[0]
    assert use_average(task, run, 3, accelerator()) is None
    assert run.model.read_bytes() == kept


def test_patience_does_not_end_a_beginning(tmp_path, capsys):
    begun = scored(-9.0, -8.0, -8.0, -8.5, -8.0, beginning="linear start")
    found = Scripted([*begun, *scored(-3.0, -2.0, -2.5, -2.0, -1.0)], patience=2).progress(tmp_path)
    assert (found.step, found.best_step, found.without_better) == (9, 7, 2)
    assert "ends in" not in capsys.readouterr().err


def test_a_training_that_ends_in_the_beginning_says_so(tmp_path, capsys):
    found = Scripted(scored(-9.0, -8.0, -8.5, beginning="linear start"), patience=2).progress(tmp_path)
    assert (found.step, found.best_step) == (3, 2)
    assert "training ends in its linear start, and so do the weights that are kept" in capsys.readouterr().err


def test_an_epoch_without_batches_is_told_and_not_waited_for(tmp_path):
    task = Toy(SETTINGS, 0.0)
    whole = task.batches(0)
    task.batches = lambda epoch: whole if epoch == 0 else []
    run = RunFolder(tmp_path / "run")
    run.create("", IDENTITY)
    with pytest.raises(ValueError, match="epoch 2 has no batches, expected at least one; .* data.train"):
        train(task, run, SETTINGS, accelerator())


def test_a_signal_is_obeyed_where_every_epoch_is_one_batch(tmp_path):
    task = Toy(SETTINGS, 0.0)
    begun: list[int] = []

    def one_batch(epoch: int) -> list[list[int]]:
        begun.append(epoch)
        if begun == [0, 1, 2]:
            signal.raise_signal(signal.SIGTERM)
        return [[epoch]]

    task.batches = one_batch
    run = RunFolder(tmp_path / "run")
    run.create("", IDENTITY)
    settings = replace(SETTINGS, epochs=11, validate_every=0)
    with pytest.raises(Interrupted, match="stopped at step 3; continue with --resume"):
        train(task, run, settings, accelerator())
    progress = train(task, run, settings, accelerator())
    assert (progress.step, begun) == (11, list(range(11)))
