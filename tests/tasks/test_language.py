"""The language model as a task: seconds of training, resuming, answers, own files, and clear words for bad input."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest
import torch

from regard.cli import main
from regard.cli.settings import parse
from regard.data import Document, Splits
from regard.data.sums import load_sums
from regard.data.vocabulary import END
from regard.look.samples import sample_of
from regard.look.writings import Written
from regard.models import Positions, Stack
from regard.tasks import task
from regard.tasks.contract import Wish
from regard.tasks.language import Language
from regard.tasks.language_settings import Config, Data, Packing, Pieces
from regard.tasks.working import stored
from regard.train.distributed import accelerator
from regard.train.generation import Cache, Sampling
from regard.train.run_folder import RunFolder

TINY = ["training.updates=5", "training.validate_every=2", "training.precision=float32"]


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGARD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    assert main(["train", "language", *Language.smoke, *TINY, "--run", str(folder)]) == 0
    return folder


def losses(folder):
    entries = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [(one["step"], one["loss"]) for one in entries if one["kind"] == "train"]


def asked(folder, *lines, best=1, **sampling):
    config, _ = parse(Config, ["--config", str(folder / "config.yaml")])
    config = replace(config, sampling=replace(config.sampling, **sampling))
    processes = accelerator()
    return list(stored(folder, config, processes).answers(iter(lines), Wish(best), processes))


def test_a_run_has_scores_with_protocols_baselines_and_a_picture(run):
    scores = json.loads((run / "scores.json").read_text())
    names = ["loss", "perplexity", "bits per character", "held-out loss"]
    assert [one["name"] for one in scores["test"]] == names
    assert all(one["better"] == "lower" for group in scores.values() for one in group)
    loss, perplexity = (scores["test"][place]["value"] for place in (0, 1))
    assert perplexity == pytest.approx(math.exp(loss))
    assert "characters; windows of 32 side by side" in scores["test"][0]["protocol"]
    unigram, trigram, longest = (one["value"] for one in scores["baselines"])
    assert unigram > trigram > longest
    samples = [sample_of(one) for one in json.loads((run / "samples.json").read_text())]
    assert samples
    assert all(isinstance(one, Written) and len(one.weights) == 1 and len(one.weights[0]) == 2 for one in samples)
    assert "layer 1, head 2" in (run / "report.html").read_text()


def test_a_run_that_was_stopped_goes_on_to_the_same_losses(run, tmp_path):
    folder = tmp_path / "stopped"
    settings = [*Language.smoke, *TINY, "training.checkpoint_minutes=0"]
    assert main(["train", "language", *settings, "training.updates=2", "--run", str(folder)]) == 0
    state = sorted((folder / "state").glob("step-*"))[-1] / "state.json"
    told = json.loads(state.read_text())
    told["progress"]["finished"] = False
    state.write_text(json.dumps(told))
    text = (folder / "config.yaml").read_text().replace("updates: 2\n", "updates: 5\n")
    (folder / "config.yaml").write_text(text)
    assert main(["train", "language", "--resume", str(folder)]) == 0
    assert losses(folder) == losses(run)


def test_evaluate_gives_the_scores_of_the_run_again(run, capsys):
    before = json.loads((run / "scores.json").read_text())
    assert main(["evaluate", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == before


def test_answers_go_on_from_the_line_and_a_cache_does_not_change_them(run):
    lines = ["12+7=", "", "1+1=2 and a line that is longer than the context of the model: 1+2+3+4+5"]
    found = asked(run, *lines, maximum=90)
    assert [one.text[: len(line)] for one, line in zip(found, lines, strict=True)] == lines
    assert all(one.text == line + one.record["texts"][0] for one, line in zip(found, lines, strict=True))
    assert [one.text for one in found] == [one.text for one in asked(run, *lines, maximum=90, cache=Cache.NONE)]
    assert [one.text for one in found] != [one.text for one in asked(run, *lines, maximum=90, seed=2)]
    assert found[0].note == ""
    assert "characters that training never showed; has 72 tokens; only the last ones are read" in found[2].note


def test_several_texts_and_stops(run):
    (answer,) = asked(run, "1+", best=3, maximum=40, temperature=2.0, stops=("+", "="))
    texts = answer.record["texts"]
    assert len(set(texts)) == 3
    assert all(text.count("+") + text.count("=") <= 1 for text in texts)
    assert all(text[-1] in "+=" for text in texts if "+" in text or "=" in text)


def test_it_learns_that_sums_have_results(tmp_path):
    """A third of each line is decided by the rest: a few steps must bring the loss well below that of counts."""
    config, _ = parse(Config, [*Language.smoke, "training.updates=150", "training.learning_rate=0.01"])
    config = replace(config, model=replace(config.model, positions=Positions.ROTARY))
    splits = load_sums()
    made = Language.of(config, splits)
    optimizer = torch.optim.AdamW(made.model.parameters(), 0.01)
    batches = [indices for epoch in range(10) for indices in made.batches(epoch)][:150]
    for indices in batches:
        loss = made.loss(made.model.train(), made.collate(indices))
        (loss.sum / loss.count).backward()
        optimizer.step()
        optimizer.zero_grad()
    score = made.score(splits, accelerator())[0].value
    unigram = made.baselines(splits)[0].value
    assert score < 0.85 * unigram


def test_documents_that_are_kept_apart_do_not_see_each_other():
    splits = Splits("own", *[[Document("abcab"), Document("ca")]] * 3, "", "")
    for packing, same in ((Packing.APART, True), (Packing.JOINED, False)):
        stack = Stack(layers=1, heads=1, size=8, longest=8, positions=Positions.NONE)
        made = Language.of(Config(data=Data(packing=packing), model=stack), splits)
        batch = made.collate([0])
        assert batch.inputs[0].tolist().count(END) == 2
        alone = replace(batch, inputs=batch.inputs[:, 6:], targets=batch.targets[:, 6:])
        before = replace(batch, inputs=batch.inputs[:, :6], targets=batch.targets[:, :6])
        whole, *parts = (float(made.loss(made.model, one).sum.detach()) for one in (batch, before, alone))
        assert (abs(whole - sum(parts)) < 1e-5) == same


def test_a_protocol_says_what_a_token_is_predicted_from():
    splits = Splits("own", *[[Document("abcab"), Document("ca")]] * 3, "", "")
    for packing, given in ((Packing.APART, "of its own document before it"), (Packing.JOINED, "before it")):
        stack = Stack(layers=1, heads=1, size=8, longest=7)
        made = Language.of(Config(data=Data(packing=packing), model=stack), splits)
        for one in made.score(splits, accelerator()):
            assert one.protocol.endswith(f"windows of 7 side by side, every token once, given those {given} there")
        assert all("documents before its own included" in one.protocol for one in made.baselines(splits))


@pytest.mark.parametrize("kind", ["words", "characters"])
def test_what_is_not_known_is_told_and_words_have_no_bits_per_character(kind):
    splits = Splits("own", [Document("a b a b")], [Document("a b")], [Document("a x b a")], "", "")
    config = Config(pieces=Pieces(kind=kind), model=Stack(layers=1, heads=1, size=8, longest=7))
    found = Language.of(config, splits).score(splits, accelerator())
    assert ("bits per character" in {one.name for one in found}) == (kind == "characters")
    # A word or letter of the text, and the end of the document.
    share = 1 / 5 if kind == "words" else 1 / 8
    assert all(one.protocol.endswith(f"; {share:.2%} of the tokens are unknown ones") for one in found)


@pytest.mark.parametrize("length", [5, 11, 97])
def test_the_picture_shows_what_the_first_new_token_was_made_of(length, monkeypatch):
    """A model of places alone reads each at the place that it has while the text is written on."""
    splits, read = Splits("own", *[[Document("abcdefghij" * 9)]] * 3, "", ""), []
    stack = Stack(layers=1, heads=1, size=8, longest=length)
    made = Language.of(Config(model=stack, sampling=Sampling(maximum=1)), splits)
    begin = made.model.begin
    monkeypatch.setattr(made.model, "begin", lambda tokens: read.append(tokens) or begin(tokens))
    found = made._sample("abcdefghij" * 7, "")
    (tokens,) = read
    weights = made.model.weights(tokens)[0][0, 0]
    assert found["tokens"] == made.vocabulary.pieces(tokens[0].tolist())[-20:]
    assert found["weights"][0][0] == [
        [pytest.approx(w, abs=6e-4) for w in row] for row in weights[-20:, -20:].tolist()
    ]


@pytest.mark.parametrize("suffix", ["txt", "jsonl"])
def test_ones_own_three_rows_are_enough(tmp_path, suffix):
    rows = ["to be", "or not", "to be"]
    text = "\n".join(json.dumps({"text": row}) if suffix == "jsonl" else row for row in rows)
    (tmp_path / f"own.{suffix}").write_text(text, encoding="utf-8")
    own = [f"data.{part}=[{tmp_path}/own.{suffix}]" for part in ("train", "validation", "test")]
    folder = tmp_path / "run"
    settings = [*Language.smoke, *TINY, "data.name=files", *own]
    assert main(["train", "language", *settings, "--run", str(folder)]) == 0
    assert len(losses(folder)) == 5
    assert asked(folder, "to")[0].text.startswith("to")


@pytest.mark.parametrize("kind", ["words", "subwords"])
def test_words_and_subwords_are_written_on_with_their_spaces(tmp_path, kind):
    settings = [*Language.smoke, *TINY, f"pieces.kind={kind}", "pieces.size=300"]
    (tmp_path / "own.txt").write_text("to be or not to be\n" * 9, encoding="utf-8")
    own = [f"data.{part}=[{tmp_path}/own.txt]" for part in ("train", "validation", "test")]
    folder = tmp_path / "run"
    assert main(["train", "language", *settings, "data.name=files", *own, "--run", str(folder)]) == 0
    (answer,) = asked(folder, "to be", temperature=0.0, maximum=5)
    assert answer.text.startswith("to be")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["data.name=files"], "data.train is empty; with data.name=files"),
        (["data.name=shakespear"], "Did you mean 'shakespeare'"),
        (["data.folder=/nowhere", "data.name=shakespeare"], r"has no input\.txt"),
        (["data.name=files", "data.train=[no.txt]", "data.validation=[no.txt]", "data.test=[no.txt]"], r"no\.txt"),
        (["model.mask=BIDIRECTIONAL"], "model.mask is BIDIRECTIONAL"),
        (["model.heads=3"], "size must be a multiple of heads"),
        (["sampling.top_p=2"], "top_p is 2.0, expected above 0"),
        (["sampling.topk=2"], "topk"),
        (
            ["pieces.size=2"],
            "pieces.size is 2, expected at least 5 for characters: 4 special ones and one of the text",
        ),
        (["pieces.kind=words", "pieces.size=-1"], "pieces.size is -1, expected at least 5 for words"),
        (["pieces.kind=subwords", "pieces.size=10"], "pieces.size is 10, expected at least 260 for subwords"),
        (["validate_on=0"], "validate_on is 0, expected at least 1 window, or null"),
        (["validate_on=-3"], "validate_on is -3, expected at least 1 window, or null"),
        (["model.longest=0"], "model.longest is 0, expected at least 2"),
        (["model.longest=-2"], "model.longest is -2, expected at least 2"),
        (["model.longest=1"], "model.longest is 1, expected at least 2"),
        (["data.train=[own.txt]"], r"data.train is \['own.txt'\], but data.name is 'sums', which does not read it"),
        (["data.test=[own.txt]"], r"data.test is \['own.txt'\], but data.name is 'sums'"),
    ],
)
def test_bad_input_is_told_in_one_line(tmp_path, capsys, settings, message):
    code = main(["train", "language", *Language.smoke, *settings, "--run", str(tmp_path / "run")])
    told = capsys.readouterr().err.strip()
    assert code != 0
    assert len(told.splitlines()) == 1
    assert re.search(message, told)


def test_a_damaged_vocabulary_is_said_so(run, tmp_path):
    folder = RunFolder(tmp_path)
    for name in ("config.yaml", "identity.json", "model.safetensors"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    (tmp_path / "vocabulary.json").write_text("{")
    with pytest.raises(ValueError, match="is not a vocabulary that Regard wrote"):
        Language.stored(Config(), folder)


def test_the_task_is_listed():
    assert task("language").kind() is Language
