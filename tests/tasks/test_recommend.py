"""Recommending from training to picture: on made-up walks, on a user's own files, and on what is wrong with these."""

from __future__ import annotations

import io
import json
import math
import re
import sys
from dataclasses import replace

import pytest
import torch

import regard as rg
from regard.cli import main
from regard.cli.settings import parse
from regard.data import History, Splits, dataset
from regard.data.history_batches import BEGIN, MASK, SPECIAL, numbered, padded
from regard.data.inventory import Inventory
from regard.look.run import read_run
from regard.tasks import recommend_scores, task
from regard.tasks.contract import Wish
from regard.tasks.recommend import Recommending
from regard.tasks.recommend_approaches import Interest, MaskedItems, NextItem
from regard.tasks.recommend_samples import sample
from regard.tasks.recommend_scores import _matrix as whole
from regard.tasks.recommend_settings import Candidates, Config
from regard.tasks.working import stored
from regard.train.distributed import accelerator

QUICK = [*Recommending.smoke, "training.updates=60", "training.learning_rate=0.02", "training.schedule=Constant"]
QUICK += ["training.tokens_per_batch=300", "model.dropout=0.0", "training.validate_every=20"]
APPROACHES = [
    NextItem(layers=2, heads=2, size=12, newest=9),
    MaskedItems(layers=2, heads=2, size=12, newest=9),
    Interest(size=6, matching=5, hidden_size=7, newest=9),
]


def named(value):
    return type(value).__name__


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "quick"
    assert main(["train", "recommend", *QUICK, "--run", str(folder)]) == 0
    return folder


def asked(folder, *lines, best=None, **changes):
    config, _text = parse(Config, ["--config", str(folder / "config.yaml")])
    processes = accelerator()
    made = stored(folder, replace(config, **changes), processes)
    return list(made.answers(iter(lines), Wish(best or 1, asked=best), processes))


def losses(folder):
    entries = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [(entry["step"], entry["loss"]) for entry in entries if entry["kind"] == "train"]


def test_a_short_training_learns_to_walk_on_and_baselines_do_not(run):
    scores = json.loads((run / "scores.json").read_text())
    found = {one["name"]: one["value"] for one in scores["test"]}
    assert [*found] == [
        f"{before}{name}" for before in ("", "new items: ", "sampled: ") for name in ("NDCG@10", "HR@10", "MRR")
    ]
    assert found["NDCG@10"] > 0.85
    assert found["MRR"] <= found["sampled: MRR"]
    beside = {one["name"]: one["value"] for one in scores["baselines"]}
    assert [*beside] == [
        f"{who}: {before}NDCG@10" for who in ("popularity", "item-kNN") for before in ("", "new items: ")
    ]
    assert all(found[name.split(": ", 1)[1]] > value for name, value in beside.items())
    assert beside["popularity: NDCG@10"] < beside["item-kNN: NDCG@10"] < found["NDCG@10"] - 0.2
    protocols = [one["protocol"] for one in scores["test"]]
    assert "full ranking of 21 items, also what the user took before" in protocols[0]
    assert "full ranking of 21 items but what the user took before" in protocols[3]
    assert "among 5 sampled new items only" in protocols[6]


def test_the_report_has_the_picture_of_test_users(run):
    samples = read_run(run).samples
    assert samples[0].view == "recommended"
    for one in samples:
        assert len(one.history) == len(one.weights) == len(one.driven)
        assert all(len(row) == len(one.recommended) for row in (*one.weights, *one.driven))
        assert not set(one.recommended) & set(one.history)
        assert 0 < sum(row[0] for row in one.weights) <= 1.001
    assert (run / "report.html").read_text().count('class="driven"') == len(samples)


def test_what_an_item_drove_is_what_is_lost_without_it(run):
    """The picture's shares by asking the trained model twice."""
    config, _text = parse(Config, ["--config", str(run / "config.yaml")])
    made = stored(run, config, accelerator())
    one = made.samples(config.data.load(), accelerator())[0]
    history = [made.items.number(item) for item in one["history"]]
    chosen = [made.items.number(item) for item in one["recommended"]]

    def probabilities(numbers):
        scores = made.scores(padded([[BEGIN, *numbers]]))[0]
        scores[history] = -math.inf
        return scores.softmax(0)[chosen]

    whole = probabilities(history)
    assert one["probabilities"] == pytest.approx(whole.tolist(), abs=1e-4)
    for place, row in enumerate(one["driven"]):
        without = probabilities(history[:place] + history[place + 1 :])
        assert row == pytest.approx((1 - without / whole).tolist(), abs=1e-3)


def test_histories_are_answered_and_odd_ones_noted(run):
    walk, nothing, unknown, twice = asked(run, "red 1\tred 2\tred 3", "", "green 1\tgreen 2x", '["blue 1", "blue 1"]')
    assert walk.text.split("\t")[0] == "red 4"
    assert walk.record["items"][0]["item"] == "red 4"
    assert walk.note == ""
    assert len(walk.record["items"]) == 10
    assert not {"red 1", "red 2", "red 3"} & {one["item"] for one in walk.record["items"]}
    assert "has no item that is known" in nothing.note
    assert len(nothing.record["items"]) == 10
    assert "has 1 items that training never showed, the first is 'green 2x'; did you mean 'green 2'?" in unknown.note
    assert unknown.text == asked(run, "green 1")[0].text
    assert "has an item more than once" in twice.note


def test_more_or_fewer_can_be_wished_and_old_ones_too(run):
    for best in (1, 3):
        (few,) = asked(run, "red 1", best=best)
        assert len(few.record["items"]) == best
    (every,) = asked(run, "red 1", best=500, candidates=Candidates.ALL)
    assert len(every.record["items"]) == 21
    assert len({one["item"] for one in every.record["items"]}) == 21
    (new,) = asked(run, "red 1", best=500)
    assert len(new.record["items"]) == 20


@pytest.mark.parametrize(("words", "count"), [([], 10), (["--n-best", "1"], 1), (["--n-best", "3"], 3)])
def test_one_item_can_be_wished_on_the_command_line(run, words, count, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"red 1\n"), encoding="utf-8"))
    capsys.readouterr()
    assert main(["run", str(run), *words, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["items"]) == count


def test_a_broken_list_is_told(run):
    with pytest.raises(ValueError, match=r"standard input:2 begins with \[ but is no list of texts"):
        asked(run, "red 1", '["red 1"')


def test_answers_of_good_lines_come_before_an_error(run):
    made = stored(run, parse(Config, ["--config", str(run / "config.yaml")])[0], accelerator())
    found = made.answers(iter(["red 1", "red 2", "[1]", "red 3"]), Wish(), accelerator())
    assert [next(found).record["history"] for _ in range(2)] == [["red 1"], ["red 2"]]
    with pytest.raises(ValueError, match="standard input:3"):
        next(found)


@pytest.mark.parametrize("approach", APPROACHES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("newest", [1, 4])
def test_what_was_taken_before_the_newest_is_not_recommended_in_the_picture(approach, newest):
    approach = replace(approach, newest=newest)
    items = Inventory.of([f"i{number}" for number in range(20)], SPECIAL)
    history = History("Ada", tuple(f"i{number}" for number in (0, 2, 3, 5, 7, 11, 13)))
    model = model_of(approach).float()
    found = sample(approach, model, items, history, torch.device("cpu"))
    # The last of a history is what is to be found, and was not taken yet.
    taken = set(history.items[:-1])
    assert found["history"] == [*history.items[:-1]][-newest:]
    assert not taken & set(found["recommended"])
    assert len(found["recommended"]) == 10
    assert sum(found["probabilities"]) < 1
    scores = approach.scores(model, padded([numbered(items, history.items[:-1])[-newest:]]))[0].double()
    scores[[0, 1, 2, *(items.number(item) for item in taken)]] = -math.inf
    assert found["probabilities"] == pytest.approx(scores.softmax(0).topk(10).values.tolist(), abs=1e-4)


@pytest.mark.parametrize("model", ["NextItem", "MaskedItems", "Interest"])
def test_one_entry_of_a_history_is_enough_to_train_and_to_be_drawn(tmp_path, model):
    sizes = ["model.size=8", *([] if model == "Interest" else ["model.layers=1"])]
    settings = ["data.name=walks", f"model={model}", *sizes, "model.newest=1", "training.updates=2", "sampled=0"]
    assert main(["train", "recommend", *settings, "training.epochs=null", "--run", str(tmp_path / "run")]) == 0
    assert all(len(one.history) == 1 for one in read_run(tmp_path / "run").samples)


def test_what_does_not_fit_into_memory_is_not_measured_and_says_why(monkeypatch):
    splits = dataset("walks").load()
    made = Recommending.of(parse(Config, list(Recommending.smoke))[0], splits)
    before = {one.name: one.value for one in made.baselines(splits)}
    users, items = len(splits.train), len(made.items)
    monkeypatch.setattr(recommend_scores, "_MOST_PAIRS", users * items - 1)
    widths = []

    def counted(rows, count):
        widths.append(len(rows))
        return whole(rows, count)

    monkeypatch.setattr(recommend_scores, "_matrix", counted)
    *popular, near = made.baselines(splits)
    assert {one.name: one.value for one in popular}.items() <= before.items()
    assert math.isnan(near.value)
    assert near.protocol == f"not measured: {users} users times {items} items are more than {users * items - 1} pairs"
    assert max(widths) <= made.config.together


def test_a_sampled_ranking_that_there_is_no_room_for_says_so():
    splits = dataset("walks").load()
    made = Recommending.of(parse(Config, [*Recommending.smoke, "sampled=20"])[0], splits)
    *_others, last = made.score(splits, accelerator())
    assert last.name == "sampled ranking"
    assert math.isnan(last.value)
    longest = max(len(one.items) for one in splits.test)
    assert last.protocol == (f"not measured: only {21 - longest} items are new to each user, fewer than sampled=20")


def test_the_sampled_ranking_has_its_whole_protocol(run):
    protocol = json.loads((run / "scores.json").read_text())["test"][6]["protocol"]
    for part in ("leave-one-out in order of time", "users; among 5 sampled", "all as probable, seeded by the user's"):
        assert part in protocol


def test_a_run_that_was_stopped_goes_on_to_the_same_losses(run, tmp_path):
    folder = tmp_path / "stopped"
    assert main(["train", "recommend", *QUICK, "training.updates=20", "--run", str(folder)]) == 0
    state = sorted((folder / "state").glob("step-*"))[-1] / "state.json"
    told = json.loads(state.read_text())
    told["progress"]["finished"] = False
    state.write_text(json.dumps(told))
    text = (folder / "config.yaml").read_text().replace("updates: 20\n", "updates: 60\n")
    (folder / "config.yaml").write_text(text)
    assert main(["train", "recommend", "--resume", str(folder)]) == 0
    assert losses(folder) == losses(run)


@pytest.mark.parametrize("model", ["NextItem", "MaskedItems", "Interest"])
def test_a_users_own_three_rows_are_enough(tmp_path, model):
    (tmp_path / "own.csv").write_text("Ada,Heat,1\nAda,Alien,2\nAda,Speed,3\n", encoding="utf-8")
    own = ["data.name=files", f"data.file={tmp_path}/own.csv", f"model={model}", "training.epochs=2"]
    folder = tmp_path / "run"
    assert main(["train", "recommend", *own, "--run", str(folder)]) == 0
    # Training showed Heat alone; Alien and Speed are cold, and nothing is left to recommend to who took Heat.
    (first, second) = asked(folder, "Heat", "")
    assert first.text == ""
    assert second.text == "Heat"
    scores = json.loads((folder / "scores.json").read_text())
    assert [one["value"] for one in scores["test"] if "NDCG" in one["name"]] == [0.0, 0.0]


def test_titles_of_ones_own_are_shown(tmp_path):
    rows = "".join(f"u{user},{item},{time}\n" for user in range(3) for time, item in enumerate((1, 2, 3, 4)))
    (tmp_path / "own.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "titles.csv").write_text("item,title\n1,Heat\n2,Alien\n", encoding="utf-8")
    own = [f"data.file={tmp_path}/own.csv", f"data.titles={tmp_path}/titles.csv", "data.name=files"]
    config, _text = parse(Config, own)
    assert config.data.load().test[0].items == ("Heat", "Alien", "3", "4")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["data.name=files"], "data.file is null; with data.name=files it needs a file"),
        (["data.name=files", "data.file=no.csv"], r"no\.csv"),
        (["data.name=ml-100"], "Did you mean 'ml-100k'"),
        (["data.name=ml-100k", "data.folder=/nowhere"], r"has no ml-100k\.inter"),
        (["model.heads=3"], "size must be a multiple of heads"),
        (["shown=0"], "shown is 0, expected at least 1"),
        (["model.newest=0"], "model.newest is 0, expected at least 1"),
        (["data.file=own.csv"], "data.file is 'own.csv', but data.name is 'walks', which does not read it"),
        (["data.titles=own.csv"], "data.titles is 'own.csv', but data.name is 'walks'"),
        (["data.least_rating=4"], "data.least_rating is 4.0, but data.name is 'walks'"),
    ],
)
def test_bad_input_is_told_in_one_line(tmp_path, capsys, settings, message):
    code = main(["train", "recommend", *Recommending.smoke, *settings, "--run", str(tmp_path / "run")])
    told = capsys.readouterr().err.strip()
    assert code != 0
    assert len(told.splitlines()) == 1
    assert re.search(message, told)


def test_shares_and_counts_are_checked():
    with pytest.raises(ValueError, match="hidden is 1"):
        MaskedItems(hidden=1)
    with pytest.raises(ValueError, match="negatives is 0"):
        Interest(negatives=0)
    for kind in (NextItem, MaskedItems, Interest):
        with pytest.raises(ValueError, match=r"model\.newest is -1"):
            kind(newest=-1)


def model_of(approach):
    torch.manual_seed(1)
    model = approach.build(23).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model


@pytest.mark.parametrize("approach", APPROACHES, ids=named)
def test_padding_and_company_do_not_change_scores_and_weights(approach):
    model = model_of(approach)
    histories = [[BEGIN, 7, 8, 9, 10, 11, 12], [BEGIN, 5], [BEGIN]]
    scores = approach.scores(model, padded(histories))
    chosen = torch.tensor([[4, 20]])
    for row, history in enumerate(histories):
        alone = padded([history])
        assert torch.allclose(scores[row], approach.scores(model, alone)[0], atol=1e-12)
        together = approach.weights(model, padded(histories), chosen.expand(3, -1))[row]
        weights = approach.weights(model, alone, chosen)[0]
        assert weights.shape == (2, len(history))
        assert torch.allclose(together[:, : len(history)], weights, atol=1e-12)
        assert not together[:, len(history) :].any()


def test_next_items_loss_is_the_cross_entropy_of_every_prefix():
    approach, model = APPROACHES[0], model_of(APPROACHES[0])
    histories = [[BEGIN, 7, 8, 9, 10], [BEGIN, 5, 6]]
    found = approach.loss(model, padded(histories), 0.0)
    prefixes = [(one[:place], one[place]) for one in histories for place in range(1, len(one))]
    wanted = sum(
        torch.nn.functional.cross_entropy(approach.scores(model, padded([prefix]))[0], torch.tensor(target))
        for prefix, target in prefixes
    )
    assert float(found.sum.detach()) == pytest.approx(float(wanted.detach()))
    assert int(found.count) == len(prefixes)


def test_masked_items_that_are_asked_for_are_not_seen():
    """All are hidden: then the loss is that of a history of nothing but gaps, whatever stood there."""
    approach = replace(APPROACHES[1], hidden=0.999999)
    model = model_of(approach)
    histories = [[BEGIN, 7, 8, 9], [BEGIN, 5]]
    batch = padded(histories)
    found = approach.loss(model, batch, 0.0)
    logits = model.output(model(batch.items.masked_fill(batch.items >= len(SPECIAL), MASK), _lengths(batch)))
    wanted = torch.nn.functional.cross_entropy(
        logits[batch.items >= len(SPECIAL)], batch.items[batch.items >= len(SPECIAL)], reduction="sum"
    )
    assert float(found.sum.detach()) == pytest.approx(float(wanted.detach()))
    assert int(found.count) == 4


def test_of_masked_items_the_last_one_is_always_asked_for():
    approach = replace(APPROACHES[1], hidden=0.0)
    model = model_of(approach)
    histories = [[BEGIN, 7, 8, 9], [BEGIN, 5]]
    found = approach.loss(model, padded(histories), 0.0)
    scores = [approach.scores(model, padded([one[:-1]]))[0] for one in histories]
    wanted = sum(
        torch.nn.functional.cross_entropy(row, torch.tensor(one[-1]))
        for row, one in zip(scores, histories, strict=True)
    )
    assert float(found.sum.detach()) == pytest.approx(float(wanted.detach()))
    assert int(found.count) == 2


def test_interests_are_told_from_what_was_not_taken():
    """Binary cross-entropy by a loop over places, with the negatives that the seed draws."""
    approach = APPROACHES[2]
    model = model_of(approach)
    history = [BEGIN, 7, 8, 9]
    torch.manual_seed(4)
    found = approach.loss(model, padded([history]), 0.0)
    torch.manual_seed(4)
    drawn = torch.randint(len(SPECIAL), 23, (1, 3 * approach.negatives)).view(approach.negatives, 3)
    wanted, count = 0.0, 0
    for place in range(3):
        scores = approach.scores(model, padded([history[: place + 1]]))[0]
        negatives = [item for item in drawn[:, place].tolist() if item not in history]
        wanted -= float(torch.nn.functional.logsigmoid(scores[history[place + 1]]).detach())
        wanted -= sum(float(torch.nn.functional.logsigmoid(-scores[item]).detach()) for item in negatives)
        count += 1 + len(negatives)
    assert float(found.sum.detach()) == pytest.approx(wanted)
    assert int(found.count) == count


@pytest.mark.parametrize("variant", Recommending.variants, ids=lambda one: one.name)
def test_every_variant_can_be_trained(variant):
    config, _text = parse(Config, ["data.name=walks", *variant.settings])
    made = Recommending.of(config, config.data.load())
    loss = made.loss(made.model, made.collate(made.batches(0)[0]))
    loss.sum.backward()
    assert float(loss.count) > 0
    assert all(parameter.grad is not None for parameter in made.model.parameters())


def test_what_training_never_showed_is_never_found():
    splits = dataset("walks").load()
    config, _text = parse(Config, list(Recommending.smoke))
    made = Recommending.of(config, splits)
    cold = Splits(
        "cold", [], [], [History("new", ("red 1", "purple 9")), History("newer", ("purple 1", "red 2"))], "", ""
    )
    found = made.places(cold.test, 5, accelerator())
    assert min(found[0].every, found[0].new, found[0].sampled) > 1e9
    # The others were not known either, so this one is ranked by the beginning alone.
    assert 1 <= found[1].every <= 21


def test_the_task_is_listed():
    assert task("recommend").kind() is Recommending


def _lengths(batch):

    return rg.Lengths(batch.lengths)
