"""The linear chain against enumeration of every sequence, against torch-struct, and against a figure by hand."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from regard.attention.structures import linear_chain

BATCH, TIME, STATES = 3, 5, 3


def chain(seed: int = 0, *, time: int = TIME) -> tuple[Tensor, Tensor]:
    """Unary scores (BATCH, time, STATES) and transitions that differ from step to step."""
    generator = torch.Generator().manual_seed(seed)
    unary = torch.randn(BATCH, time, STATES, generator=generator, dtype=torch.float64)
    return unary, torch.randn(BATCH, time - 1, STATES, STATES, generator=generator, dtype=torch.float64)


MASK = torch.tensor(
    [[True, True, True, True, True], [False, True, False, True, True], [False, False, True, False, False]]
)


def enumerated(unary: Tensor, transition: Tensor, shown: list[int]) -> list[tuple[float, tuple[int, ...]]]:
    """(score, states at the shown positions) of every sequence of one chain, highest first, in plain Python."""
    found = []
    for states in itertools.product(range(unary.shape[-1]), repeat=len(shown)):
        total = sum(unary[position, state].item() for position, state in zip(shown, states, strict=True))
        for place in range(1, len(shown)):
            matrix = transition if transition.dim() == 2 else transition[shown[place] - 1]
            total += matrix[states[place - 1], states[place]].item()
        found.append((total, states))
    return sorted(found, reverse=True)


def shown_at(batch: int, mask: Tensor | None) -> list[int]:
    return list(range(TIME)) if mask is None else mask[batch].nonzero()[:, 0].tolist()


# What is shown comes first.
RUNS = torch.arange(TIME) < torch.tensor([[5], [2], [1]])
CASES = pytest.mark.parametrize("mask", [None, MASK, RUNS], ids=["all", "masked", "runs"])
MASKED = pytest.mark.parametrize("mask", [MASK, RUNS], ids=["masked", "runs"])
SHARED = pytest.mark.parametrize("shared", [True, False], ids=["shared", "stepwise"])


def transitions(transition: Tensor, batch: int) -> Tensor:
    return transition if transition.dim() == 2 else transition[batch]


@CASES
@SHARED
def test_sums_and_marginals_are_those_of_every_sequence(mask, shared):
    unary, transition = chain()
    transition = transition[0, 0] if shared else transition
    log_partition = linear_chain.log_partition(unary, transition, mask)
    marginals = linear_chain.marginals(unary, transition, mask)
    entropy = linear_chain.entropy(unary, transition, mask)
    for batch in range(BATCH):
        shown = shown_at(batch, mask)
        every = enumerated(unary[batch], transitions(transition, batch), shown)
        total = math.log(sum(math.exp(score) for score, _ in every))
        assert log_partition[batch].item() == pytest.approx(total, rel=1e-12)
        expected = torch.zeros(TIME, STATES, dtype=torch.float64)
        for score, states in every:
            for position, state in zip(shown, states, strict=True):
                expected[position, state] += math.exp(score - total)
        torch.testing.assert_close(marginals[batch], expected)
        nats = -sum(math.exp(score - total) * (score - total) for score, _ in every)
        assert entropy[batch].item() == pytest.approx(nats, rel=1e-12, abs=1e-14)


@CASES
@SHARED
def test_the_best_sequences_are_the_first_of_all_sorted(mask, shared):
    unary, transition = chain(1)
    transition = transition[0, 0] if shared else transition
    found = linear_chain.n_best(unary, transition, mask, count=7)
    best = linear_chain.best(unary, transition, mask)
    assert torch.equal(best.states, found.states[:, 0])
    torch.testing.assert_close(best.score, found.score[:, 0])
    for batch in range(BATCH):
        shown = shown_at(batch, mask)
        every = enumerated(unary[batch], transitions(transition, batch), shown)[:7]
        for rank, (score, states) in enumerate(every):
            assert found.score[batch, rank].item() == pytest.approx(score, rel=1e-12)
            expected = torch.full((TIME,), -1)
            expected[shown] = torch.tensor(states)
            assert torch.equal(found.states[batch, rank], expected)
        assert (found.score[batch, len(every) :] == -math.inf).all()
        assert (found.states[batch, len(every) :] == -1).all()


@CASES
def test_samples_come_as_often_as_they_are_probable(mask):
    unary, transition = chain(2)
    count = 20_000
    found = linear_chain.sample(unary, transition, mask, count=count, generator=torch.Generator().manual_seed(0))
    again = linear_chain.sample(unary, transition, mask, count=count, generator=torch.Generator().manual_seed(0))
    assert torch.equal(found.states, again.states)
    for batch in range(BATCH):
        shown = shown_at(batch, mask)
        every = enumerated(unary[batch], transition[batch], shown)
        total = math.log(sum(math.exp(score) for score, _ in every))
        codes, counts = found.states[batch][:, shown].unique(dim=0, return_counts=True)
        seen = {tuple(code.tolist()): number.item() for code, number in zip(codes, counts, strict=True)}
        chi_square = 0.0
        for score, states in every:
            wanted = count * math.exp(score - total)
            chi_square += (seen.get(states, 0) - wanted) ** 2 / wanted
        degrees = len(every) - 1
        assert chi_square < degrees + 5 * math.sqrt(2 * degrees)
        assert (found.states[batch][:, [t for t in range(TIME) if t not in shown]] == -1).all()
    scores = linear_chain.score(unary, transition, found.states[:, 17], mask)
    torch.testing.assert_close(scores, found.score[:, 17])


def test_the_figure_computed_by_hand():
    unary = torch.zeros(3, 2, dtype=torch.float64)
    unary[:, 1] = torch.tensor([0.5, -0.2, 1.0], dtype=torch.float64)
    transition = torch.tensor([[0.3, -0.1], [0.0, 0.4]], dtype=torch.float64)
    assert linear_chain.log_partition(unary, transition).item() == pytest.approx(3.2326952347618336, abs=4e-15)
    expected = torch.tensor([0.6493900576089586, 0.5493518570863553, 0.731645024265549], dtype=torch.float64)
    torch.testing.assert_close(linear_chain.marginals(unary, transition)[:, 1], expected, rtol=0, atol=4e-15)


@pytest.mark.filterwarnings("ignore:.*arg_constraints.*:UserWarning")
def test_sums_marginals_best_and_entropy_are_those_of_torch_struct():
    torch_struct = pytest.importorskip("torch_struct")
    unary, transition = chain(3, time=11)
    lengths = torch.tensor([11, 7, 2])
    # Potentials (batch, time - 1, state, state before); the first step carries the first position's scores too.
    potentials = (unary[:, 1:, None, :] + transition).transpose(-1, -2).clone()
    potentials[:, 0] += unary[:, 0, None, :]
    theirs = torch_struct.LinearChainCRF(potentials, lengths)
    mask = torch.arange(11) < lengths[:, None]
    torch.testing.assert_close(linear_chain.log_partition(unary, transition, mask), theirs.partition)
    torch.testing.assert_close(linear_chain.entropy(unary, transition, mask), theirs.entropy)
    first = theirs.marginals[:, 0].sum(-2)
    rest = theirs.marginals.sum(-1)
    torch.testing.assert_close(linear_chain.marginals(unary, transition, mask), torch.cat((first[:, None], rest), 1))
    torch.testing.assert_close(linear_chain.best(unary, transition, mask).score, theirs.max)


@CASES
def test_gradients_exist_twice(mask):
    unary, transition = chain(4)
    shared = transition[0, 0]
    for matrix in (shared, transition, transition[:, :1]):
        inputs = (unary.clone().requires_grad_(), matrix.clone().requires_grad_())
        assert torch.autograd.gradcheck(lambda u, t: linear_chain.log_partition(u, t, mask), inputs)
        assert torch.autograd.gradgradcheck(lambda u, t: linear_chain.log_partition(u, t, mask), inputs)
    inputs = (unary.clone().requires_grad_(), shared.clone().requires_grad_())
    assert torch.autograd.gradcheck(lambda u, t: linear_chain.marginals(u, t, mask), inputs)
    assert torch.autograd.gradcheck(lambda u, t: linear_chain.entropy(u, t, mask), inputs)
    assert torch.autograd.gradgradcheck(lambda u, t: linear_chain.entropy(u, t, mask), inputs)
    assert torch.autograd.gradcheck(lambda u, t: linear_chain.n_best(u, t, mask, count=2).score[0], inputs)


def test_the_gradient_of_the_log_partition_is_the_marginals():
    unary, transition = chain(5)
    unary.requires_grad_()
    (grad,) = torch.autograd.grad(linear_chain.log_partition(unary, transition, MASK).sum(), unary)
    torch.testing.assert_close(grad, linear_chain.marginals(unary, transition, MASK))


ANSWERS = {
    "log_partition": linear_chain.log_partition,
    "marginals": linear_chain.marginals,
    "entropy": linear_chain.entropy,
    "best": lambda *chain: linear_chain.best(*chain).score,
    "sample": lambda *chain: linear_chain.sample(*chain, count=2, generator=torch.Generator().manual_seed(0)).score,
}


@MASKED
@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_hidden_cannot_leak(name, mask):
    unary, transition = chain(6)
    poisoned = unary.masked_fill(~mask[..., None], torch.nan).requires_grad_()
    # The first visible position follows nothing, so nothing leads into it.
    led_into = mask & (mask.cumsum(-1) > 1)
    steps = transition.masked_fill(~led_into[:, 1:, None, None], torch.nan).requires_grad_()
    found = ANSWERS[name](poisoned, steps, mask)
    torch.testing.assert_close(found, ANSWERS[name](unary, transition, mask))
    for tensor in torch.autograd.grad(found.sum(), (poisoned, steps)):
        assert torch.isfinite(tensor).all()


@MASKED
def test_a_sequence_that_shows_nothing_has_one_empty_path(mask):
    unary, transition = chain(7)
    unary.requires_grad_()
    mask = mask.clone()
    mask[1] = False
    log_partition = linear_chain.log_partition(unary, transition, mask)
    entropy = linear_chain.entropy(unary, transition, mask)
    found = linear_chain.n_best(unary, transition, mask, count=2)
    assert log_partition[1].item() == entropy[1].item() == found.score[1, 0].item() == 0
    assert found.score[1, 1].item() == -math.inf
    assert (found.states[1] == -1).all()
    assert (linear_chain.marginals(unary, transition, mask)[1] == 0).all()
    (grad,) = torch.autograd.grad((log_partition + entropy).sum(), unary)
    assert (grad[1] == 0).all()
    assert torch.isfinite(grad).all()


def test_a_chain_without_any_possible_path_is_minus_infinity_without_a_gradient():
    unary, transition = chain(8)
    unary[1, 2] = -torch.inf
    unary[0, 1, :2] = -torch.inf
    unary.requires_grad_()
    transition.requires_grad_()
    log_partition = linear_chain.log_partition(unary, transition)
    assert torch.isneginf(log_partition).tolist() == [False, True, False]
    entropy, marginals = linear_chain.entropy(unary, transition), linear_chain.marginals(unary, transition)
    assert entropy[1].item() == 0
    assert (marginals[1] == 0).all()
    assert (marginals[0, 1] == torch.tensor([0.0, 0.0, 1.0])).all()
    found = linear_chain.n_best(unary, transition, count=2)
    assert (found.states[1] == -1).all()
    assert torch.isneginf(found.score[1]).all()
    assert (linear_chain.sample(unary, transition, count=2).states[1] == -1).all()
    for grad in torch.autograd.grad(log_partition[[0, 2]].sum() + entropy.sum(), (unary, transition)):
        assert torch.isfinite(grad).all()
        assert (grad[1] == 0).all()


def test_long_chains_in_float32_keep_their_digits():
    generator = torch.Generator().manual_seed(9)
    unary = torch.randn(2, 3001, 7, generator=generator) * 3
    transition = torch.randn(7, 7, generator=generator)
    exact = linear_chain.marginals(unary.double(), transition.double())
    torch.testing.assert_close(linear_chain.marginals(unary, transition).double(), exact, rtol=0, atol=2e-6)
    total = linear_chain.log_partition(unary.double(), transition.double())
    torch.testing.assert_close(linear_chain.log_partition(unary, transition).double(), total, rtol=3e-7, atol=0)


def test_sixteen_bits_are_computed_in_thirty_two():
    unary, transition = chain(10)
    unary, transition = unary.bfloat16(), transition.bfloat16()
    found = linear_chain.log_partition(unary, transition)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, linear_chain.log_partition(unary.float(), transition.float()))


def test_one_position_one_state_and_leading_sizes():
    unary, transition = chain(11)
    single = linear_chain.log_partition(unary[:, :1], transition[0, 0], MASK[:, :1])
    torch.testing.assert_close(single, torch.where(MASK[:, 0], unary[:, 0].logsumexp(-1), 0.0))
    torch.testing.assert_close(linear_chain.best(unary[:, :1], transition[:, :0]).score, unary[:, 0].amax(-1))
    lone = linear_chain.n_best(unary[..., :1], transition[..., :1, :1], count=2)
    assert torch.isneginf(lone.score[:, 1]).all()
    torch.testing.assert_close(lone.score[:, 0], unary[..., 0].sum(-1) + transition[..., 0, 0].sum(-1))
    deep = unary.expand(2, BATCH, TIME, STATES)
    torch.testing.assert_close(
        linear_chain.marginals(deep, transition, MASK)[1], linear_chain.marginals(unary, transition, MASK)
    )
    alone = linear_chain.best(unary[0], transition[0])
    torch.testing.assert_close(alone.score, linear_chain.best(unary, transition).score[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(3), torch.zeros(2, 2)), r"unary has shape \(3,\)"),
        ((torch.zeros(0, 2), torch.zeros(2, 2)), r"unary has shape \(0, 2\)"),
        ((torch.zeros(3, 2), torch.zeros(2, 3)), r"transition has shape \(2, 3\)"),
        ((torch.zeros(3, 2), torch.zeros(3, 2, 2)), r"expected floating-point \(2, 2\) or \(..., 2, 2, 2\)"),
        ((torch.zeros(3, 2), torch.zeros(2, 2), torch.ones(3)), "dtype torch.float32, expected torch.bool"),
        ((torch.zeros(3, 2), torch.zeros(2, 2), torch.ones(4, dtype=torch.bool)), r"mask has shape \(4,\)"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        linear_chain.log_partition(*arguments)


def test_bad_states_and_counts_are_named():
    unary, transition = torch.zeros(3, 2), torch.zeros(2, 2)
    with pytest.raises(ValueError, match="states runs from -1 to 1, expected 0 to 1"):
        linear_chain.score(unary, transition, torch.tensor([0, -1, 1]))
    with pytest.raises(ValueError, match=r"states has shape \(2,\)"):
        linear_chain.score(unary, transition, torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="count is 0"):
        linear_chain.n_best(unary, transition, count=0)
    with pytest.raises(ValueError, match="count is -1"):
        linear_chain.sample(unary, transition, count=-1)
