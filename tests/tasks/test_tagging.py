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
        (["data.scheme=BIO"], r"the train part of tags: sentence 1, word 1 .* is not of BIO, expected 'O', or"),
        (["data.test=mine.conllu"], "data.test is 'mine.conllu', but data.name is 'tags', which does not read it"),
        (["least=0"], "least is 0, expected a positive number"),
        (["batch=-1"], "batch is -1, expected a positive number"),
        (["model.word_size=0"], "word_size is 0, expected a positive number"),
        (["training.label_smoothing=0.1"], "training.label_smoothing is 0.1, but a tagger learns whole taggings"),
    ],
)
def test_bad_settings_are_answered_with_one_clear_line(change, message, tmp_path):
    def train():
        config, _text = parse(Config, [*Tagging.smoke, *change])
        return Tagging.of(config, config.data.load())

    with pytest.raises((ValueError, OSError), match=message):
        train()


def test_bad_files_are_answered_with_one_clear_line(tmp_path, capsys):
    settings = own(tmp_path, rows=[("Anna sleeps", "I-PER O")])
    assert main(["train", "tagging", *settings, "--run", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert said == (
        f"regard train: {tmp_path}/names.txt: sentence 1, word 1 ('Anna') has I-PER behind the beginning, which BIO "
        "does not allow; correct the data, or, where it is IOB1, as the published CoNLL-2003 is, convert it first "
        "(regard.data.schemes.from_iob1).\n"
    )


@pytest.mark.parametrize("part", ["validation", "test"])
def test_wrong_tags_to_be_scored_by_are_told_before_training(part, tmp_path, capsys):
    settings = own(tmp_path)
    (tmp_path / "odd.txt").write_text("Anna B-PER\n\nPaul B-PER\nSmith I-LOC\n")
    settings += [f"data.{part}={tmp_path / 'odd.txt'}"]
    assert main(["train", "tagging", *settings, "--run", str(tmp_path / "run")]) == 2
    assert (
        "odd.txt: sentence 2, word 2 ('Smith') has I-LOC behind B-PER, which BIO does not" in capsys.readouterr().err
    )
    assert not (tmp_path / "run").exists()


def test_one_tag_for_all_is_refused(tmp_path):
    config, _text = parse(Config, own(tmp_path, rows=[("nobody came", "O O")]))
    splits = config.data.load()
    with pytest.raises(ValueError, match="all words of the training part have the tag 'O'; expected at least two"):
        Tagging.of(config, splits)


def test_how_many_sentences_are_too_long_is_told(tmp_path, capsys):
    rows = [*NAMES, ("who saw Rome", "O O B-LOC")]
    config, _text = parse(Config, [*own(tmp_path, rows=rows), "data.longest=3"])
    assert len(Tagging.of(config, config.data.load()).examples) == 2
    assert capsys.readouterr().err == "2 of 4 training sentences, of more than 3 words (data.longest), are left out\n"


def test_a_sentence_that_the_scheme_cannot_tag_is_told(tmp_path):
    """Without O and S- no tagging of a single word is BIOES."""
    rows = [("Paul Smith", "B-PER E-PER"), ("New York City", "B-LOC I-LOC E-LOC")]
    config, _text = parse(Config, [*Tagging.smoke, *own(tmp_path, "BIOES", rows), "least=1"])
    splits = config.data.load()
    tagger = Tagging.of(config, splits)
    tagger.model.eval()
    odd = replace(splits, test=[Tagged(("Anna",), ("S-PER",))])
    assert {one.name: one.value for one in tagger.score(odd, accelerator())}["accuracy"] == 0.0
    assert tagger.samples(odd, accelerator()) == []
    one, two = answered(tagger, ["Anna", "Anna Smith"], best=3)
    assert one.note.startswith("has 1 word(s), and no tagging of so many by the known tags is of the scheme")
    assert one.text in {f"Anna\t{tag}\n" for tag in tagger.numbering.tags.items}
    assert [choice["log_probability"] for choice in one.record["taggings"]] == [None]
    assert (two.note, len(two.record["taggings"])) == ("", 2)


def test_columns_between_spaces_are_answered_as_columns(run):
    tagger = made(run)
    rows = ["li X DET", "badisk X ADJ", "tugol X NOUN"]
    (answer,) = answered(tagger, rows)
    (text,) = answered(tagger, ["li badisk tugol"])
    tags = text.record["taggings"][0]["tags"]
    assert answer.text == "".join("\t".join((*row.split(), tag)) + "\n" for row, tag in zip(rows, tags, strict=True))
    config, _text = parse(Config, ["--config", str(run / "config.yaml"), "form=TEXT"])
    words = [one.record["words"] for one in answered(stored(run, config, accelerator()), rows)]
    assert words == [row.split() for row in rows]


def test_tags_unknown_in_training_count_as_wrong():
    expected = [Tagged(("a", "b"), ("X", "NEW"))]
    found = {one.name: one.value for one in metrics([["X", "X"]], expected, None, lambda word: word == "a")}
    assert found == {"accuracy": 50.0, "accuracy on unknown words": 0.0, "whole sentences": 0.0}
    without = metrics([["X", "X"]], expected, None, lambda word: True)
    assert [one.name for one in without] == ["accuracy", "whole sentences"]


def test_a_test_set_may_have_tags_that_training_has_not(tmp_path):
    splits = replace(Config().data, name="tags").load()
    config, _text = parse(Config, [*Tagging.smoke])
    tagger = Tagging.of(config, splits)
    odd = replace(splits, test=[Tagged(("li",), ("NEVER",))])
    assert tagger.score(odd, accelerator())[0].value == 0.0
    right = tagger.tag([("li", "gol")], accelerator())[0][0]
    half = replace(splits, test=[Tagged(("li", "gol"), (right, "NEVER"))])
    assert tagger.score(half, accelerator())[0].value == 50.0


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
