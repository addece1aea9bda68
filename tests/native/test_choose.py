"""Choices by kernels: the keys, probabilities and entropies of the plain code, and the gradients of the last two."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import Tensor

import regard as rg
from regard.attention.paths import native_choose
from tests.attention.cases import numbers
from tests.native.exactness import assert_passes_at, levels, needs_kernels

pytestmark = needs_kernels

BATCH, HEADS, KEY_HEADS, QUERIES, KEYS, SIZE, VALUE = 2, 6, 3, 103, 211, 7, 5
ESTIMATORS = {"drawn": rg.Reinforce(), "greedy": rg.Greedy(), "several": rg.Reinforce(samples=3)}


def tensors() -> tuple[Tensor, Tensor, Tensor]:
    keys = (BATCH, KEY_HEADS, KEYS)
    return (
        numbers(BATCH, HEADS, QUERIES, SIZE, seed=0),
        numbers(*keys, SIZE, seed=1),
        numbers(*keys, VALUE, seed=2),
    )


def around(dtype: torch.dtype) -> tuple[rg.Where, list[Tensor]]:
    """Two factors, a prior and a mask; a row sees nothing."""
    centre = (numbers(BATCH, 1, QUERIES, seed=3) * 30 + 100).to(dtype)
    centre[0, 0, 4] = -100.0
    bias = numbers(HEADS, 1, KEYS, seed=4).to(dtype)
    leaves = [centre.requires_grad_(), bias.requires_grad_()]
    other = rg.Around(centre + 2.0, 90.0, gaussian=True)
    where = rg.Around(centre, 70.0, gaussian=True) & other & rg.Lengths(torch.tensor([KEYS, 120]))
    return where + rg.Bias(bias), leaves


WHERES = {
    "all": lambda dtype: (None, []),
    "window": lambda dtype: (rg.Window(20, 3), []),
    "around": around,
}


def additive(dtype: torch.dtype) -> tuple[rg.Additive, list[Tensor]]:
    score = rg.Additive(SIZE, SIZE, 19).to(dtype)
    for place, parameter in enumerate(score.parameters()):
        parameter.data = numbers(*parameter.shape, seed=60 + place).to(dtype)
    return score, list(score.parameters())


SCORES = {
    "dot": lambda dtype: (rg.Dot(), []),
    "capped": lambda dtype: (rg.Dot(1.0, 2.0), []),
    "additive": additive,
}


def chosen(score: str, where: str, estimator: str, dtype: torch.dtype) -> tuple[rg.Choice, list[Tensor]]:
    """A choice, and the gradients of all there is to learn."""
    leaves = [tensor.to(dtype).requires_grad_() for tensor in tensors()]
    (matched, learned), (shown, priors) = SCORES[score](dtype), WHERES[where](dtype)
    choice = rg.choose(
        *leaves,
        score=matched,
        where=shown,
        estimator=ESTIMATORS[estimator],
        generator=torch.Generator().manual_seed(5),
    )
    outer = [numbers(*fact.shape, seed=70 + place).to(fact.dtype) for place, fact in enumerate(facts(choice))]
    total = sum((fact * each).sum() for fact, each in zip(facts(choice), outer, strict=True))
    return choice, list(torch.autograd.grad(total, [*leaves, *learned, *priors]))


def facts(choice: rg.Choice) -> tuple[Tensor, Tensor, Tensor]:
    return choice.context, choice.log_prob, choice.entropy


@pytest.fixture
def asked_of_kernels(monkeypatch):
    """How many choices kernels have made."""
    count = []

    def counted(call, prepared, again):
        found = native_choose.chosen_by_kernels(call, prepared, again)
        count.append(found is not None)
        return found

    monkeypatch.setattr(sys.modules[rg.choose.__module__], "chosen_by_kernels", counted)
    return count


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("where", WHERES)
@pytest.mark.parametrize("score", SCORES)
def test_choices_and_gradients_are_those_of_the_plain_code(score, where, estimator, asked_of_kernels):
    """In float64 the plain code runs, which draws the same noise."""
    one, grads = chosen(score, where, estimator, torch.float32)
    assert asked_of_kernels == [True] * ESTIMATORS[estimator].samples
    truth, exact = chosen(score, where, estimator, torch.float64)
    assert not any(asked_of_kernels[ESTIMATORS[estimator].samples :])
    assert torch.equal(one.index, truth.index)
    for fact, other in zip(facts(one), facts(truth), strict=True):
        torch.testing.assert_close(fact.double(), other, rtol=2e-5, atol=2e-5)
    for grad, other in zip(grads, exact, strict=True):
        torch.testing.assert_close(grad.double(), other, rtol=1e-4, atol=2e-6 * float(1 + other.abs().max()) * 10)
        assert other.abs().max() > 0.1


def test_rows_that_see_nothing_choose_nothing():
    query, key, value = (tensor.float().requires_grad_() for tensor in tensors())
    choice = rg.choose(query, key, value, where=rg.Lengths(torch.tensor([0, KEYS])))
    for fact, nothing in ((choice.index, -1), (choice.context, 0), (choice.log_prob, 0), (choice.entropy, 0)):
        assert fact[0].eq(nothing).all()
    grads = torch.autograd.grad(sum(fact.sum() for fact in facts(choice)), (query, key, value))
    assert all(torch.isfinite(grad).all() and grad[0].eq(0).all() for grad in grads)
    assert all(grad[1].ne(0).any() for grad in grads)


def test_second_derivatives_go_by_the_blocks():
    found = []
    for dtype in (torch.float32, torch.float64):
        leaves = [tensor[:, :, :13].to(dtype).requires_grad_() for tensor in tensors()]
        (score, learned), known = additive(dtype), leaves[:2]
        choice = rg.choose(*leaves, score=score, where=rg.Causal(), estimator=rg.Greedy())
        known = [*known, *learned]
        first = torch.autograd.grad((choice.log_prob * 2 + choice.entropy.square()).sum(), known, create_graph=True)
        second = torch.autograd.grad(sum(grad.square().sum() for grad in first), known)
        found.append([grad.double() for grad in second])
    for one, truth in zip(*found, strict=True):
        torch.testing.assert_close(one, truth, rtol=1e-3, atol=1e-4 * float(truth.abs().max()))


def test_the_number_of_threads_changes_roundings_only():
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 3, 3):
            torch.set_num_threads(count)
            choice, grads = chosen("additive", "around", "drawn", torch.float32)
            found.append([choice.index.double(), *facts(choice), *grads])
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, other) for one, other in zip(found[1], found[2], strict=True))
    for one, other in zip(found[0], found[1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_values_that_are_not_finite_are_seen_where_they_are_read():
    query, key, value = (tensor.float() for tensor in tensors())
    place = rg.choose(query, key, value, estimator=rg.Greedy()).index[0, 2, 0]
    value[0, 1, place, 2] = torch.nan
    choice = rg.choose(query, key, value, estimator=rg.Greedy())
    read = (choice.index == place) & (torch.arange(BATCH)[:, None, None] == 0)
    read &= (torch.arange(HEADS) // 2 == 1)[:, None]
    assert read.any()
    assert torch.equal(choice.context[..., 2].isnan(), read)


@pytest.mark.parametrize("level", levels())
def test_every_level_passes(level):
    assert_passes_at(level, __file__)
