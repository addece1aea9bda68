from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from regard.cli import main
from regard.data import Question, Splits, told
from regard.data.story_batches import as_word, fit_words, from_word, number_stories, whole_batches
from regard.tasks import task
from regard.tasks.contract import Wish
from regard.tasks.stories import Stories
from regard.tasks.stories_answers import error_rates, story_baselines
from regard.tasks.stories_settings import Config, Data, Model
from regard.train.distributed import accelerator
from regard.train.run_folder import Identity, RunFolder
from regard.train.runner import train
from tests.tasks.asking import ask, assert_told
from tests.tasks.resuming import resumed

ROWS = """1 Ann is in the hall.
2 Where is Ann?\thall\t1
1 Bob is in the shop.
2 Ann is in the yard.
3 Where is Bob?\tshop\t1
1 Ann is in the shop.
2 Where is Ann?\tshop\t1
"""
TINY = Config(Data("told", batch=16), Model(size=7, restarts=3, linear_steps=4))
TINY = replace(TINY, training=replace(TINY.training, updates=9, validate_every=3))


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> str:
    """A run of the command line, on a user's own three questions."""
    folder = tmp_path_factory.mktemp("stories")
    (folder / "mine.txt").write_text(ROWS)
    mine, run = folder / "mine.txt", folder / "run"
    settings = [f"data.train={mine}", f"data.test={mine}", "data.name=files", "data.held_out=0.4"]
    small = ["model.restarts=2", "model.linear_steps=3", "training.updates=60", "training.validate_every=20"]
    assert main(["train", "stories", *settings, *small, "--run", str(run)]) == 0
    return str(run)


def test_a_users_three_rows_are_learned_and_answered(trained, monkeypatch, capsys):
    scores = json.loads((Path(trained) / "scores.json").read_text())
    assert scores["test"][0]["name"] == "error"
    assert [one["name"] for one in scores["baselines"]] == [
        "most frequent answer: error",
        "most frequent answer to the first word: error",
        "bag of words: error",
    ]
    capsys.readouterr()
    assert ask(trained, ROWS, monkeypatch) == 0
    answers = capsys.readouterr().out.split()
    assert len(answers) == 3
    assert answers[0] == "hall"


def test_an_answer_comes_with_what_every_hop_read(trained, monkeypatch, capsys):
    capsys.readouterr()
    story = "1 Ann is in the hall.\n2 Bob is in the shop.\n3 Where is Ann?\n"
    assert ask(trained, story, monkeypatch, "--n-best", "3", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["story"] == ["Ann is in the hall.", "Bob is in the shop."]
    assert [len(row) for row in found["weights"]] == [2, 2, 2]
    # The longest story of training has two sentences, so no place is empty.
    assert [sum(row) for row in found["weights"]] == pytest.approx([1, 1, 1], abs=1e-4)
    odds = [one["probability"] for one in found["answers"]]
    assert len(odds) == 3
    assert odds == sorted(odds, reverse=True)
    assert found["answers"][0]["text"] == found["text"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Where is Ann?\n", "standard input:1 is 'Where is Ann[?]'; expected a number and a sentence"),
        ("1 Ann ran.\n3 Where is Ann?\n", "standard input:2 has number 3, expected 2"),
    ],
)
def test_input_that_is_no_story_is_told_in_one_line(trained, monkeypatch, capsys, text, says):
    capsys.readouterr()
    assert ask(trained, text, monkeypatch) == 2
    errors = capsys.readouterr().err
    assert re.fullmatch(f"regard run: {says}.*[.]\n", errors)


def test_words_never_seen_and_sentences_that_are_cut_are_told(trained, monkeypatch, capsys):
    capsys.readouterr()
    assert ask(trained, "1 Where is Zoe?\n", monkeypatch) == 0
    told_of = capsys.readouterr()
    assert "input 1 has words that training did not have: zoe" in told_of.err
    assert len(told_of.out.split()) == 1
    long = "1 Ann is in the yard.\n2 Ann is in the hall.\n3 Bob is in the shop.\n4 Where is Ann?\n"
    assert ask(trained, long, monkeypatch) == 0
    assert "input 1 has 3 sentences; only the last 2 are read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["data.name=files"], "data.train is empty; with data.name=files both"),
        (["data.tasks=[21]"], "data.tasks has 21, expected numbers from 1 to 20"),
        (["data.name=told", "data.batch=0"], "data.batch is 0, expected a positive number"),
        (["data.train=mine.txt"], "data.train is 'mine.txt', but data.name is 'babi', which does not read it"),
        (["data.name=told", "data.test=t.txt"], "data.test is 't.txt', but data.name is 'told'"),
        (["data.name=told", "training.label_smoothing=0.1"], "training.label_smoothing is 0.1, expected 0: the loss"),
        (
            ["data.name=told", "training.updates=560"],
            "model.linear_steps is 560, expected fewer than the 560 batches of training.updates",
        ),
        (
            ["data.name=told", "model.linear_steps=21", "training.updates=7", "training.accumulate=3"],
            "model.linear_steps is 21, expected fewer than the 21 batches of training.updates",
        ),
        (["data.folder=nowhere"], "nowhere has no qa2_two-supporting-facts_train.txt"),
    ],
)
def test_settings_that_cannot_be_are_told_in_one_line(tmp_path, capsys, settings, says):
    assert main(["train", "stories", *settings, "--run", str(tmp_path / "run")]) == 2
    assert_told(capsys, says)


def test_a_stopped_run_resumes_bit_for_bit_with_its_linear_steps(tmp_path):
    splits, config = told.load_told(), replace(TINY, training=replace(TINY.training, checkpoint_minutes=0.0))
    # The start is still linear where the run is stopped.
    ours = resumed(lambda: Stories.of(config, splits), 4, tmp_path)
    assert int(ours.model.steps) == 9


def test_the_restart_of_the_fewest_errors_in_training_answers():
    splits = told.load_told()
    made = Stories.of(replace(TINY, model=replace(TINY.model, linear_steps=0)), splits)
    # Network 1 is made to answer one room always, the others nothing that is an answer.
    room = made.words.encode("garden")[0]
    with torch.no_grad():
        for place, network in enumerate(made.model.each):
            for weight in network.parameters():
                weight.zero_()
            state = torch.ones(7)
            network.words[0][made.words.encode("where")[0]] = state * 100
            network.words[3][room if place == 1 else made.words.encode("to")[0]] = state
    made.validate(made.model.eval(), accelerator())
    assert int(made.model.chosen) == 1
    share = sum(one.answer != "garden" for one in splits.train) / len(splits.train)
    errors, losses = made.reader.measure(made.train, accelerator())
    assert errors == pytest.approx([1, share, 1])
    assert len(set(losses)) > 1
    error = made.score(splits, accelerator())[0]
    assert error.value == pytest.approx(100 * sum(one.answer != "garden" for one in splits.test) / len(splits.test))
    assert error.better == "lower"
    assert "the lowest training error of 3 restarts" in error.protocol


def test_a_network_that_is_still_linear_never_is_the_best():
    splits = told.load_told()
    linear, soft = (
        Stories.of(replace(TINY, model=replace(TINY.model, linear_steps=steps)), splits) for steps in (1, 0)
    )
    begun, whole = (made.validate(made.model.eval(), accelerator()) for made in (linear, soft))
    assert begun.score < whole.score
    assert (begun.beginning, whole.beginning) == ("linear start", "")
    # Among linear ones, the better is the better one.
    with torch.no_grad():
        for weight in linear.model.parameters():
            weight.mul_(30)
    worse = linear.validate(linear.model.eval(), accelerator())
    assert worse.logs["loss"] > begun.logs["loss"] + 1
    assert worse.score < begun.score


def test_patience_does_not_end_a_linear_start(tmp_path):
    training = replace(TINY.training, updates=23, validate_every=1, patience=2)
    config = replace(TINY, model=replace(TINY.model, linear_steps=17), training=training)
    run = RunFolder(tmp_path / "run")
    run.create("", Identity("stories", "1", "data"))
    progress = train(Stories.of(config, told.load_told()), run, training, accelerator())
    assert progress.best_step >= 17
    first = [progress.scores[str(step)] for step in range(1, 17)]
    assert len(set(first)) == 16
    assert max(first) < min(progress.scores[str(step)] for step in range(17, progress.step + 1))


def test_scores_of_weights_that_are_still_linear_say_so():
    splits = told.load_told()
    made = Stories.of(TINY, splits)
    made.model.eval()
    assert "still in the linear start" in made.score(splits, accelerator())[0].protocol
    made.model.steps.fill_(TINY.model.linear_steps)
    assert "linear" not in made.score(splits, accelerator())[0].protocol


def test_a_sentence_without_words_does_not_push_out_the_newest(tmp_path):
    questions = [
        Question(("Ann ran.", "...", "Ann sat."), "Who sat?", "ann", (), ""),
        Question(("Ann ran.", "...", "..."), "Who ran?", "ann", (), ""),
    ]
    words = fit_words(questions)
    batch = number_stories(questions, words, 9)
    told_of = [words.decode(row) for row in batch.rows([1, 0]).story[1].tolist()]
    assert told_of == ["ann ran", "", "ann sat"]
    assert batch.rows([1]).story.shape == (1, 1, 2)


@pytest.mark.parametrize("answer", ["s,e", "the old shop", "new_york", "a _ b", "_", "x__y z", "100% of_it"])
def test_every_answer_is_one_word_and_comes_back_as_it_was(answer):
    question = Question(("It is here.",), "Where?", answer, (), "")
    words = fit_words([question])
    (number,) = number_stories([question], words, 1).answer.tolist()
    assert words.encode(as_word(answer)) == [number]
    assert from_word(words.decode([number])) == answer


def test_answers_with_underscores_and_spaces_are_learned_and_counted_right():
    """Network 0 is made to answer "new_york": it is right where that is the answer and wrong where two words are."""
    answers = ["new_york", "new york", "new_york"]
    questions = [Question(("It is here.",), "Where?", answer, (), "") for answer in answers]
    splits = Splits("mine", questions, questions, questions, "", "")
    made = Stories.of(replace(TINY, model=replace(TINY.model, linear_steps=0, restarts=1)), splits)
    with torch.no_grad():
        for weight in made.model.parameters():
            weight.zero_()
        network = made.model.each[0]
        network.words[0][made.words.encode("where")[0]] = torch.ones(7)
        network.words[3][made.words.encode("new_york")[0]] = torch.ones(7)
    made.model.eval()
    assert made.score(splits, accelerator())[0].value == pytest.approx(100 / 3)
    (answer,) = made.answers(iter(["1 It is here.", "2 Where?"]), Wish(), accelerator())
    assert answer.text == answer.record["text"] == "new_york"


def test_answers_before_a_line_that_is_no_story_are_given_first(trained, monkeypatch, capsys):
    capsys.readouterr()
    assert ask(trained, f"{ROWS}9 Where is Bob?\n", monkeypatch) == 2
    found = capsys.readouterr()
    assert len(found.out.split()) == 3
    assert "standard input:8 has number 9, expected 3" in found.err


def test_numbers_of_a_batch_are_the_words_and_padding_is_cut():
    questions = [
        Question(("Ann ran.", "Bob sat down."), "Who sat?", "bob", (), ""),
        Question(("Ann ran.",), "Where did Ann go?", "the shop", (), ""),
    ]
    words = fit_words(questions)
    batch = number_stories(questions, words, most=1)
    assert [words.decode(row) for row in batch.story[:, 0].tolist()] == ["bob sat down", "ann ran"]
    assert [words.decode(row) for row in batch.question.tolist()] == ["who sat", "where did ann go"]
    assert words.decode(batch.answer.tolist()) == f"bob {as_word('the shop')}"
    wide = number_stories(questions, words, most=9)
    assert wide.story.shape == (2, 2, 4)
    assert wide.rows([1]).story.shape == (1, 1, 4)
    assert number_stories([Question((), "", "x", (), "")], words, 9).story.shape == (1, 1, 1)


def test_batches_are_whole_and_every_epoch_draws_others():
    batches = whole_batches(900, 32, seed=1, epoch=3)
    assert [len(batch) for batch in batches] == [32] * 28
    assert len({index for batch in batches for index in batch}) == 896
    assert batches == whole_batches(900, 32, seed=1, epoch=3)
    assert batches != whole_batches(900, 32, seed=1, epoch=4)


def test_errors_are_a_mean_over_tasks():
    asked = [Question((), "?", "a", (), kind) for kind in ("1", "1", "1", "2")]
    found = error_rates(asked, ["a", "b", "a", "b"], "p")
    assert [(one.name, one.value, one.protocol) for one in found] == [
        ("error", pytest.approx((100 / 3 + 100) / 2), "% of 4 test questions, p"),
        ("error, task 1", pytest.approx(100 / 3), "% of 3 test questions, p"),
        ("error, task 2", 100.0, "% of 1 test questions, p"),
    ]


def test_baselines_know_first_words_and_words():
    train_part = [Question((f"It is {color}.",), "What color?", color, (), "1") for color in ("red", "blue", "blue")]
    train_part += [Question((), "Is it?", "yes", (), "1")] * 2
    test = [Question(("It is red.",), "What color?", "red", (), "1"), Question((), "Is it?", "yes", (), "1")]
    # Blue and yes are as frequent; the first of them is given.
    frequent, first, words = (one.value for one in story_baselines(train_part, test))
    assert (frequent, first, words) == (100.0, 50.0, 0.0)


def test_bench_finds_the_twenty_tasks():
    (anchor,) = task("stories").kind().anchors
    assert len(anchor.runs) == 20
    assert anchor.runs[19] == ("data.tasks=[20]",)
    assert (anchor.known, anchor.goal, anchor.metric) == (13.9, 13.9, "error")
