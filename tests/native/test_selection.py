"""Kernels of selections that hang together, against enumeration and against the plain code in float64."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as draw
from torch import Tensor

from regard.attention.native import selection as native
from regard.attention.structures.selection import in_order, selected, swept
from tests.native.exactness import Run, assert_as_exact, assert_passes_at, levels, needs_kernels, with_gradients

pytestmark = needs_kernels


def problem(
    lead: tuple[int, ...], keys: int, states: int, scale: float = 1.0, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Scores (*lead, keys) and a matrix for each of the maps, (lead[0], 1, states, states), if there are any."""
    generator = torch.Generator().manual_seed(seed)
    of_maps = (lead[0], 1) if len(lead) > 1 else ()
    shapes = ((*lead, keys), (*of_maps, states, states))
    scores, transition = ((torch.randn(shape, generator=generator) * scale).double() for shape in shapes)
    return scores, transition


def shown(run: Run, visible: Tensor, scores: Tensor, transition: Tensor) -> Tensor:
    """The weights of visible keys; the others are hidden, and 0."""
    cut = scores.masked_fill(~visible, torch.finfo(scores.dtype).min)
    return run(cut, transition).masked_fill(~visible, 0.0)


def visible_in(scores: Tensor, seed: int) -> Tensor:
    found = torch.rand(scores.shape, generator=torch.Generator().manual_seed(seed)) < 0.7
    found.view(-1, found.shape[-1])[0] = False
    return found


@pytest.mark.parametrize("states", [2, 3])
def test_weights_are_sums_over_every_selection(states):
    scores, transition = problem((5,), 6, states)
    found = selected(scores, transition)
    for row in range(5):
        expected, total = torch.zeros(6, dtype=torch.float64), 0.0
        for path in itertools.product(range(states), repeat=6):
            energy = sum(scores[row, key].item() for key, state in enumerate(path) if state > 0)
            energy += sum(transition[pair].item() for pair in itertools.pairwise(path))
            total += math.exp(energy)
            expected += math.exp(energy) * torch.tensor([float(state > 0) for state in path], dtype=torch.float64)
        torch.testing.assert_close(found[row], expected / total)


@settings(max_examples=120)
@given(
    lead=draw.sampled_from(((1,), (37,), (3, 17), (2, 5))),
    keys=draw.integers(1, 67),
    states=draw.integers(2, 5),
    scale=draw.sampled_from((0.1, 1.0, 30.0, 120.0)),
    dtype=draw.sampled_from((torch.float32, torch.float64)),
    seed=draw.integers(0, 1000),
)
def test_any_selection_is_as_exact_as_the_plain_code(lead, keys, states, scale, dtype, seed):
    tensors = problem(lead, keys, states, scale, seed)
    visible = visible_in(tensors[0], seed)
    assert_as_exact(partial(shown, selected, visible), partial(shown, swept, visible), tensors, dtype)


@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_long_rows_keep_their_digits(scale):
    """The definition's own error, key after key, which is less than that of joining pairs."""
    assert_as_exact(selected, in_order, problem((7,), 701, 2, scale))


def test_a_row_does_not_depend_on_the_others():
    scores, transition = (tensor.float() for tensor in problem((37,), 29, 2))
    scores.masked_fill_(~visible_in(scores, 1), torch.finfo(torch.float32).min)
    together, grad, _ = with_gradients(selected, (scores, transition), torch.float32)
    outer = torch.randn(scores.shape, generator=torch.Generator().manual_seed(99), dtype=torch.float64).float()
    for row in range(37):
        lone = scores[row : row + 1].clone().requires_grad_()
        alone = selected(lone, transition)
        assert torch.equal(alone[0], together[row])
        assert torch.equal(torch.autograd.grad(alone, lone, outer[row : row + 1])[0][0], grad[row])


def test_the_same_bits_twice_and_from_two_threads_at_once():
    run = partial(with_gradients, selected, problem((3, 41), 53, 3), torch.float32)
    with ThreadPoolExecutor(2) as pool:
        several = [run(), run(), *(one.result() for one in [pool.submit(run) for _ in range(6)])]
    for other in several[1:]:
        assert all(torch.equal(one, two) for one, two in zip(several[0], other, strict=True))


@pytest.mark.parametrize("lead", [(2,), (2, 3)])
def test_gradients_exist_twice(lead):
    leaves = [tensor.requires_grad_() for tensor in problem(lead, 5, 3)]
    assert torch.autograd.gradcheck(selected, leaves)
    assert torch.autograd.gradgradcheck(selected, leaves)


def test_a_transition_that_is_forbidden():
    scores, _ = problem((5,), 7, 2)
    never = torch.tensor([[0.5, -0.25], [0.0, -torch.inf]], dtype=torch.float64)
    scores = scores.requires_grad_()
    found = selected(scores, never)
    torch.testing.assert_close(found, in_order(scores, never.clamp(min=-1e4)))
    assert torch.isfinite(torch.autograd.grad(found.square().sum(), scores)[0]).all()


def test_sixteen_bits_are_weighed_in_thirty_two():
    scores, transition = problem((3,), 7, 2)
    scores = scores.bfloat16().masked_fill(~visible_in(scores, 2), torch.finfo(torch.bfloat16).min)
    found = selected(scores, transition.bfloat16())
    visible = scores > torch.finfo(torch.bfloat16).min
    expected = shown(swept, visible, scores.double(), transition.bfloat16().double())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected.bfloat16())


def test_an_exporter_sees_an_operator():
    tensors = tuple(tensor.float() for tensor in problem((3, 5), 7, 2))

    class Selection(torch.nn.Module):
        def forward(self, scores: Tensor, transition: Tensor) -> Tensor:
            return selected(scores, transition)

    exported = torch.export.export(Selection(), tensors)
    assert "regard.chain_selected" in exported.graph_module.print_readable(print_output=False)
    assert torch.equal(exported.module()(*tensors), selected(*tensors))


def test_operators_keep_the_rules_of_operators():
    scores, transition = (tensor.float() for tensor in problem((3, 5), 7, 2))
    torch.library.opcheck(native.select, (scores, transition[:, 0]), test_utils=("test_schema", "test_faketensor"))


@pytest.mark.parametrize("level", levels())
def test_every_other_level(level):
    assert_passes_at(level, __file__)
