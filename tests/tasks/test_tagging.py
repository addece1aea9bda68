"""Tagging from training to picture: on made-up sentences, on a user's own files, and on what is wrong with these."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from regard.cli import main
from regard.cli.settings import parse
from regard.data import Tagged
from regard.data.conllu import Column, read_conllu
from regard.data.schemes import Scheme
from regard.look.run import read_run
from regard.tasks import task
from regard.tasks.contract import Wish
from regard.tasks.tagging import Tagging
from regard.tasks.tagging_scores import metrics
from regard.tasks.tagging_settings import Config, allowed_tags
from regard.tasks.working import stored
from regard.train.distributed import accelerator
from regard.train.run_folder import RunFolder

QUICK = [*Tagging.smoke, "training.updates=130", "training.learning_rate=0.02", "training.schedule=Constant"]
QUICK += ["training.precision=float32", "model.dropout=0.0"]
NAMES = (
    ("Anna lives in Paris", "B-PER O O B-LOC"),
    ("Paul Smith saw Rome", "B-PER I-PER O B-LOC"),
    ("nobody came", "O O"),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "quick"
    assert main(["train", "tagging", *QUICK, "--run", str(folder)]) == 0
    return folder


def made(folder):
    kind = task("tagging").kind()
    config, _text = parse(kind.recipe, ["--config", str(folder / "config.yaml")])
    return stored(folder, config, accelerator())


def answered(tagger, lines, best=1):
    return list(tagger.answers(iter(lines), Wish(best), accelerator()))


def test_a_short_training_learns_what_needs_letters_and_neighbours(run):
    scores = json.loads((run / "scores.json").read_text())
    found = {one["name"]: one["value"] for one in scores["test"]}
    assert found["accuracy"] > 97
    assert found["accuracy on unknown words"] > 95
    assert found["accuracy"] > scores["baselines"][0]["value"] + 5
    assert [one["name"].split(":")[0] for one in scores["baselines"]] == [
        "most frequent tag",
        "linear model of local features",
    ]
    assert scores["baselines"][1]["value"] > scores["baselines"][0]["value"] + 5


def test_the_report_has_the_picture_of_test_sentences(run):
    samples = read_run(run).samples
    assert samples[0].view == "tagged"
    assert len(samples[0].weights) == len(samples[0].words) == len(samples[0].marginals[0])
    assert all(sum(row) == pytest.approx(1, abs=0.01) for row in samples[0].weights)
    assert (run / "report.html").read_text().count('class="alignment lattice"') == len(samples)


def test_text_columns_and_conllu_are_answered_alike(run, tmp_path):
    tagger = made(run)
    words = ["li", "badisk", "tugol", "ne", "rezar", "tugem", "videmi", "."]
    expected = ["DET", "ADJ", "NOUN", "PART", "VERB", "VERB", "ADV", "PUNCT"]
    (text,) = answered(tagger, [" ".join(words)])
    assert [line.split("\t") for line in text.text.splitlines()] == list(map(list, zip(words, expected, strict=True)))
    (rows,) = answered(tagger, [f"{word}\tX" for word in words])
    assert [line.split("\t")[2] for line in rows.text.splitlines()] == expected
    table = ["# text = one", *(f"{n}\t{word}" + "\t_" * 8 for n, word in enumerate(words, 1))]
    (universal,) = answered(tagger, table)
    (tmp_path / "a.conllu").write_text(universal.text)
    assert read_conllu(tmp_path / "a.conllu")[0].column(Column.UPOS) == tuple(expected)
    assert universal.text.startswith("# text = one\n1\tli\t_\tDET\t_")


def test_the_best_taggings_are_different_and_in_order_and_an_empty_line_has_none(run):
    first, empty, second = answered(made(run), ["li gol .", "", "li"], best=5)
    taggings = first.record["taggings"]
    assert len({tuple(one["tags"]) for one in taggings}) == 5
    logs = [one["log_probability"] for one in taggings]
    assert logs == sorted(logs, reverse=True)
    assert all(log <= 0 for log in logs)
    assert (empty.text, empty.record["words"]) == ("", [])
    assert [len(one["tags"]) for one in second.record["taggings"]] == [1] * 5


def test_a_stopped_run_goes_on_to_the_same_losses(tmp_path):
    settings = [*Tagging.smoke, "training.precision=float32", "training.validate_every=3"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert main(["train", "tagging", *settings, "training.updates=6", "--run", str(whole)]) == 0
    assert main(["train", "tagging", *settings, "training.updates=3", "--run", str(parts)]) == 0
    state = json.loads(next((parts / "state").glob("step-*/state.json")).read_text())
    assert state["progress"]["step"] == 3
    _go_on(parts, 6)
    assert _losses(parts) == _losses(whole)
    assert len(_losses(whole)) == 6


def _go_on(folder, updates):
    """As after an interruption: the last checkpoint is not that of a finished training."""
    from regard.tasks.working import train_run

    config, _text = parse(Config, ["--config", str(folder / "config.yaml"), f"training.updates={updates}"])
    (state,) = (folder / "state").glob("step-*/state.json")
    stored_state = json.loads(state.read_text())
    stored_state["progress"]["finished"] = False
    state.write_text(json.dumps(stored_state))
    train_run(Tagging, config, RunFolder(folder), config.data.load(), accelerator())


def _losses(folder):
    entries = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [(entry["step"], entry["loss"]) for entry in entries if entry["kind"] == "train"]


def own(folder, scheme="BIO", rows=NAMES):
    """A user's own file of three sentences, and the settings that name it."""
    path = folder / "names.txt"
    path.write_text(
        "".join("".join(f"{w} {t}\n" for w, t in zip(a.split(), b.split(), strict=True)) + "\n" for a, b in rows)
    )
    return [
        "data.name=files",
        *(f"data.{part}={path}" for part in ("train", "validation", "test")),
        f"data.scheme={scheme}",
    ]


def test_a_users_three_sentences_with_names_are_learned_and_scored_by_spans(tmp_path):
    settings = [*QUICK, *own(tmp_path), "least=1", "training.updates=60", "training.validate_every=20"]
    assert main(["train", "tagging", *settings, "--run", str(tmp_path / "run")]) == 0
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    names = [one["name"] for one in scores["test"]]
    assert names[:4] == ["span F1", "span precision", "span recall", "accuracy"]
    assert scores["test"][0]["value"] == 100.0
    (answer,) = answered(made(tmp_path / "run"), ["Anna saw Rome"])
    assert answer.text == "Anna\tB-PER\nsaw\tO\nRome\tB-LOC\n"
    taggings = answered(made(tmp_path / "run"), ["Anna saw Rome"], best=200)[0].record["taggings"]
    # Of 5 ** 3 taggings those are left in which each I- continues a span of its kind.
    assert 0 < len(taggings) < 125
    assert all(_allowed(one["tags"]) for one in taggings)


def _allowed(tags):
    return all(
        not tag.startswith("I-") or before[1:] == tag[1:] for before, tag in zip(["O", *tags], tags, strict=False)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["data.name=ud-ewd"], "data set 'ud-ewd' with examples of the kind Tagged is not known"),
        (["data.name=files"], "data.train is null; with data.name=files all of data.train"),
        (["data.name=ud-ewt", "data.folder=nowhere"], "nowhere has neither en_ewt-ud-train.conllu nor"),
        (["data.longest=1"], r"no training sentence is left: all 600 have more than data.longest \(1\) words"),
        (["data.scheme=BIO"], "is not of BIO, expected 'O', or"),
    ],
)
def test_bad_settings_are_answered_with_one_clear_line(change, message, tmp_path):
    config, _text = parse(Config, [*Tagging.smoke, *change])
    with pytest.raises((ValueError, OSError), match=message):
        Tagging.of(config, config.data.load())


def test_bad_files_are_answered_with_one_clear_line(tmp_path, capsys):
    settings = own(tmp_path, rows=[("Anna sleeps", "I-PER O")])
    assert main(["train", "tagging", *settings, "--run", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "tags has I-PER behind the beginning at place 0, which BIO does not allow" in said
    assert "Traceback" not in said


def test_tags_unknown_in_training_count_as_wrong():
    expected = [Tagged(("a", "b"), ("X", "NEW"))]
    found = {one.name: one.value for one in metrics([["X", "X"]], expected, None, lambda word: word == "a")}
    assert found == {"accuracy": 50.0, "accuracy on unknown words": 0.0, "whole sentences": 0.0}


def test_a_test_set_may_have_tags_that_training_has_not(tmp_path):
    splits = replace(Config().data, name="tags").load()
    config, _text = parse(Config, [*Tagging.smoke])
    tagger = Tagging.of(config, splits)
    odd = replace(splits, test=[Tagged(("li",), ("NEVER",))])
    assert tagger.score(odd, accelerator())[0].value == 0.0


def test_schemes_forbid_what_they_should():
    tags = ["O", "B-X", "I-X", "E-X", "S-X"]
    allowed = allowed_tags(tags, Scheme.BIOES)
    assert allowed.transition.int().tolist() == [
        [1, 1, 0, 0, 1],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 1, 0],
        [1, 1, 0, 0, 1],
        [1, 1, 0, 0, 1],
    ]
    assert (allowed.start.int().tolist(), allowed.end.int().tolist()) == ([1, 1, 0, 0, 1], [1, 0, 0, 1, 1])
    assert bool(allowed_tags(tags, None).transition.all())


@pytest.mark.parametrize("variant", Tagging.variants, ids=lambda one: one.name)
def test_every_variant_can_be_trained(variant):
    small = ("data.name=tags", *variant.settings)
    config, _text = parse(Config, list(small))
    tagger = Tagging.of(config, config.data.load())
    batch = tagger.collate([0, 1, 2])
    loss = tagger.loss(tagger.model, batch)
    loss.sum.backward()
    assert float(loss.count) == sum(len(tagger.examples[place].words) for place in range(3))
    assert all(parameter.grad is not None for parameter in tagger.model.parameters())
