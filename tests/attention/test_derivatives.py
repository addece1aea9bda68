"""Law 7: derivatives of any order that exists, for every score, where and weighing, with all that they learn."""

from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.attention.paths import blockwise
from tests.attention import problems
from tests.attention.cases import WHERE_CASES, numbers
from tests.attention.problems import PROBLEMS, STRAIGHT_THROUGH
from tests.full import FULL

named = {"ids": lambda case: getattr(case, "name", None)}


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(blockwise, "CELLS", 24)
    monkeypatch.setattr(blockwise, "ROWS", 2)


@pytest.mark.parametrize("path", ["reference", "blockwise"])
@pytest.mark.parametrize("problem", PROBLEMS, **named)
def test_everything_smooth_can_be_differentiated_twice_with_what_it_learns(problem, path):
    context, leaves = problem.on(path), problem.leaves()
    # Blocks compute everything again for every number that is asked for; in fast mode one random sum of all is.
    fast = path == "blockwise" and not FULL
    assert torch.autograd.gradcheck(context, leaves, fast_mode=fast)
    assert torch.autograd.gradgradcheck(context, leaves, fast_mode=fast)


@pytest.mark.parametrize("where", [None, rg.Causal("start"), rg.Lengths(torch.tensor([4]))], ids=str)
@pytest.mark.parametrize("score", [rg.Dot(), rg.Cosine(2.0)], ids=str)
def test_the_kernel_of_pytorch_can_be_differentiated_twice(score, where):
    leaves = [numbers(1, 2, size, 3, seed=seed).requires_grad_() for seed, size in enumerate((3, 5, 5))]

    def context(*tensors):
        return rg.attend(*tensors, score=score, where=where, weigh=rg.Softmax(0.75), path="sdpa")

    assert torch.autograd.gradcheck(context, leaves)
    assert torch.autograd.gradgradcheck(context, leaves)


@pytest.mark.parametrize("path", ["reference", "blockwise"])
@pytest.mark.parametrize("weigh", [rg.Softmax(), rg.Entmax(1.5), rg.Sigmoid(), rg.Monotonic()], ids=str)
def test_the_third_derivative_exists_too(weigh, path):
    query, key, value = (numbers(1, 1, size, 2, seed=seed).requires_grad_() for seed, size in enumerate((2, 3, 3)))

    def curvature(query, key):
        context = rg.attend(query, key, value, weigh=weigh, path=path).square().sum()
        (slope,) = torch.autograd.grad(context, query, create_graph=True)
        return slope

    assert torch.autograd.gradgradcheck(curvature, (query, key))


@pytest.mark.parametrize("path", ["reference", "blockwise"])
@pytest.mark.parametrize(("hard", "soft"), STRAIGHT_THROUGH, ids=str)
def test_a_hard_weighing_has_the_gradient_of_its_soft_one(hard, soft, path):
    leaves = [numbers(2, 3, size, 5, seed=seed).requires_grad_() for seed, size in enumerate((7, 11, 11))]
    outer = numbers(2, 3, 7, 5, seed=4)
    # What is read differs, so the gradient of values does; that of scores is taken at the same values.
    found, expected = (
        torch.autograd.grad(rg.attend(*leaves, where=rg.Causal(), weigh=weigh, path=path), leaves, outer)
        for weigh in (hard, soft)
    )
    for one, other in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(one, other)
        assert other.abs().max() > 0
    weights = rg.weights(*leaves[:2], where=rg.Causal(), weigh=hard)
    assert set(weights.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(found[2], weights.transpose(-1, -2) @ outer)


def test_every_exported_mechanism_that_is_smooth_has_a_problem():
    def kinds(cases):
        return {type(case.builds(*case.learned)) for case in cases}

    assert kinds(problems.SCORES) >= set(rg.attention.SCORES)
    assert kinds(problems.WEIGHINGS) | {rg.Argmax} >= set(rg.attention.WEIGHINGS)
    built = [case.build() for case in WHERE_CASES if case.name != "combined"]
    assert kinds(problems.WHERES) == {type(where) for where in built if where is not None and where.learned()}
