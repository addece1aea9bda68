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
            total = sum(float(log_probs(source, p)[t]) for p, t in zip(prefixes, (*tokens, END), strict=True))
            found.append((total / ((5 + length + 1) / 6) ** alpha, list(tokens)))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_a_beam_wide_enough_finds_what_enumeration_finds(alpha):
    found = search(Table(), encoded(), Beam(120, alpha, 9), LIMITS, begin=BEGIN, end=END)
    for source, best in enumerate(found):
        exact = every_target(source, alpha)[:9]
        assert [one.tokens for one in best] == [tokens for _score, tokens in exact]
        assert [one.score for one in best] == pytest.approx([score for score, _tokens in exact])


def plain_beam(source: int, beam: Beam) -> list[tuple[float, list[int]]]:
    """The same search over lists, one source and one token at a time."""
    going, ended = [(0.0, (BEGIN,))], []
    for length in range(LONGEST + 1):
        logs = {prefix: log_probs(source, prefix) for _total, prefix in going}
        may = range(VOCABULARY) if length < LONGEST else [END]
        ways = sorted(((total + float(logs[p][t]), p, t) for total, p in going for t in may), reverse=True)
        divisor = ((5 + length + 1) / 6) ** beam.length_penalty
        ended += [(total / divisor, list(p[1:])) for total, p, t in ways[: beam.size] if t == END]
        going = [(total, (*p, t)) for total, p, t in ways if t != END][: beam.size]
        if len(ended) >= beam.size or not going:
            break
    return sorted(ended, reverse=True)[: beam.n_best]


@pytest.mark.parametrize("beam", [Beam(1), Beam(2, 0.0, 2), Beam(3, 0.6), Beam(5, 1.0, 4), Beam(7, 2.0, 7)])
def test_a_narrow_beam_finds_what_the_same_search_over_lists_finds(beam):
    many = Encoded(torch.arange(41), torch.full((41,), 5))
    for source, best in enumerate(search(Table(), many, beam, LIMITS, begin=BEGIN, end=END)):
        exact = plain_beam(source, beam)
        assert [one.tokens for one in best] == [tokens for _score, tokens in exact]
        assert [one.score for one in best] == pytest.approx([score for score, _tokens in exact])


def test_scores_and_log_probabilities_are_those_of_the_tokens():
    for strategy in (Greedy(), Sample(0.7, top_k=3, top_p=0.9), Beam(5, 0.6, 5)):
        for source, best in enumerate(search(Table(), encoded(), strategy, LIMITS, begin=BEGIN, end=END)):
            every = {tuple(tokens): score for score, tokens in every_target(source, 0.0)}
            for one in best:
                assert one.log_prob == pytest.approx(every[tuple(one.tokens)])
                divisor = ((6 + len(one.tokens)) / 6) ** 0.6 if isinstance(strategy, Beam) else 1
                assert one.score == pytest.approx(one.log_prob / divisor)


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
    narrow = only(allowed=lambda prefixes: may.expand(len(prefixes), -1))
    for strategy in (Greedy(), Beam(4), Sample()):
        for best in search(Table(), encoded(), strategy, narrow, begin=BEGIN, end=END):
            assert set(best[0].tokens) <= {3}


def only(**limits):
    return Limits(maximum=LONGEST, ratio=100, **limits)


def test_a_dead_end_kills_its_own_prefix_and_no_other():
    def three_leads_nowhere(prefixes):
        may = torch.ones(len(prefixes), VOCABULARY, dtype=torch.bool)
        if prefixes.shape[1]:
            may[prefixes[:, -1] == 3] = False
        return may

    found = search(Table(), encoded(), Beam(9, 1.0, 9), only(allowed=three_leads_nowhere), begin=BEGIN, end=END)
    for source, best in enumerate(found):
        # At its maximum a target ends whatever is allowed.
        exact = [t for _s, t in every_target(source, 1.0) if 3 not in t[: LONGEST - 1]]
        assert [one.tokens for one in best] == exact[: len(best)]
        assert len(best) >= 5


class Remembering(Table):
    def step(self, inputs, state):
        step = super().step(inputs, state)
        self.rows = step.state.prefixes
        return step


@pytest.mark.parametrize("strategy", [Greedy(), Beam(5)])
def test_constraints_see_the_prefixes_the_decoder_reads_without_begin_and_none_that_has_ended(strategy):
    table = Remembering()

    def look(prefixes):
        assert [(BEGIN, *prefix) for prefix in prefixes.tolist()] == table.rows
        assert not (prefixes == END).any()
        return torch.ones(len(prefixes), VOCABULARY, dtype=torch.bool)

    search(table, encoded(), strategy, only(allowed=look), begin=BEGIN, end=END)
    assert len(table.rows[0]) == LONGEST + 1


def test_fewer_hypotheses_come_back_where_there_are_no_more():
    may = torch.tensor([False, False, True, True])
    narrow = only(allowed=lambda prefixes: may.expand(len(prefixes), -1))
    for best in search(Table(), encoded(), Beam(9, 0.0, 9), narrow, begin=BEGIN, end=END):
        assert sorted(one.tokens for one in best) == [[3] * length for length in range(LONGEST + 1)]


def test_a_minimum_holds_before_the_ratio_of_a_short_source():
    table, wanted = Table(), Limits(maximum=13, minimum=12, ratio=0.0)
    for best in search(table, encoded(2), Greedy(), wanted, begin=BEGIN, end=END):
        assert len(best[0].tokens) == 12


class Blind(Table):
    """A decoder without attention whose scores are of a narrow type."""

    def step(self, inputs, state):
        step = super().step(inputs, state)
        return Step(step.features.bfloat16(), step.state, None)


def test_a_decoder_that_does_not_look_has_no_weights_and_narrow_scores_are_summed_exactly():
    for source, best in enumerate(search(Blind(), encoded(), Beam(3), LIMITS, begin=BEGIN, end=END)):
        (one,) = best
        assert one.weights is None
        prefixes = [(BEGIN, *one.tokens[:n]) for n in range(len(one.tokens) + 1)]
        narrow = [log_probs(source, p).bfloat16().double().log_softmax(-1) for p in prefixes]
        total = sum(float(logs[t]) for logs, t in zip(narrow, [*one.tokens, END], strict=True))
        assert one.log_prob == pytest.approx(total, rel=1e-5)


class Diverged(Table):
    def step(self, inputs, state):
        step = super().step(inputs, state)
        step.features[-1, 0] = torch.nan
        return step


@pytest.mark.parametrize("strategy", [Greedy(), Sample(), Beam(2)])
def test_what_cannot_be_searched_is_said(strategy):
    with pytest.raises(ValueError, match="scores are not numbers after 0 tokens"):
        search(Diverged(), encoded(), strategy, LIMITS, begin=BEGIN, end=END)
    wrong = only(allowed=lambda prefixes: torch.ones(VOCABULARY, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"allowed gave \(4,\) of torch.bool, expected \(\d+, 4\)"):
        search(Table(), encoded(), strategy, wrong, begin=BEGIN, end=END)
    nothing = only(allowed=lambda prefixes: torch.zeros(len(prefixes), VOCABULARY).bool())
    with pytest.raises(ValueError, match="allowed leaves no token"):
        search(Table(), encoded(), strategy, nothing, begin=BEGIN, end=END)


def test_no_sources_have_no_targets():
    assert search(Table(), encoded(0), Beam(3), LIMITS, begin=BEGIN, end=END) == []


def test_a_source_without_tokens_is_written_for_all_the_same():
    empty = Encoded(torch.tensor([3]), torch.tensor([0]))
    ((one,),) = search(Table(), empty, Beam(3), LIMITS, begin=BEGIN, end=END)
    assert one.weights.shape == (len(one.tokens) + 1, 0)


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
    narrow = [(Sample(top_k=2), 2), (Sample(top_p=expected.max().item() * 0.99), 1), (Sample(1e-300), 1)]
    for strategy, kept in narrow:
        seen = {tuple(b[0].tokens) for b in search(Table(), many, strategy, limits, begin=BEGIN, end=END)}
        assert seen == {() if token == END else (token,) for token in top[:kept]}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Beam(3, n_best=4), "n_best from 1 to size"),
        (lambda: Sample(temperature=0), "positive temperature"),
        (lambda: Beam(3, length_penalty=-1), "length_penalty is -1, expected 0 or more"),
        (lambda: Limits(maximum=3, minimum=4), "0 <= minimum <= maximum"),
        (lambda: Limits(ratio=-1), "ratio is -1, expected 0 or more"),
    ],
)
def test_strategies_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
