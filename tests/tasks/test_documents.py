from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from regard.cli import main
from regard.cli.settings import parse
from regard.data import Labelled, Splits
from regard.data.generated import _MOODS, load_moods
from regard.data.texts import LabelledTexts
from regard.tasks.contract import Wish
from regard.tasks.documents import TASK, Documents
from regard.tasks.documents_settings import Config
from regard.tasks.working import identity
from regard.train.distributed import accelerator
from regard.train.judging import Judged, Looked
from regard.train.run_folder import RunFolder
from regard.train.runner import train

TINY = ["data.name=moods", "known.embedding_size=12", "training.precision=float32", "known.dropout=0.0"]
HIERARCHY = [
    "model=Hierarchical",
    "model.words=AsTheyAre",
    "model.sentences=AsTheyAre",
    "known.pairs=0",
    "known.runs=0",
]
OWN = [("what a lovely day", "good"), ("so bad", "bad"), ("fine, thanks. Really!", "good")]


def made(*settings: str) -> tuple[Config, Documents, Splits[Labelled]]:
    config, _text = parse(TASK.recipe, [*TINY, *settings])
    splits = config.data.load()
    return config, TASK.of(config, splits), splits


def trained(folder: Path, *settings: str) -> tuple[Documents, Splits[Labelled]]:
    config, text = parse(TASK.recipe, [*TINY, *settings])
    splits, run = config.data.load(), RunFolder(folder)
    run.create(text, identity("documents", splits))
    task = TASK.of(config, splits)
    task.store(run)
    train(task, run, config.training, accelerator())
    task.model.eval()
    return task, splits


@pytest.fixture(scope="module")
def learned(tmp_path_factory) -> tuple[Path, Documents, Splits[Labelled]]:
    folder = tmp_path_factory.mktemp("runs") / "hierarchy"
    settings = ["training.updates=60", "training.epochs=null", "training.learning_rate=0.02"]
    return folder, *trained(folder, *HIERARCHY, *settings, "training.schedule.total=60")


def test_a_hierarchy_learns_the_moods_and_looks_at_the_word_that_says_them(learned):
    _folder, task, splits = learned
    told = {one.name: one for one in task.score(splits, accelerator())}
    assert told["accuracy"].value >= 98
    assert "100 examples" in told["accuracy"].protocol
    assert told["calibration error"].better == "lower"
    telling = {word for words in _MOODS.values() for word in words}
    texts = [one.text for one in splits.test]
    pointed = 0
    for text, judged in zip(texts, task.judge.judge(texts, torch.device("cpu")), strict=True):
        shares = [(one.weight * share, text[a:b]) for one in judged.sentences for a, b, share in one.words]
        assert sum(share for share, _word in shares) == pytest.approx(1, abs=1e-3)
        pointed += max(shares)[1] in telling
    assert pointed >= 80


def test_a_stored_task_answers_like_the_one_that_was_trained(learned):
    folder, task, splits = learned
    config, _text = parse(TASK.recipe, ["--config", str(folder / "config.yaml")])
    again = TASK.stored(config, RunFolder(folder))
    again.model.load_state_dict(task.model.state_dict())
    again.model.eval()
    lines = [splits.test[0].text, "", "Unheard zzz."]
    found, expected = (list(one.answers(iter(lines), Wish(best=2), accelerator())) for one in (again, task))
    assert found == expected
    first = found[0]
    assert first.text == splits.test[0].label
    assert first.record["labels"][0] == first.text
    assert len(first.record["labels"]) == 2
    assert sum(first.record["probabilities"].values()) == pytest.approx(1)
    assert (found[1].text, found[1].note) == ("", "has no words, so it has no class")


def test_order_and_company_do_not_matter(learned):
    _folder, task, splits = learned
    texts = [one.text for one in splits.test[:7]]
    together = task.judge.judge(texts, torch.device("cpu"))
    for text, judged in zip(texts, together, strict=True):
        alone = task.judge.judge([text], torch.device("cpu"))[0]
        assert alone.probabilities == pytest.approx(judged.probabilities, abs=1e-5)


def test_a_run_that_was_killed_goes_on_to_the_same_losses(tmp_path):
    settings = ["training.epochs=null", "training.updates=6", "training.validate_every=2", "training.keep=9"]
    task, splits = trained(tmp_path / "run", *settings)
    lines = (tmp_path / "run/log.jsonl").read_text()
    for late in sorted((tmp_path / "run/state").glob("step-*"))[1:]:
        shutil.rmtree(late)
    config = task.config
    again = TASK.of(config, splits)
    train(again, RunFolder(tmp_path / "run"), config.training, accelerator())
    logs = [
        [json.loads(line) for line in text.splitlines()] for text in (lines, (tmp_path / "run/log.jsonl").read_text())
    ]
    first, second = ([one["loss"] for one in log if one["kind"] == "train"] for log in logs)
    assert first == second
    assert len(first) == 6


def test_from_a_user_s_own_rows_to_a_report(tmp_path, monkeypatch, capsys):
    for name in ("train", "validation", "test"):
        rows = "".join(f'"{text}",{label}\n' for text, label in OWN)
        (tmp_path / f"{name}.csv").write_text(f"text,label\n{rows}")
    files = [f"data.{name}={tmp_path / name}.csv" for name in ("train", "validation", "test")]
    (tmp_path / "vectors.txt").write_text("day 1 0 -1\nthanks 0 1 0\nunseen 2 2 2\n")
    own = ["data.name=files", *files, f"known.vectors={tmp_path / 'vectors.txt'}", "known.tuning=TUNED"]
    run = str(tmp_path / "run")
    assert main(["train", "documents", *own, "training.updates=2", "known.embedding_size=8", "--run", run]) == 0
    assert "looked at" in capsys.readouterr().out
    assert main(["evaluate", run, "--json"]) == 0
    names = [one["name"] for one in json.loads(capsys.readouterr().out)["test"]]
    assert names == ["accuracy", "macro-F1", "calibration error", "F1 bad", "F1 good"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"An unseen day.\n\n")))
    assert main(["run", run]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0] in ("good", "bad")
    assert "input 2 has no words" in captured.err
    assert "class=passage" in Path(run, "report.html").read_text(encoding="utf-8")


def test_bad_input_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("text,label\nx,a\ny,b\n")
    (tmp_path / "b.csv").write_text("text,label\nx,c\n")
    one = ["data.name=files", f"data.train={tmp_path}/a.csv", f"data.validation={tmp_path}/a.csv"]
    assert main(["train", "documents", *one, f"data.test={tmp_path}/b.csv", "--run", str(tmp_path / "run")]) != 0
    told = capsys.readouterr().err.strip()
    assert "b.csv:2 has the label 'c', which no training text has" in told
    assert len(told.splitlines()) == 1
    assert main(["train", "documents", *one, "data.test=", "--run", str(tmp_path / "run")]) != 0
    assert "data.test is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("known.pairs=-1", "known.pairs is -1, expected at least 0"),
        ("known.runs=-1", "known.runs is -1, expected at least 0"),
        ("known.size=3", "known.size is 3, expected at least 5"),
        ("known.embedding_size=0", "known.embedding_size is 0, expected at least 1"),
        ("known.dropout=1", "known.dropout is 1.0, expected at least 0 and below 1"),
    ],
)
def test_settings_that_make_no_sense_are_told(setting, message):
    with pytest.raises(ValueError, match=message):
        made(setting)


def test_of_two_labels_as_probable_the_first_is_printed_and_recorded(learned, monkeypatch):
    _folder, task, _splits = learned
    even = Judged([0.4, 0.4, 0.2], [Looked(1.0, [(0, 1, 1.0)])])
    monkeypatch.setattr(task.judge, "judge", lambda texts, device: [even] * len(texts))
    (answer,) = task.answers(iter(["a"]), Wish(best=3), accelerator())
    assert answer.text == answer.record["label"] == task.labels[0]
    assert answer.record["labels"] == task.labels


@pytest.mark.parametrize(
    ("name", "vectors", "told"),
    [
        ("moods", "none", "test set of moods; weights chosen"),
        ("mr", "glove", "test set of mr, fold 3 of 10, with vectors glove-6b-50d; weights chosen"),
        (
            "imdb",
            "none",
            "test set of imdb (a tenth of the published training half, by hashes of the texts); wei",
        ),
        ("imdb", "mine/v.txt", "half, by hashes of the texts), with vectors v.txt; weights chosen"),
    ],
)
def test_a_protocol_says_which_test_set_and_what_was_known_before(name, vectors, told, learned):
    _folder, task, splits = learned
    config = replace(task.config, known=replace(task.config.known, vectors=vectors), data=LabelledTexts(fold=3))
    again = TASK(config, task.lexicon, task.labels, None)
    (accuracy, *_rest) = again.score(replace(splits, name=name, test=splits.test[:7]), accelerator())
    assert told in accuracy.protocol


def test_long_texts_are_cut_and_said_to_be():
    _config, flat, _splits = made("limits.flat=5", "limits.words=3")
    _config, nested, _splits = made(*HIERARCHY, "limits.sentences=2", "limits.words=3")
    text = "There was a river. There was a garden."
    notes = []
    for task in (flat, nested):
        task.model.eval()
        judged = task.judge.judge([text], torch.device("cpu"))[0]
        notes.append(judged.note)
        assert sum(len(one.words) for one in judged.sentences) == 10
        assert sum(one.weight for one in judged.sentences) == pytest.approx(1, abs=1e-4)
        assert judged.sentences[-1].weight == 0
    assert notes[0].startswith("has 10 words; only 5 are read")
    assert notes[1].startswith("has 4 sentences; only 2 are read")


def test_balanced_counting_makes_classes_count_alike():
    _config, task, splits = made("counting=BALANCED", "training.label_smoothing=0.0")
    sad = [one for one in splits.train if one.label == "sad"]
    rare = [one for one in splits.train if one.label != "sad"][:20] + sad[:5]
    task = TASK.of(task.config, replace(splits, train=rare))
    batch = task.collate(list(range(25)))
    task.model.train()
    torch.manual_seed(0)
    found = task.loss(task.model, batch)
    torch.manual_seed(0)
    scores = task.model(batch.tokens).scores
    losses = -scores.log_softmax(1)[torch.arange(25), batch.classes]
    counts = torch.bincount(batch.classes).double()
    expected = sum(loss * 25 / (3 * counts[c]) for loss, c in zip(losses.double(), batch.classes, strict=True))
    assert float(found.sum.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert float(found.logs["plain"]) == pytest.approx(float(losses.detach().sum()), rel=1e-5)


def test_redundant_rows_are_penalised():
    _config, plain, _splits = made("redundancy=0.0", "training.label_smoothing=0.0", "model.dropout=0.0")
    _config, penal, _splits = made("redundancy=0.5", "training.label_smoothing=0.0", "model.dropout=0.0")
    batch = plain.collate(list(range(11)))
    rows = plain.model.train()(batch.tokens).weights[0]
    gram = rows @ rows.transpose(1, 2) - torch.eye(4)
    difference = penal.loss(penal.model.train(), batch).sum - plain.loss(plain.model, batch).sum
    torch.testing.assert_close(difference, 0.5 * gram.square().sum())


def test_moods_are_different_stories_with_every_mood():
    splits = load_moods()
    texts = [one.text for part in (splits.train, splits.validation, splits.test) for one in part]
    assert len(set(texts)) == len(texts) == 800
    assert {one.label for one in splits.test} == set(_MOODS)


@pytest.mark.parametrize("variant", TASK.variants, ids=lambda one: one.name)
def test_every_variant_is_a_model_that_can_be_trained(variant):
    _config, task, _splits = made(*variant.settings)
    loss = task.loss(task.model.train(), task.collate([0, 1, 2]))
    loss.sum.backward()
    assert all(p.grad is not None for p in task.model.parameters())
