from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from regard.cli import main
from regard.data.orderings import Inputs, Problem
from regard.look.samples import sample_of
from regard.models import Cell, Used
from regard.tasks.ordering import Ordering
from regard.tasks.ordering_scores import baselines, covered, metrics
from regard.tasks.ordering_settings import Config, Data, Model
from regard.train.distributed import accelerator
from tests.tasks.asking import ask, assert_told
from tests.tasks.resuming import resumed

ROWS = "instance,number\nmine,30\nmine,-4\nmine,7.5\n"
POINTS = "instance,x,y\nmine,0,0\nmine,0,2\nmine,1,0\n"
SMALL = Data(fewest=3, most=6, validation_count=12, test_count=9, batch=7, epoch=3)
SQUARE = np.array([[0.0, 0.0], [2.0, 2.0], [2.0, 0.0], [0.0, 2.0], [1.0, 0.5]])


@pytest.mark.parametrize("problem", list(Problem))
@pytest.mark.parametrize(("cell", "used"), [(Cell.GRU, Used.HIDDEN), (Cell.LSTM, Used.SHOWN)])
def test_a_stopped_run_resumes_bit_for_bit(tmp_path, problem, cell, used):
    made = Config(replace(SMALL, problem=problem), Model(5, 7, cell, used))
    training = replace(made.training, updates=8, validate_every=3, checkpoint_minutes=0.0)
    config = replace(made, training=training)
    splits = config.data.load()
    ours = resumed(lambda: Ordering.of(config, splits), 5, tmp_path)
    names = [one.name.split(",")[0] for one in ours.score(splits, accelerator())]
    wanted = ["exact"] if problem is Problem.SORT else ["exact", "area", "crossing"]
    assert names == 3 * wanted
    rows = [one.name for one in ours.baselines(splits)]
    assert rows[: len(wanted)] == [f"random order: {name}" for name in wanted]
    assert len(rows) == (1 if problem is Problem.SORT else 6)


def test_random_instances_never_come_twice():
    config = Config(SMALL)
    made = Ordering.of(config, config.data.load())
    numbers = [number for epoch in range(3) for batch in made.batches(epoch) for number in batch]
    assert numbers == list(range(3 * 3 * 7))


def test_the_loss_is_that_of_the_places_that_were_asked_for():
    made = Ordering.of(Config(SMALL), SMALL.load())
    batch = made.collate([0, 1, 2, 3])
    logs = made.model(made.model.read(batch.inputs, batch.lengths), batch.targets.clamp(min=0))
    each = [
        -logs[row, step, place]
        for row, places in enumerate(batch.targets.tolist())
        for step, place in enumerate(places)
        if place >= 0
    ]
    loss = made.loss(made.model, batch)
    assert int(loss.count) == len(each) == int(batch.lengths.sum()) + 4
    torch.testing.assert_close(loss.sum, torch.stack(each).sum())


def test_sorting_is_learned():
    """A hundred steps are enough to sort three numbers of nine."""
    made = Config(Data(fewest=3, most=3, numbers=9, validation_count=50, test_count=50), Model(16, 24))
    task = Ordering.of(made, made.data.load())
    adam = torch.optim.Adam(task.model.parameters(), lr=0.01)
    for step in range(100):
        loss = task.loss(task.model, task.collate(list(range(step * 64, step * 64 + 64))))
        adam.zero_grad()
        (loss.sum / loss.count).backward()
        adam.step()
    assert task.validate(task.model, accelerator()).score > 90


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ([0, 2, 1, 3], 1.0),
        ([2, 1, 3], 0.5),
        ([0, 1, 2, 3], 0.0),
        ([0, 2], 0.0),
        ([0, 2, 1, 4], 0.375),
    ],
)
def test_a_polygon_covers_its_share_of_the_hull(answer, share):
    assert covered(Inputs("square", Problem.HULL, SQUARE), answer) == pytest.approx(share)


def test_metrics_count_what_is_right():
    numbers = [Inputs(str(place), Problem.SORT, np.array([[2.0], [1.0], [2.0]])) for place in range(4)]
    # Of equal numbers either may come first; nothing may be left out or come twice.
    (found,) = metrics(numbers, [[1, 0, 2], [1, 2, 0], [1, 0], [1, 0, 0]], "", "")
    assert found.value == 50
    square = Inputs("square", Problem.HULL, SQUARE)
    exact, area, crossing = metrics([square] * 4, [[0, 2, 1, 3], [2, 1, 3, 0], [0, 1, 2, 3], [0, 2, 1]], "", "")
    assert (exact.value, area.value, crossing.value) == (25, 62.5, 25)
    # By angle the inner point dents the square by a triangle of 2 x 0.5 / 2.
    assert [one.value for one in baselines([square], "")[3:]] == [0, 87.5, 0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> str:
    """A run of the command line on a user's own three rows."""
    return run_on(ROWS, "SORT", tmp_path_factory.mktemp("ordering"))


def run_on(rows: str, problem: str, folder: Path) -> str:
    (folder / "mine.csv").write_text(rows)
    settings = [f"data.{part}={folder / 'mine.csv'}" for part in ("train", "validation", "test")]
    small = ["model.embedding_size=5", "model.hidden_size=7", "training.updates=2", f"data.problem={problem}"]
    assert main(["train", "ordering", "data.name=files", *settings, *small, "--run", str(folder / "run")]) == 0
    return str(folder / "run")


def test_a_users_three_rows_are_learned_answered_and_drawn(trained, monkeypatch, capsys):
    capsys.readouterr()
    assert ask(trained, ROWS + "other,1\nother,2\n", monkeypatch, "--json", "--n-best", "2") == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["instance"] == "mine"
    assert len(first["answers"]) == 2
    assert first["answers"][0]["probability"] >= first["answers"][1]["probability"]
    # No input is pointed at twice, and an answer may be cut short.
    assert second["answers"][0]["inputs"] in ([], [1], [2], [1, 2], [2, 1])
    (fields,) = json.loads((Path(trained) / "samples.json").read_text())
    one = sample_of(fields)
    assert fields["expected"] == [1, 2, 0]
    assert "-4 7.5 30" in one.article(1)
    assert one.article(1).count(" strongest") == len(fields["answer"]) + 1
    assert one.lines()[1] == "true       -4 7.5 30"


def test_points_of_a_user_are_answered_and_drawn(tmp_path, monkeypatch, capsys):
    run = run_on(POINTS, "HULL", tmp_path)
    capsys.readouterr()
    assert ask(run, POINTS, monkeypatch) == 0
    assert capsys.readouterr().out.startswith("mine\t")
    (fields,) = json.loads((Path(run) / "samples.json").read_text())
    assert fields["expected"] == [0, 2, 1]
    assert "1 (0, 0) 3 (1, 0) 2 (0, 2)" in sample_of(fields).article(1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "standard input is empty; expected a table with the columns instance, number"),
        ("instance,number\na,nan\n", "instance 'a': input 1 is [nan], expected finite numbers"),
        ("instance,number\na,one\n", "row 1 has 'one' where a number is expected"),
        ("instance,x\na,1\n", "standard input:1 has no column 'number'"),
        ("instance,number\na\n", "standard input:2 has 1 column(s), expected at least 2"),
        ("instance,number\na,1\nb,1\na,2\n", "row 3 goes back to instance 'a'"),
        ("what is this\n", "standard input:1 has no column 'instance'"),
    ],
)
def test_input_that_is_no_instance_is_told_in_one_line(trained, monkeypatch, capsys, text, says):
    capsys.readouterr()
    assert ask(trained, text, monkeypatch) == 2
    assert_told(capsys, says)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["data.name=files"], "data.validation is empty; with data.name=files"),
        (["data.batch=0"], "data.batch is 0, expected a positive number"),
        (["data.fewest=11"], "fewest is 11 and most is 10, expected 1 <= fewest <= most"),
        (["data.problem=HULL", "data.fewest=2"], "fewest is 2 and most is 10, expected 3 <= fewest <= most"),
        (["data.numbers=9"], "numbers is 9 and most is 10; as no number comes twice"),
        (["search.beam=0"], "search.beam is 0 and search.batch is 500, expected positive numbers"),
    ],
)
def test_settings_that_cannot_be_are_told_in_one_line(tmp_path, capsys, settings, says):
    assert main(["train", "ordering", *settings, "--run", str(tmp_path / "run")]) == 2
    assert_told(capsys, says)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("a,0,0\na,1,1\n", "instance 'a' has 2 inputs, expected at least 3 for HULL"),
        ("a,0,0\na,1,1\na,2,2\n", "instance 'a' has all its points on one line; expected some beside it"),
    ],
)
def test_points_without_a_hull_are_told(tmp_path, capsys, rows, says):
    (tmp_path / "mine.csv").write_text("instance,x,y\n" + rows)
    parts = [f"data.{part}={tmp_path / 'mine.csv'}" for part in ("validation", "test")]
    settings = ["data.name=files", "data.problem=HULL", *parts]
    assert main(["train", "ordering", *settings, "--run", str(tmp_path / "run")]) == 2
    assert says in capsys.readouterr().err
