"""The search against brute force: a decoder whose every prefix has probabilities of its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
import torch

from regard.train.search import search
from regard.train.strategies import Beam, Greedy, Limits, Sample

VOCABULARY, BEGIN, END, LONGEST = 4, 1, 2, 3
LIMITS = Limits(maximum=LONGEST, ratio=100)


def log_probs(source: int, prefix: tuple[int, ...]) -> torch.Tensor:
    number = source
    for token in prefix:
        number = number * 7 + token + 1
    generator = torch.Generator().manual_seed(number)
    return (torch.randn(VOCABULARY, generator=generator) * 1.5).double().log_softmax(-1)


@dataclass
class State:
    sources: torch.Tensor
    prefixes: list[tuple[int, ...]]

    def select(self, index):
        return State(self.sources[index], [self.prefixes[place] for place in index.tolist()])


@dataclass
class Step:
    features: torch.Tensor
    state: State
    weights: torch.Tensor


@dataclass
class Encoded:
    sources: torch.Tensor
    lengths: torch.Tensor


class Table:
    """Weights spell the prefix as a number, so that a wrong reordering shows."""

    def output(self, features):
        return features

    def start(self, encoded):
        return State(encoded.sources, [() for _ in encoded.sources])

    def step(self, inputs, state):
        prefixes = [(*prefix, token) for prefix, token in zip(state.prefixes, inputs.tolist(), strict=True)]
        features = torch.stack([log_probs(int(s), p) for s, p in zip(state.sources, prefixes, strict=True)])
        weights = torch.tensor([[float(spelled(prefix))] * 5 for prefix in prefixes])
        return Step(features, State(state.sources, prefixes), weights)


def spelled(prefix: tuple[int, ...]) -> int:
    return sum(token * 10**place for place, token in enumerate(prefix))


def encoded(count: int = 7) -> Encoded:
    return Encoded(torch.arange(count), torch.tensor([5, 3, 4, 1, 2, 5, 5])[:count])


def every_target(source: int, alpha: float, minimum: int = 0) -> list[tuple[float, list[int]]]:
    found = []
    for length in range(minimum, LONGEST + 1):
        for tokens in itertools.product([t for t in range(VOCABULARY) if t != END], repeat=length):
            prefixes = [(BEGIN, *tokens[:n]) for n in range(length + 1)]
            total = sum(float(log_probs(source, p)[t]) for p, t in zip(prefixes, tokens, strict=False))
            if length < LONGEST:
                total += float(log_probs(source, prefixes[-1])[END])
            found.append((total / ((5 + length + 1) / 6) ** alpha, list(tokens)))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_a_beam_wide_enough_finds_what_enumeration_finds(alpha):
    found = search(Table(), encoded(), Beam(120, alpha, 9), LIMITS, begin=BEGIN, end=END)
    for source, best in enumerate(found):
        exact = every_target(source, alpha)[:9]
        assert [one.tokens for one in best] == [tokens for _score, tokens in exact]
        assert [one.score for one in best] == pytest.approx([score for score, _tokens in exact])


def test_weights_follow_their_hypothesis_through_every_reordering():
    for best in search(Table(), encoded(), Beam(5, 0.6, 5), LIMITS, begin=BEGIN, end=END):
        for one in best:
            expected = [spelled((BEGIN, *one.tokens[:n])) for n in range(len(one.tokens) + 1)]
            assert one.weights[:, 0].tolist() == expected


def test_weights_end_where_their_source_ends():
    found = search(Table(), encoded(), Beam(3), LIMITS, begin=BEGIN, end=END)
    assert [best[0].weights.shape[1] for best in found] == encoded().lengths.tolist()


def test_a_beam_of_one_is_greedy_and_a_batch_is_its_rows():
    greedy = search(Table(), encoded(), Greedy(), LIMITS, begin=BEGIN, end=END)
    one = search(Table(), encoded(), Beam(1), LIMITS, begin=BEGIN, end=END)
    assert [g[0].tokens for g in greedy] == [b[0].tokens for b in one]
    wide = search(Table(), encoded(), Beam(3, 1.0, 3), LIMITS, begin=BEGIN, end=END)
    for row in range(7):
        alone = Encoded(torch.tensor([row]), encoded().lengths[row : row + 1])
        (found,) = search(Table(), alone, Beam(3, 1.0, 3), LIMITS, begin=BEGIN, end=END)
        assert [h.tokens for h in found] == [h.tokens for h in wide[row]]


def test_minimum_maximum_and_constraints_hold():
    limits = Limits(maximum=2, minimum=2, ratio=100)
    for strategy in (Greedy(), Beam(4), Sample()):
        for best in search(Table(), encoded(), strategy, limits, begin=BEGIN, end=END):
            assert len(best[0].tokens) == 2
    short = Limits(maximum=50, minimum=0, ratio=0.0)
    assert all(len(b[0].tokens) <= 10 for b in search(Table(), encoded(), Greedy(), short, begin=BEGIN, end=END))
    may = torch.tensor([False, False, True, True])
    only = Limits(maximum=3, ratio=100, allowed=lambda prefixes: may.expand(len(prefixes), -1))
    for best in search(Table(), encoded(), Beam(4), only, begin=BEGIN, end=END):
        assert set(best[0].tokens) <= {3}
    nothing = Limits(maximum=3, ratio=100, allowed=lambda prefixes: torch.zeros(len(prefixes), 4).bool())
    with pytest.raises(ValueError, match="allowed leaves no token after 0 tokens"):
        search(Table(), encoded(), Greedy(), nothing, begin=BEGIN, end=END)


def test_sampling_follows_the_probabilities_and_the_seed():
    many = Encoded(torch.zeros(4000).long(), torch.full((4000,), 3))
    limits = Limits(maximum=1, ratio=100)
    found = search(Table(), many, Sample(seed=3), limits, begin=BEGIN, end=END)
    again = search(Table(), many, Sample(seed=3), limits, begin=BEGIN, end=END)
    assert [b[0].tokens for b in found] == [b[0].tokens for b in again]
    expected = log_probs(0, (BEGIN,)).exp()
    for token in range(VOCABULARY):
        share = sum(b[0].tokens == ([] if token == END else [token]) for b in found) / 4000
        assert share == pytest.approx(expected[token].item(), abs=5 * 0.5 / 4000**0.5)
    top = expected.argsort(descending=True).tolist()
    for strategy, kept in ((Sample(top_k=2), 2), (Sample(top_p=expected.max().item() * 0.99), 1)):
        seen = {tuple(b[0].tokens) for b in search(Table(), many, strategy, limits, begin=BEGIN, end=END)}
        assert seen <= {() if token == END else (token,) for token in top[:kept]}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Beam(3, n_best=4), "n_best from 1 to size"),
        (lambda: Sample(temperature=0), "positive temperature"),
        (lambda: Limits(maximum=3, minimum=4), "0 <= minimum <= maximum"),
    ],
)
def test_strategies_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
