from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from regard.cli import main
from regard.cli.settings import parse
from regard.data.routes import Distance, Instance
from regard.data.uniform_routes import Problem
from regard.look.samples import sample_of
from regard.tasks.routing import Routing
from regard.tasks.routing_scores import tour_metrics
from regard.tasks.routing_settings import Attention, Config, Data, Model, Pointer
from regard.train.distributed import accelerator
from regard.train.incumbent import Baseline, Rollout, Shared
from regard.train.rollout import Begin
from regard.train.tour_search import Decoding
from tests.tasks.asking import ask, assert_told
from tests.tasks.resuming import resumed

ROWS = "instance,x,y\nmine,0,0\nmine,3,4\nmine,0,4\n"
SMALL = Data(places=6, validation_count=12, test_count=9, batch=7, epoch=3)
SIZES = Attention(size=12, heads=2, layers=1, feed_forward_size=9)
CVRP = "instance,x,y,demand,capacity\na,0,0,0,5\na,3,4,2,5\na,0,4,4,5\n"


def config_of(baseline: Baseline, problem: Problem = Problem.TSP, model: Model = SIZES) -> Config:
    decoding = Decoding(8, int(baseline.starts is Begin.EACH))
    made = Config(replace(SMALL, problem=problem), model, baseline, decoding)
    return replace(made, training=replace(made.training, updates=8, validate_every=3, checkpoint_minutes=0.0))


CASES = [
    (Shared(4), Problem.TSP, SIZES),
    (Rollout(instances=30), Problem.TSP, SIZES),
    (Shared(3, Begin.CHOSEN), Problem.CVRP, SIZES),
    (Rollout(instances=30), Problem.TSP, Pointer(5, 7)),
]


@pytest.mark.parametrize(("baseline", "problem", "model"), CASES)
def test_a_stopped_run_resumes_bit_for_bit_with_its_baseline(tmp_path, baseline, problem, model):
    config = config_of(baseline, problem, model)
    splits = config.data.load()
    ours = resumed(lambda: Routing.of(config, splits), 5, tmp_path)
    found = ours.score(splits, accelerator())
    assert [one.name for one in found] == ["length", "length in 8 views", "length as it is run"]
    assert found[1].value <= found[0].value
    names = [one.name for one in ours.baselines(splits)]
    better = ["farthest insertion", "2-opt"] if problem is Problem.TSP else ["savings"]
    assert names == [f"{one}: length" for one in ("random", "nearest neighbour", *better)]


def test_validation_begins_tours_as_training_did():
    for baseline, says in ((Rollout(instances=30), "its own beginning"), (Shared(4), "1 beginning")):
        config = config_of(baseline)
        splits = config.data.load()
        found = Routing.of(config, splits).score(splits, accelerator())
        assert found[0].protocol.endswith(f"greedy, {says}, 1 view")


@pytest.mark.parametrize("variant", Routing.variants, ids=lambda one: one.name)
def test_every_variant_decodes_as_it_was_trained(variant):
    config, _text = parse(Config, list(variant.settings))
    assert (config.baseline.starts is Begin.EACH) == bool(config.decoding.beginnings)


def test_random_instances_never_come_twice():
    made = Routing.of(config_of(Shared(4)), SMALL.load())
    numbers = [number for epoch in range(3) for batch in made.batches(epoch) for number in batch]
    assert numbers == list(range(3 * 3 * 7))
    assert torch.equal(made.collate([5]).points, made.collate([4, 5]).points[1:])


def test_training_instances_grow_to_all_places_and_stay():
    config = replace(config_of(Shared(2)), data=replace(SMALL, first_places=3, growing=4))
    made = Routing.of(config, config.data.load())
    batches = [batch for epoch in range(2) for batch in made.batches(epoch)]
    assert [tuple(made.collate(one).points.shape) for one in batches] == [(7, size, 2) for size in (3, 3, 4, 5, 6, 6)]
    assert {len(one.places) for one in made.validation} == {6}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> str:
    """A run of the command line on a user's own three rows."""
    folder = tmp_path_factory.mktemp("routing")
    (folder / "mine.csv").write_text(ROWS)
    settings = [f"data.{part}={folder / 'mine.csv'}" for part in ("train", "validation", "test")]
    small = ["model.size=8", "model.heads=2", "model.layers=1", "model.feed_forward_size=8", "training.updates=2"]
    assert main(["train", "routing", "data.name=files", *settings, *small, "--run", str(folder / "run")]) == 0
    return str(folder / "run")


def test_a_users_three_rows_are_learned_answered_and_drawn(trained, monkeypatch, capsys):
    capsys.readouterr()
    assert ask(trained, ROWS + "other,1,1\nother,1,2\n", monkeypatch, "--json") == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["length"] == pytest.approx(12)
    assert sorted(first["tours"][0]) == [1, 2, 3]
    assert second["length"] == pytest.approx(2)
    (fields,) = json.loads((Path(trained) / "samples.json").read_text())
    picture = sample_of(fields).article(1)
    assert picture.count("<circle") == 2 * 3
    assert "mine" in picture


def test_a_file_of_tsplib_is_answered_in_its_own_lengths(trained, monkeypatch, capsys):
    capsys.readouterr()
    text = (
        "NAME: t\nTYPE: TSP\nDIMENSION: 3\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 1 1\n3 0 1\nEOF\n"
    )
    assert ask(trained, text, monkeypatch) == 0
    # The diagonal, 1.41, is rounded to 1.
    assert capsys.readouterr().out.startswith("t\t3\t")


def test_places_that_are_one_point_are_visited_and_told(trained, monkeypatch, capsys):
    capsys.readouterr()
    assert ask(trained, ROWS + "mine,3,4\n", monkeypatch) == 0
    told = capsys.readouterr()
    assert "input 1 (mine) has places that are one point: 2 and 4" in told.err
    assert told.out.startswith("mine\t12\t")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "standard input is empty; expected a table with the columns instance, x, y"),
        ("instance,x,y\na,1,1\n", "instance 'a' has 1 of the cities, expected at least 2"),
        ("instance,x,y\na,1,1\na,nan,1\n", "instance 'a': place 2 lies at (nan, 1); expected finite"),
        ("instance,x,y\na,1,one\n", "row 1 has 'one' where a number is expected"),
        ("instance,x\na,1\n", "standard input:1 has no column 'y'"),
        ("instance,x,y\na,1\n", "standard input:2 has 2 column(s), expected at least 3"),
        ("instance,x,y\na,1,1\nb,1,1\na,2,2\n", "row 3 goes back to instance 'a'"),
        ("TYPE: ATSP\nEOF\n", "standard input is of TYPE ATSP, expected TSP or CVRP"),
        ("what is this\n", "standard input:1 is 'what is this'"),
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
        (["data.places=1"], "places is 1, expected at least 2"),
        (["data.first_places=21"], "data.first_places is 21, expected 2 to data.places, 20; or 0"),
        (["data.growing=0"], "data.growing is 0, expected a positive number"),
        (["data.train=mine.csv"], "data.train is 'mine.csv', but data.name is 'uniform', which does not read it"),
        (["baseline.beginnings=1"], "baseline.beginnings is 1, expected at least 2; a single tour is its own mean"),
        (["baseline=Rollout"], "decoding.beginnings is 1, but with this baseline the policy learns to choose"),
        (["baseline=Rollout", "baseline.instances=1"], "baseline.instances is 1, expected at least 2"),
        (["baseline=Rollout", "baseline.decay=1"], "baseline.decay is 1.0, expected 0 or more and less than 1"),
        (["baseline=Rollout", "baseline.significance=0"], "baseline.significance is 0.0, expected a probability"),
        (["model=Pointer", "data.problem=CVRP"], "data.problem is CVRP, but model=Pointer makes one tour, TSP"),
    ],
)
def test_settings_that_cannot_be_are_told_in_one_line(tmp_path, capsys, settings, says):
    assert main(["train", "routing", *settings, "--run", str(tmp_path / "run")]) == 2
    assert_told(capsys, says)


def test_two_policies_are_not_compared_on_one_instance(tmp_path, capsys):
    (tmp_path / "mine.csv").write_text(ROWS)
    settings = [f"data.{part}={tmp_path / 'mine.csv'}" for part in ("train", "validation", "test")]
    rollout = ["data.name=files", "baseline=Rollout", "decoding.beginnings=0"]
    assert main(["train", "routing", *rollout, *settings, "--run", str(tmp_path / "run")]) == 2
    assert_told(capsys, "data.train has 1 instance, but baseline=Rollout compares two policies by a test")


def test_the_length_that_is_told_is_that_of_the_places_in_this_order(trained, monkeypatch, capsys):
    places = np.array([[0, 0], [500_003, 1], [700_001, 300_007], [600_011, 800_009], [9, 900_001], [1, 7], [3, 5]])
    text = "instance,x,y\n" + "".join(f"far,{x},{y}\n" for x, y in places.tolist())
    assert ask(trained, text, monkeypatch, "decoding.beginnings=11") == 0
    name, length, order = capsys.readouterr().out.strip().split("\t")
    stops = places[[int(place) - 1 for place in order.split()]]
    assert sorted(order.split()) == [str(place) for place in range(1, 8)]
    assert (name, length) == (
        "far",
        f"{sum(math.dist(*way) for way in zip(stops, np.roll(stops, -1, 0), strict=True)):.12g}",
    )


def test_deliveries_of_a_user_are_learned_and_answered_to_the_last_gram(tmp_path, monkeypatch, capsys):
    # No two of b, c and d fit into one vehicle, by 2 in a million; e and f fill one to the brim.
    rows = ("0,0,0", "3,4,500001", "0,4,500001", "3,0,500001", "7,1,400000", "7,2,600000")
    text = "instance,x,y,demand,capacity\n" + "".join(f"far,{row},1000000\n" for row in rows)
    (tmp_path / "mine.csv").write_text(text)
    settings = [f"data.{part}={tmp_path / 'mine.csv'}" for part in ("train", "validation", "test")]
    small = ["model.size=8", "model.heads=2", "model.layers=1", "model.feed_forward_size=8", "training.updates=2"]
    chosen = ["data.name=files", "data.problem=CVRP", "baseline.begin=CHOSEN", "decoding.beginnings=0"]
    assert main(["train", "routing", *chosen, *settings, *small, "--run", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert ask(str(tmp_path / "run"), text, monkeypatch, "decoding.beginnings=9", "--json") == 0
    (found,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert sorted(place for tour in found["tours"] for place in tour[1:]) == [2, 3, 4, 5, 6]
    assert {tour[0] for tour in found["tours"]} == {1}
    assert all(len({2, 3, 4} & set(tour)) < 2 for tour in found["tours"])
    assert len(found["tours"]) >= 4


def test_own_instances_of_which_some_have_no_best_tour_are_told_to_have_no_gap():
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    both = [Instance("a", corners, known=4.0), Instance("b", corners)]
    (found,) = tour_metrics(both, [[[0, 1, 2, 3]], [[0, 2, 1, 3]]], "by hand", "files")
    assert (found.name, found.value) == ("length", pytest.approx(3 + math.sqrt(2)))
    assert found.protocol == "2 instances of files, by hand; best tours are known of 1, so there is no gap"


def test_ways_that_all_round_to_nothing_have_no_gap():
    near = Instance("near", np.array([[0.0, 0.0], [0.1, 0.2], [0.3, 0.1]]), distance=Distance.EUC_2D, known=0.0)
    assert [one.name for one in tour_metrics([near], [[[0, 1, 2]]], "by hand", "files")] == ["length"]


def test_a_demand_above_the_capacity_is_told(tmp_path, capsys):
    (tmp_path / "mine.csv").write_text(CVRP.replace("3,4,2,5", "3,4,6,5"))
    parts = [f"data.{part}={tmp_path / 'mine.csv'}" for part in ("validation", "test")]
    settings = ["data.name=files", "data.problem=CVRP", *parts]
    assert main(["train", "routing", *settings, "--run", str(tmp_path / "run")]) == 2
    assert "place 2 has demand 6, expected more than 0 and at most the capacity, 5" in capsys.readouterr().err
