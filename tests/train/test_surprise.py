"""Surprise counts every token once, whatever the windows; writing stops where it is told to."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from regard.data.tokens import Stream
from regard.data.vocabulary import END, PAD, UNKNOWN, Characters
from regard.train.distributed import accelerator
from regard.train.generation import Sampling
from regard.train.loss import Loss
from regard.train.surprise import Surprise, characters_of, count_losses, surprise, unknown_share
from regard.train.writing import first_stop, write


def by_token(batch):
    """A loss that tells which tokens were asked for: n nats for token n, and the tokens before it in its window."""
    real = batch.targets != PAD
    return Loss((batch.targets * real).sum().double(), real.sum(), {})


@pytest.fixture
def stream(tmp_path):
    return Stream.write(tmp_path / "tokens.npy", [list(range(5, 300)), [7] * 5000], 400)


@pytest.mark.parametrize("length", [1, 7, 64, 9000])
def test_every_token_but_the_first_counts_once(stream, length):
    found = surprise(stream, length, by_token, accelerator())
    assert found.tokens == len(stream) - 1
    assert found.nats == sum(range(5, 300)) + 7 * 5000 + 2 * END


def test_some_windows_are_spread_over_the_whole_stream(stream):
    seen = []
    surprise(stream, 7, lambda batch: seen.append(batch) or by_token(batch), accelerator(), most=100)
    windows = torch.cat([batch.inputs for batch in seen])
    assert 50 < len(windows) <= 100
    assert END in windows[0]
    assert (windows[-1] == 7).any()


def test_bits_and_perplexity_are_those_of_the_definitions(stream):
    loss, perplexity, bits = (one.value for one in (Surprise(6.0, 2) + Surprise(3.0, 1)).metrics(12, "all"))
    assert (loss, perplexity) == (3.0, pytest.approx(math.exp(3)))
    assert 2 ** (bits * 12) == pytest.approx(math.exp(9))
    assert characters_of(stream, ["x" * 295, "y" * 5000]) == 295 + 5000 + 2
    assert Surprise(1e6, 1).metrics(1, "")[1].value > 1e300


def test_where_characters_are_hidden_there_are_no_bits_for_them():
    assert [one.name for one in Surprise(6.0, 2).metrics(None, "")] == ["loss", "perplexity"]


def test_what_cannot_be_counted_in_memory_is_not_measured(tmp_path, monkeypatch):
    train = Stream.write(tmp_path / "train.npy", [[5, 6, 7] * 9], 11)
    whole = {one.name: one.value for one in count_losses(train, train, 11)}
    monkeypatch.setattr("regard.train.surprise._MOST_COUNTED", len(train) - 1)
    single, *longer = count_losses(train, train, 11)
    assert single.value == whole[single.name]
    assert [one.name for one in longer] == ["3-gram Kneser-Ney: loss", "6-gram Kneser-Ney: loss"]
    assert all(math.isnan(one.value) for one in longer)
    reason = f"not measured: {len(train)} training tokens are more than {len(train) - 1}"
    assert {one.protocol for one in longer} == {reason}


def test_the_share_of_what_is_not_known_leaves_the_first_token_out(tmp_path):
    stream = Stream.write(tmp_path / "some.npy", [[5, UNKNOWN, 6, UNKNOWN, 7, 8]], 11)
    assert unknown_share(stream) == f"; {2 / 7:.2%} of the tokens are unknown ones"
    assert unknown_share(Stream.write(tmp_path / "all.npy", [[5, 6]], 11)) == ""


class Counting(nn.Module):
    """After "a" comes "b", and so on to the end of the text."""

    def __init__(self, letters: str) -> None:
        super().__init__()
        self.vocabulary = Characters.fit([letters], 40)
        order = self.vocabulary.encode(letters)
        self.output = nn.Linear(self.vocabulary.size, self.vocabulary.size, bias=False)
        with torch.no_grad():
            self.output.weight.zero_()
            for before, after in zip([END, *order], [*order, END], strict=True):
                self.output.weight[after, before] = 50.0

    def begin(self, tokens):
        return nn.functional.one_hot(tokens, self.vocabulary.size).float(), None

    def step(self, tokens, state):
        return self.begin(tokens)


@pytest.mark.parametrize(
    ("prompt", "stops", "expected"),
    [
        ("", (), "abcdefgh"),
        ("abc", (), "defgh"),
        ("c", ("f",), "def"),
        ("c", ("efg", "g"), "defg"),
        ("c", ("z",), "defgh"),
        ("h", (), ""),
        ("c", ("abc",), "defgh"),
    ],
)
def test_writing_ends_with_the_text_or_a_stop(prompt, stops, expected):
    model = Counting("abcdefgh")
    sampling = Sampling(temperature=1.0, maximum=30, stops=stops)
    assert write(model, model.vocabulary, prompt, sampling, longest=4, rows=2) == [expected] * 2


def test_writing_ends_at_the_maximum():
    model = Counting("abcdefgh")
    assert write(model, model.vocabulary, "a", Sampling(temperature=0.0, maximum=3), longest=4) == ["bcd"]
    assert first_stop("abc", []) is None
