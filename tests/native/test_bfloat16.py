"""Products of bfloat16, by matrix tiles where the chip has them, against the definition in float64."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention as sdpa

import regard as rg
from regard.attention.native.library import kernels
from tests.native.exactness import rms
from tests.native.test_attention import PROBLEM, SIZES, equal, found

pytestmark = pytest.mark.skipif(kernels().missing is not None, reason=f"no kernels: {kernels().missing}")

EXAMPLES = int(os.environ.get("REGARD_EXAMPLES", "200"))
ROUNDING = torch.finfo(torch.bfloat16).eps


@settings(max_examples=EXAMPLES)
@given(
    sizes=SIZES,
    where=st.sampled_from(("all", "causal", "window", "lengths", "mask", "others", "alibi")),
    weigh=st.sampled_from(("softmax", "cool", "sink", "sigmoid")),
    dropout=st.sampled_from((0.0, 0.0, 0.3)),
)
def test_any_size_is_as_accurate_as_rounded_weights_allow(sizes, where, weigh, dropout):
    exact = found(sizes, where, weigh, dropout, "reference", torch.float64)
    plain = found(sizes, where, weigh, dropout, "reference", torch.bfloat16)
    ours = found(sizes, where, weigh, dropout, "native", torch.bfloat16)
    # Gradients of scores are rounded too; where one key has nearly all weight, what they leave is a small difference.
    # So is a context of a few keys whose values nearly cancel.
    _query, _key, value = sizes.tensors(torch.float64)
    largest = max(rms(tensor) for tensor in (*exact, value))
    for one, other, truth in zip(ours, plain, exact, strict=True):
        assert torch.isfinite(one).all()
        assert rms(one - truth) <= 3 * rms(other - truth) + 3 * ROUNDING * largest


def run(tensors: tuple[Tensor, ...]) -> list[Tensor]:
    """Context and gradients by the kernels."""
    leaves = [tensor.detach().requires_grad_() for tensor in tensors]
    context = rg.attend(*leaves, where=rg.Causal(), path="native")
    return [context, *torch.autograd.grad(context, leaves, torch.ones_like(context))]


@pytest.mark.parametrize("size", [16, 32, 48, 80, 96, 128, 256])
@pytest.mark.parametrize(("queries", "keys"), [(1, 700), (7, 7), (50, 331), (300, 300)])
@pytest.mark.parametrize("scale", [1.0, None], ids=["scaled before", "scaled by the call"])
def test_no_error_is_larger_than_that_of_pytorch(size, queries, keys, scale):
    generator = torch.Generator().manual_seed(5)
    shapes = ((2, 3, queries, size), (2, 3, keys, size), (2, 3, keys, size))
    query, key, value = (torch.randn(shape, generator=generator) for shape in shapes)
    tensors = [(query * size**-0.5 if scale else query).bfloat16(), key.bfloat16(), value.bfloat16()]

    def theirs(*leaves: Tensor) -> Tensor:
        return sdpa(*leaves, scale=scale)

    def ours(*leaves: Tensor) -> Tensor:
        return rg.attend(*leaves, score=rg.Dot(scale), path="native")

    results = []
    for attend, dtype in ((ours, torch.bfloat16), (theirs, torch.bfloat16), (theirs, torch.float64)):
        leaves = [tensor.to(dtype).requires_grad_() for tensor in tensors]
        context = attend(*leaves)
        results.append([context, *torch.autograd.grad(context, leaves, torch.ones_like(context))])
    # Queries that the call scales are rounded before the gradient of the keys is made of them.
    for one, other, truth, times in zip(*results, (1.1, 1.1, 1.1 if scale else 1.3, 1.1), strict=True):
        assert rms(one.double() - truth) <= times * rms(other.double() - truth) + 0.01 * ROUNDING * rms(truth)


def test_results_depend_neither_on_neighbours_nor_on_who_else_calls():
    tensors = PROBLEM.tensors(torch.bfloat16)
    whole = run(tensors)
    with ThreadPoolExecutor(4) as pool:
        assert all(equal(one, whole) for one in pool.map(lambda _: run(tensors), range(8)))
    for place in range(PROBLEM.batch):
        alone = run(tuple(tensor[place : place + 1] for tensor in tensors))
        assert torch.equal(alone[0], whole[0][place : place + 1])


def test_tiles_are_given_back():
    """Others in the process set up tiles of their own, and a thread that holds some is slower to switch."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # this one
    try:
        run(PROBLEM.tensors(torch.bfloat16))
    finally:
        torch.set_num_threads(threads)
    assert kernels().loaded.regard_tiles_set_up() == 0
