"""Kernels of the reader who goes from left to right, against the plain code in float64."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as draw
from torch import Tensor

import regard as rg
from regard.attention.native import monotonic as native
from regard.attention.structures.alignment import aligned, alignment
from tests.native.exactness import assert_as_exact, assert_passes_at, levels, needs_kernels, with_gradients

pytestmark = needs_kernels


def readers(problems: int, rows: int, keys: int, shift: float = 0.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Probabilities (problems, rows, keys), some rows and keys without a chance, and where the readers stand."""
    generator = torch.Generator().manual_seed(seed)
    chances = (torch.randn(problems, rows, keys, generator=generator) * 3 + shift).sigmoid()
    chances = chances * (torch.rand(problems, rows, 1, generator=generator) < 0.8)
    chances = chances * (torch.rand(problems, 1, keys, generator=generator) < 0.8)
    return chances.double(), torch.rand(problems, 1, keys, generator=generator).softmax(-1).double()


def test_weights_are_those_of_a_reader_who_walks():
    chances, carry = readers(2, 5, 7)
    found = aligned(chances, carry)
    for problem in range(2):
        before = carry[problem, 0].tolist()
        for row in range(5):
            walking, stopped = 0.0, []
            for key in range(7):
                walking += before[key]
                chance = chances[problem, row, key].item()
                stopped.append(walking * chance)
                walking *= 1 - chance
            torch.testing.assert_close(found[problem, row], torch.tensor(stopped, dtype=torch.float64))
            before = stopped if chances[problem, row].any() else before


@settings(max_examples=120)
@given(
    sizes=draw.tuples(draw.integers(1, 37), draw.integers(1, 9), draw.integers(1, 67)),
    shift=draw.sampled_from((-6.0, 0.0, 4.0)),
    dtype=draw.sampled_from((torch.float32, torch.float64)),
    seed=draw.integers(0, 1000),
)
def test_any_readers_are_as_exact_as_the_plain_code(sizes, shift, dtype, seed):
    assert_as_exact(aligned, alignment, readers(*sizes, shift, seed), dtype)


@pytest.mark.parametrize("shift", [-9.0, 0.0])
def test_long_rows_keep_their_digits(shift):
    assert_as_exact(aligned, alignment, readers(2, 5, 3001, shift))


def test_a_problem_does_not_depend_on_the_others():
    tensors = [tensor.float() for tensor in readers(19, 5, 23)]
    together = with_gradients(aligned, tensors, torch.float32)
    outer = torch.randn(together[0].shape, generator=torch.Generator().manual_seed(99), dtype=torch.float64)
    for problem in range(19):
        leaves = [tensor[problem : problem + 1].clone().requires_grad_() for tensor in tensors]
        alone = aligned(*leaves)
        grads = torch.autograd.grad(alone, leaves, outer[problem : problem + 1].float())
        for one, other in zip((alone, *grads), together, strict=True):
            assert torch.equal(one[0], other[problem])


def test_the_same_bits_twice_and_from_two_threads_at_once():
    run = partial(with_gradients, aligned, readers(41, 7, 53), torch.float32)
    with ThreadPoolExecutor(2) as pool:
        several = [run(), run(), *(one.result() for one in [pool.submit(run) for _ in range(6)])]
    for other in several[1:]:
        assert all(torch.equal(one, two) for one, two in zip(several[0], other, strict=True))


def test_gradients_exist_twice():
    # A row that has no chance at all is passed over, which is a step.
    chances, carry = (tensor.clamp(min=0.02).requires_grad_() for tensor in readers(2, 3, 5))
    assert torch.autograd.gradcheck(aligned, (chances, carry))
    assert torch.autograd.gradgradcheck(aligned, (chances, carry))


def test_strides_as_they_come():
    chances, carry = readers(3, 5, 7)
    turned = chances.transpose(1, 2).contiguous().transpose(1, 2)
    assert torch.equal(aligned(turned, carry[:1].expand(3, 1, 7)), aligned(chances, carry[:1].repeat(3, 1, 1)))


def test_what_is_behind_a_mask_does_not_leak():
    query, key = (torch.randn(2, 3, size, 5, generator=torch.Generator().manual_seed(size)) for size in (7, 11))
    where = rg.Lengths(torch.tensor([11, 4]))
    expected = rg.weights(query, key, where=where, weigh=rg.Monotonic())
    key[1, :, 4:] = torch.nan
    key.requires_grad_()
    found = rg.weights(query, key, where=where, weigh=rg.Monotonic())
    assert torch.equal(found, expected)
    (grad,) = torch.autograd.grad(found.square().sum(), key)
    assert torch.isfinite(grad).all()
    assert (grad[1, :, 4:] == 0).all()


def test_an_exporter_sees_an_operator():
    tensors = tuple(tensor.float() for tensor in readers(2, 3, 5))

    class Reader(torch.nn.Module):
        def forward(self, chances: Tensor, carry: Tensor) -> Tensor:
            return aligned(chances, carry)

    exported = torch.export.export(Reader(), tensors)
    assert "regard.monotonic" in exported.graph_module.print_readable(print_output=False)
    assert torch.equal(exported.module()(*tensors), aligned(*tensors))


def test_operators_keep_the_rules_of_operators():
    chances, carry = (tensor.float() for tensor in readers(2, 3, 5))
    torch.library.opcheck(native.align, (chances, carry[:, 0]), test_utils=("test_schema", "test_faketensor"))


@pytest.mark.parametrize("level", levels())
def test_every_other_level(level):
    assert_passes_at(level, __file__)
