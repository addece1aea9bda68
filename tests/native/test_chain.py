"""Kernels of linear chains against enumeration and against the plain code in float64."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import partial

import pytest
import torch
from functorch.compile import make_boxed_func
from hypothesis import given, settings
from hypothesis import strategies as draw
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd

from regard.attention.native import chain as native
from regard.attention.structures import linear_chain
from regard.attention.structures.chain import packed
from regard.attention.structures.forward_backward import impossible
from regard.attention.structures.paths import listed, search
from regard.attention.structures.sums import Summed, summed
from tests.native.exactness import Run, assert_as_exact, assert_passes_at, levels, needs_kernels, with_gradients

pytestmark = needs_kernels


class Matrices(Enum):
    """How many matrices of transitions there are."""

    ONE = "one"
    OF_STEPS = "of steps"
    OF_SEQUENCES = "of sequences"
    OF_BOTH = "of both"

    def shape(self, batch: int, time: int, states: int) -> tuple[int, ...]:
        lead = {"one": (), "of steps": (time - 1,), "of sequences": (batch, 1), "of both": (batch, time - 1)}
        return (*lead[self.value], states, states)


def chain(
    batch: int, time: int, states: int, matrices: Matrices = Matrices.ONE, scale: float = 1.0, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Scores that float32 holds exactly, in float64."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((batch, time, states), matrices.shape(batch, time, states))
    unary, transition = (torch.randn(shape, generator=generator) * scale for shape in shapes)
    return unary.double(), transition.double()


def hidden(batch: int, time: int, seed: int) -> Tensor:
    return torch.rand(batch, time, generator=torch.Generator().manual_seed(seed)) < 0.6


def plain(unary: Tensor, transition: Tensor, mask: Tensor | None = None) -> Tensor:
    held = packed(unary, transition, mask)
    return Summed.apply(held.unary, held.transition, held.visible)


def by_kernel(unary: Tensor, transition: Tensor, mask: Tensor | None = None) -> Tensor:
    return summed(packed(unary, transition, mask))


def test_sums_and_posteriors_are_those_of_every_sequence():
    unary, transition = chain(2, 5, 3, Matrices.OF_BOTH)
    total, of_unary, _ = with_gradients(by_kernel, (unary, transition), torch.float64)
    outer = torch.randn(2, generator=torch.Generator().manual_seed(99), dtype=torch.float64)
    for sequence in range(2):
        expected, sums = torch.zeros(5, 3, dtype=torch.float64), 0.0
        for states in itertools.product(range(3), repeat=5):
            score = sum(unary[sequence, t, s] for t, s in enumerate(states))
            score += sum(transition[sequence, t, states[t], states[t + 1]] for t in range(4))
            sums += math.exp(score)
            for position, state in enumerate(states):
                expected[position, state] += math.exp(score)
        assert total[sequence].item() == pytest.approx(math.log(sums), rel=1e-13)
        torch.testing.assert_close(of_unary[sequence], expected / sums * outer[sequence])


@settings(max_examples=150)
@given(
    sizes=draw.tuples(draw.integers(1, 7), draw.integers(1, 9), draw.integers(1, 37)),
    matrices=draw.sampled_from(Matrices),
    scale=draw.sampled_from((0.01, 1.0, 10.0, 60.0)),
    masked=draw.booleans(),
    dtype=draw.sampled_from((torch.float32, torch.float64)),
    seed=draw.integers(0, 1000),
)
def test_any_chain_is_as_exact_as_the_plain_code(sizes, matrices, scale, masked, dtype, seed):
    mask = hidden(*sizes[:2], seed) if masked else None
    tensors = chain(*sizes, matrices, scale, seed)
    assert_as_exact(partial(by_kernel, mask=mask), partial(plain, mask=mask), tensors, dtype)


@settings(max_examples=60)
@given(
    sizes=draw.tuples(draw.integers(1, 5), draw.integers(1, 7), draw.integers(1, 19)),
    matrices=draw.sampled_from(Matrices),
    share=draw.sampled_from((0.2, 0.6, 0.9)),
    seed=draw.integers(0, 1000),
)
def test_forbidden_states_and_transitions(sizes, matrices, share, seed):
    tensors = chain(*sizes, matrices, 2.0, seed)
    generator = torch.Generator().manual_seed(seed)
    cut = [one.masked_fill(torch.rand(one.shape, generator=generator) < share, -torch.inf) for one in tensors]

    def possible(run: Run, *given: Tensor) -> Tensor:
        found = run(*given)
        return found.masked_fill(impossible(found), 0.0)

    found = with_gradients(partial(possible, by_kernel), cut, torch.float32)
    expected = with_gradients(partial(possible, plain), cut, torch.float64)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("matrices", Matrices)
def test_a_path_through_states_that_seem_impossible(matrices):
    """State 2 is far below all others until the end, where it is the only one, and nothing leads to it."""
    unary, transition = chain(3, 7, 5, matrices)
    unary[:, :-1, 2] -= 70
    unary[:, -1, [0, 1, 3, 4]] = -torch.inf
    transition[..., [0, 1, 3, 4], 2] -= 500
    assert_as_exact(by_kernel, plain, (unary, transition))


def test_a_shared_matrix_over_many_long_sequences_keeps_its_digits():
    assert_as_exact(by_kernel, plain, chain(37, 401, 6))


def test_a_sequence_does_not_depend_on_the_others():
    unary, transition = (tensor.float() for tensor in chain(13, 11, 17))
    mask = hidden(13, 11, 3)
    mask[2] = False
    unary.requires_grad_()
    together = by_kernel(unary, transition, mask)
    (grad,) = torch.autograd.grad(together.sum(), unary)
    for sequence in range(13):
        lone = unary[sequence : sequence + 1].detach().requires_grad_()
        alone = by_kernel(lone, transition, mask[sequence : sequence + 1])
        assert torch.equal(alone[0], together[sequence])
        assert torch.equal(torch.autograd.grad(alone.sum(), lone)[0][0], grad[sequence])


def test_one_nan_spoils_its_sequence_alone():
    unary, transition = (tensor.float() for tensor in chain(6, 5, 4))
    poisoned = unary.clone()
    poisoned[3, 2, 1] = torch.nan
    found, expected = by_kernel(poisoned, transition), by_kernel(unary, transition)
    assert found.isnan().tolist() == [False, False, False, True, False, False]
    assert torch.equal(found[found == found], expected[[0, 1, 2, 4, 5]])


def test_the_same_bits_twice_and_from_two_threads_at_once():
    tensors = chain(150, 23, 9)
    run = partial(with_gradients, by_kernel, tensors, torch.float32)
    with ThreadPoolExecutor(2) as pool:
        several = [run(), run(), *(one.result() for one in [pool.submit(run) for _ in range(6)])]
    for other in several[1:]:
        assert all(torch.equal(one, two) for one, two in zip(several[0], other, strict=True))


@pytest.mark.parametrize("matrices", Matrices)
def test_gradients_exist_twice(matrices):
    leaves = [tensor.requires_grad_() for tensor in chain(2, 4, 3, matrices)]
    mask = torch.tensor([[True, False, True, True], [True, True, False, False]])
    assert torch.autograd.gradcheck(partial(by_kernel, mask=mask), leaves)
    assert torch.autograd.gradgradcheck(partial(by_kernel, mask=mask), leaves)


@settings(max_examples=80)
@given(
    sizes=draw.tuples(draw.integers(1, 5), draw.integers(1, 9), draw.integers(1, 37)),
    matrices=draw.sampled_from(Matrices),
    masked=draw.booleans(),
    dtype=draw.sampled_from((torch.float32, torch.float64)),
    seed=draw.integers(0, 1000),
)
def test_the_best_sequence_is_that_of_the_plain_search(sizes, matrices, masked, dtype, seed):
    mask = hidden(*sizes[:2], seed) if masked else None
    held = packed(*(tensor.to(dtype) for tensor in chain(*sizes, matrices, 1.0, seed)), mask)
    (found, total), (expected, highest) = search(held, 1), listed(held, 1)
    assert torch.equal(total, highest)
    assert torch.equal(held.as_given(found, -1), held.as_given(expected, -1))


def test_of_equal_sequences_the_one_of_lower_states_is_best():
    found = linear_chain.best(torch.zeros(2, 5, 19), torch.zeros(19, 19))
    assert (found.states == 0).all()


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_a_compiler_and_an_exporter_see_operators():
    unary, transition = (tensor.float() for tensor in chain(3, 5, 4))
    graphs: list[str] = []

    def keep(graph, inputs):
        graphs.append(graph.print_readable(print_output=False))
        return make_boxed_func(graph.forward)

    torch._dynamo.reset()
    backend = aot_autograd(fw_compiler=keep, bw_compiler=keep)
    leaves = [tensor.requires_grad_() for tensor in (unary, transition)]
    compiled = torch.compile(linear_chain.log_partition, fullgraph=True, backend=backend)
    found = torch.autograd.grad(compiled(*leaves).sum(), leaves)
    assert "regard.chain_log_partition" in graphs[0]
    assert "regard.chain_gradient" in graphs[1]
    for one, other in zip(found, torch.autograd.grad(linear_chain.log_partition(*leaves).sum(), leaves), strict=True):
        torch.testing.assert_close(one, other)

    class Best(torch.nn.Module):
        def forward(self, unary: Tensor, transition: Tensor) -> Tensor:
            return linear_chain.best(unary, transition).states

    exported = torch.export.export(Best(), (unary.detach(), transition.detach()))
    assert "regard.chain_best" in exported.graph_module.print_readable(print_output=False)
    assert torch.equal(exported.module()(unary, transition), linear_chain.best(unary, transition).states)


def test_operators_keep_the_rules_of_operators():
    unary, transition = (tensor.float() for tensor in chain(3, 5, 4))
    given = (unary.requires_grad_(), transition[None, None].contiguous().requires_grad_(), torch.tensor([5, 0, 2]))
    torch.library.opcheck(native.log_partition, given, test_utils=("test_schema", "test_faketensor"))
    torch.library.opcheck(native.best, given, test_utils=("test_schema", "test_faketensor"))


@pytest.mark.parametrize("level", levels())
def test_every_other_level(level):
    assert_passes_at(level, __file__)
