"""What torch.func can do with attention: batch it, differentiate it in batches, and move it in a direction."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, stack_module_state, vmap

import regard as rg
from regard.attention.paths import blockwise
from tests.attention.cases import numbers
from tests.attention.problems import PROBLEMS, STRAIGHT_THROUGH

# PyTorch writes its own forward-mode formulas in a language that it warns of.
pytestmark = pytest.mark.filterwarnings(r"ignore:.torch\.jit\.script. is deprecated:DeprecationWarning")

COPIES = 3
named = {"ids": lambda case: getattr(case, "name", None)}
paths = pytest.mark.parametrize("path", ["reference", "blockwise"])


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(blockwise, "CELLS", 24)
    monkeypatch.setattr(blockwise, "ROWS", 2)


def told(path):
    """Backwards under torch.func, blocks say what they keep."""
    return pytest.warns(UserWarning, match="keeps all Tq x Tk") if path == "blockwise" else contextlib.nullcontext()


@paths
@pytest.mark.parametrize("problem", PROBLEMS, **named)
def test_a_batch_by_vmap_is_a_loop(problem, path):
    context, tensors = problem.on(path), problem.tensors(COPIES)
    expected = torch.stack([context(*(tensor[copy] for tensor in tensors)) for copy in range(COPIES)])
    torch.testing.assert_close(vmap(context)(*tensors), expected)


@paths
@pytest.mark.parametrize("problem", PROBLEMS, **named)
def test_a_gradient_for_each_of_a_batch(problem, path):
    context, tensors = problem.on(path), problem.tensors(COPIES)
    places = tuple(range(len(tensors)))

    def loss(*given):
        return context(*given).square().sum()

    with told(path):
        found = vmap(grad(loss, argnums=places))(*tensors)
    for copy in range(COPIES):
        leaves = [tensor[copy].clone().requires_grad_() for tensor in tensors]
        expected = torch.autograd.grad(loss(*leaves), leaves, materialize_grads=True)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one[copy], other)


@paths
@pytest.mark.parametrize("problem", PROBLEMS, **named)
def test_a_derivative_in_a_direction(problem, path):
    context, tensors = problem.on(path), problem.tensors()
    direction = tuple(numbers(*tensor.shape, seed=40 + place) for place, tensor in enumerate(tensors))
    value, found = jvp(context, tensors, direction)
    # By backward mode alone: the derivative of the vector-Jacobian product in the vector.
    expected_value, expected = torch.autograd.functional.jvp(context, tensors, direction)
    torch.testing.assert_close(value, expected_value)
    torch.testing.assert_close(found, expected)
    assert expected.abs().max() > 0


@paths
@pytest.mark.parametrize(("hard", "soft"), STRAIGHT_THROUGH, ids=str)
def test_hard_weighings_pass_their_soft_derivative_through_every_transform(hard, soft, path):
    query, key, value = (numbers(2, 3, size, 5, seed=seed) for seed, size in enumerate((7, 11, 11)))

    def context(weigh):
        return lambda query: rg.attend(query, key, value, weigh=weigh, path=path)

    torch.testing.assert_close(jvp(context(hard), (query,), (query,))[1], jvp(context(soft), (query,), (query,))[1])

    def single(query, key, value):
        return rg.attend(query, key, value, weigh=rg.Argmax(), path=path)

    torch.testing.assert_close(vmap(single)(query, key, value), single(query, key, value))


def test_forward_and_backward_mode_agree_on_the_second_derivative():
    query, key, value = (numbers(size, 2, seed=seed) for seed, size in enumerate((2, 3, 3)))

    def loss(query):
        return rg.attend(query, key, value, where=rg.Causal(), path="reference").square().sum()

    torch.testing.assert_close(jacfwd(jacrev(loss))(query), torch.autograd.functional.hessian(loss, query))


def test_forward_mode_without_torch_func():
    query, key, value = (numbers(1, 1, size, 2, seed=seed) for seed, size in enumerate((3, 5, 5)))

    def context(query):
        return rg.attend(query, key, value, weigh=rg.Sparsemax(), path="blockwise")

    with forward_ad.dual_level():
        found = forward_ad.unpack_dual(context(forward_ad.make_dual(query, query.sin()))).tangent
    torch.testing.assert_close(found, torch.autograd.functional.jvp(context, query, query.sin())[1])


def test_an_ensemble_of_modules_runs_as_one():
    modules = [rg.Attention(rg.Additive(5, 3, 7).double(), rg.Lengths(torch.tensor([4, 2]))) for _ in range(COPIES)]
    parameters, _ = stack_module_state(modules)
    query, key, value = numbers(2, 3, 5, seed=0), numbers(2, 7, 3, seed=1), numbers(2, 7, 2, seed=2)

    def one(parameters):
        return functional_call(modules[0], parameters, (query, key, value))

    expected = torch.stack([module(query, key, value) for module in modules])
    torch.testing.assert_close(vmap(one)(parameters), expected)


def test_dropout_under_vmap_is_drawn_as_vmap_is_told():
    query, key, value = (numbers(COPIES, 1, 1, 31, 5, seed=seed) for seed in range(3))
    value = value[:1].expand_as(value)

    def dropped(query, key, value):
        return rg.attend(query * 0, key, value, dropout=0.5, path="blockwise")

    same = vmap(dropped, randomness="same")(query, key, value)
    torch.testing.assert_close(same[0], same[1])
    different = vmap(dropped, randomness="different")(query, key, value)
    assert not torch.allclose(different[0], different[1])


def test_the_kernel_of_pytorch_refuses_transforms_and_is_not_chosen():
    tensors = [numbers(COPIES, 1, 2, 3, 5, seed=seed) for seed in range(3)]
    with pytest.raises(ValueError, match=r"path is 'sdpa'.*knows no transforms of torch\.func"):
        vmap(lambda *given: rg.attend(*given, path="sdpa"))(*tensors)
    expected = torch.stack([rg.attend(*given) for given in zip(*tensors, strict=True)])
    torch.testing.assert_close(vmap(rg.attend)(*tensors), expected)
