"""Writing on: draws follow the distribution that is left, and a cache changes the cost and not the text."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from regard.models import Positions, Stack
from regard.train.generation import Cache, Sampling, draw, first_read, generate

SIZE = 23
EVERYTHING = torch.ones(SIZE, dtype=torch.bool)


def frequencies(scores, sampling, count=20_011):
    uniform = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    found = draw(scores.expand(count, -1), sampling, uniform)
    return torch.bincount(found, minlength=scores.shape[-1]).double() / count


def by_hand(probabilities, sampling):
    """Sort, keep, divide: one token after another."""
    order = sorted(range(len(probabilities)), key=lambda token: (-probabilities[token], token))
    kept, mass = [], 0.0
    for token in order:
        if mass >= sampling.top_p or (sampling.top_k is not None and len(kept) >= sampling.top_k):
            break
        kept.append(token)
        mass += probabilities[token]
    return [probabilities[token] / mass if token in kept else 0.0 for token in range(len(probabilities))]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
@pytest.mark.parametrize(("top_k", "top_p"), [(None, 1.0), (3, 1.0), (None, 0.6), (2, 0.9), (1, 1.0), (None, 1e-9)])
def test_draws_follow_what_temperature_top_k_and_top_p_leave(temperature, top_k, top_p):
    scores = torch.randn(1, 11, generator=torch.Generator().manual_seed(3)).double()
    scores[0, 4] = scores[0, 7]  # tokens of one probability keep their order
    scores[0, 2] = float("-inf")
    sampling = Sampling(temperature, top_k, top_p)
    exact = [float(score) for score in (scores[0] / temperature).exp()]
    expected = by_hand([one / sum(exact) for one in exact], sampling)
    torch.testing.assert_close(
        frequencies(scores, sampling), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=2e-4
    )


def test_temperature_0_takes_the_most_likely():
    scores = torch.tensor([[0.1, 3.0, 2.9], [float("-inf"), -5.0, -4.0]])
    assert draw(scores, Sampling(temperature=0.0), torch.tensor([0.99, 0.0])).tolist() == [1, 2]


@pytest.mark.parametrize("temperature", [5e-324, 1e-309, 1e-30])
def test_the_smallest_temperature_takes_the_most_likely(temperature):
    scores = torch.tensor([[-3.1, 3.0, 2.9], [float("-inf"), -5.0, -4.0], [0.1, 0.0, -0.1]])
    found = draw(scores, Sampling(temperature=temperature), torch.tensor([0.99, 0.0, 0.5]))
    assert found.tolist() == [1, 2, 0]


def test_the_ends_of_the_uniform_numbers_are_tokens_that_may_follow():
    scores = torch.tensor([[0.0, float("-inf"), 0.0]]).expand(2, -1)
    ends = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    assert draw(scores, Sampling(temperature=1.0), ends).tolist() == [0, 2]


@pytest.mark.parametrize("longest", [2, 3, 8, 11])
def test_what_is_read_fits_and_is_never_little(longest):
    for count in range(1, 60):
        first = first_read(count, longest)
        assert first % (longest // 2) == 0
        assert min(count, longest - longest // 2 + 1) <= count - first <= longest
        assert first >= first_read(count - 1, longest) if count > 1 else first == 0


def build(positions):
    torch.manual_seed(4)
    model = Stack(layers=3, heads=2, size=8, longest=11, positions=positions).build(SIZE).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.7)
    return model


def text(model, sampling, rows=1, prompt=(5, 9, 2), allowed=EVERYTHING):
    found = generate(model, list(prompt), sampling, longest=11, allowed=allowed, rows=rows)
    return torch.stack(list(found), 1).tolist()


@pytest.mark.parametrize("positions", Positions)
@pytest.mark.parametrize("sampling", [Sampling(temperature=0.0), Sampling(1.0), Sampling(1.3, top_k=5, top_p=0.9)])
@pytest.mark.parametrize("prompt", [(5,), (5, 9, 2), tuple(range(3, 20))])
def test_a_cache_writes_the_same_text_far_beyond_the_longest_context(positions, sampling, prompt):
    model, long = build(positions), replace(sampling, maximum=67)
    kept = text(model, long, rows=3, prompt=prompt)
    assert kept == text(model, replace(long, cache=Cache.NONE), rows=3, prompt=prompt)
    assert [len(row) for row in kept] == [67] * 3


def test_the_text_is_that_of_a_loop_that_reads_everything_each_time():
    model, tokens, found = build(Positions.LEARNED), [5, 9, 2], []
    generator = torch.Generator().manual_seed(7)
    for _ in range(41):
        window = tokens[first_read(len(tokens), 11) :]
        likely = model.output(model(torch.tensor([window])))[0, -1].detach().div(0.9).softmax(0)
        order = sorted(range(SIZE), key=lambda token: -float(likely[token]))
        left = float(torch.rand(1, generator=generator, dtype=torch.float64))
        for token in order:
            left -= float(likely[token])
            if left < 0:
                break
        tokens.append(token)
        found.append(token)
    assert text(model, Sampling(0.9, maximum=41, seed=7)) == [found]


def test_every_token_is_read_once_with_a_cache_until_the_context_is_full(monkeypatch):
    model, read = build(Positions.LEARNED), []
    for name in ("begin", "step"):
        whole = getattr(model, name)

        def watched(tokens, *state, whole=whole):
            read.append(tokens.shape[1])
            return whole(tokens, *state)

        monkeypatch.setattr(model, name, watched)
    text(model, Sampling(maximum=14))
    assert read == [3, 1, 1, 1, 1, 1, 1, 1, 1, 7, 1, 1, 1, 1]


def test_seeds_decide_rows_differ_and_forbidden_tokens_are_never_written():
    model, allowed = build(Positions.LEARNED), EVERYTHING.clone()
    allowed[::2] = False
    one = text(model, Sampling(1.5, maximum=30, seed=5), rows=3, allowed=allowed)
    assert one == text(model, Sampling(1.5, maximum=30, seed=5), rows=3, allowed=allowed)
    assert one != text(model, Sampling(1.5, maximum=30, seed=6), rows=3, allowed=allowed)
    assert len({tuple(row) for row in one}) == 3
    assert all(token % 2 for row in one for token in row)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature", -0.1, "temperature is -0.1, expected 0"),
        ("temperature", float("inf"), "temperature is inf"),
        ("top_k", 0, "top_k is 0, expected at least 1"),
        ("top_p", 0.0, "top_p is 0.0, expected above 0"),
        ("top_p", 1.1, "top_p is 1.1"),
        ("maximum", 0, "maximum is 0, expected at least 1"),
        ("stops", ("a", ""), "stops has an empty text"),
    ],
)
def test_settings_that_cannot_be_are_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**{name: value})


def test_nothing_to_begin_with_is_refused():
    with pytest.raises(ValueError, match="prompt has 0 tokens and longest is 11"):
        text(build(Positions.LEARNED), Sampling(), prompt=())
