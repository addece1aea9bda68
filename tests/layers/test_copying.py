from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.layers import Copy, Coverage, mixture
from tests.attention.cases import numbers
from tests.layers.parts import assert_hidden_is_inert, filled, read

LENGTHS = torch.tensor([7, 3, 0])


def inputs() -> tuple[torch.Tensor, ...]:
    return numbers(3, 5, 2, seed=0), numbers(3, 5, 3, seed=1), numbers(3, 7, 4, seed=2)


@pytest.mark.parametrize("coverage", Coverage)
def test_every_step_is_the_formula_of_the_paper(coverage):
    module, (states, given, source) = filled(Copy(2, 4, 3, 11, coverage=coverage)), inputs()
    found, score = module(states, given, source, rg.Lengths(LENGTHS)), module.score
    for b in range(3):
        rows, covered = source[b, : LENGTHS[b]], torch.zeros(7, dtype=torch.float64)
        for t in range(5):
            hidden = [score.key.weight @ h + score.query.weight @ states[b, t] + score.bias for h in rows]
            if coverage is Coverage.FED:
                hidden = [h + module.coverage.weight[:, 0] * c for h, c in zip(hidden, covered, strict=False)]
            scores = torch.stack([torch.tanh(h) @ score.energy for h in hidden]) if hidden else rows[:, 0]
            context, weights = read(scores, rows, 7)
            lean = (
                module.generate.weight[0] @ torch.cat((context, states[b, t], given[b, t])) + module.generate.bias[0]
            )
            torch.testing.assert_close(found.context[b, t], context)
            torch.testing.assert_close(found.weights[b, t], weights)
            torch.testing.assert_close(found.generate[b, t], 1 / (1 + torch.exp(-lean)))
            torch.testing.assert_close(
                found.repeated[b, t], sum(min(a, c) for a, c in zip(weights, covered, strict=True))
            )
            covered = covered + weights
    assert bool((found.repeated[:, 0] == 0).all())


def test_the_mixture_is_the_sum_over_places_of_each_word():
    chances = torch.rand(3, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    vocabulary = chances / chances.sum(-1, keepdim=True)
    attended = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = attended / attended.sum(-1, keepdim=True)
    generate = torch.rand(3, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    source = torch.tensor([[0, 7, 5, 7, 2, 2, 8], [8, 8, 8, 8, 8, 8, 8], [1, 2, 3, 4, 5, 6, 7]])
    found = mixture(vocabulary, weights, generate, source, 9)
    for b in range(3):
        for t in range(5):
            for word in range(9):
                expected = generate[b, t] * vocabulary[b, t, word] if word < 6 else 0.0
                expected = expected + (1 - generate[b, t]) * sum(
                    weights[b, t, i] for i in range(7) if source[b, i] == word
                )
                assert float(found[b, t, word]) == pytest.approx(float(expected), abs=1e-15)
    torch.testing.assert_close(found.sum(-1), torch.ones(3, 5, dtype=torch.float64))
    torch.testing.assert_close(mixture(vocabulary[:, 0], weights[:, 0], generate[:, 0], source, 9), found[:, 0])


def test_a_mixture_of_two_precisions_is_made_in_the_wider():
    half, source = torch.full((1, 2), 0.5), torch.tensor([[0, 2]])
    found = mixture(half.bfloat16(), half, torch.tensor([0.25]).bfloat16(), source, 3)
    assert found.dtype == torch.float32
    assert found.tolist() == [[0.5, 0.125, 0.375]]


def test_steps_of_a_search_equal_all_steps_at_once():
    module, (states, given, source) = filled(Copy(2, 4, 3, 11)), inputs()
    whole, state = module(states, given, source, rg.Lengths(LENGTHS)), module.start(source, rg.Lengths(LENGTHS))
    for t in range(5):
        copied, state = module.step(states[:, t], given[:, t], state)
        torch.testing.assert_close(copied.weights, whole.weights[:, t])
        torch.testing.assert_close(copied.repeated, whole.repeated[:, t])
    torch.testing.assert_close(state.coverage, whole.weights.sum(1))


def test_what_is_hidden_from_a_copy_is_inert():
    module, (states, given, source) = filled(Copy(2, 4, 3, 11)), inputs()
    hidden = (torch.arange(7)[None] >= LENGTHS[:, None])[..., None].expand(3, 7, 4)

    def compute(changed):
        found = module(states, given, changed, rg.Lengths(LENGTHS))
        return torch.cat((found.context, found.generate[..., None], found.repeated[..., None]), dim=-1)

    assert_hidden_is_inert(module, compute, source, hidden)


def test_gradients_through_coverage_and_mixture_are_those_that_differences_find():
    module = filled(Copy(1, 2, 1, 3))
    leaves = [numbers(1, *shape, seed=n).requires_grad_() for n, shape in enumerate(((3, 1), (3, 1), (4, 2), (3, 5)))]
    source = torch.tensor([[0, 6, 1, 6]])

    def compute(states, given, memory, logits, *_):
        copied = module(states, given, memory)
        chances = mixture(logits.softmax(-1), copied.weights, copied.generate, source, 7)
        return chances, copied.repeated

    assert torch.autograd.gradcheck(compute, (*leaves, *module.parameters()))


def test_bad_inputs_are_refused():
    half = torch.full((1, 2), 0.5)
    with pytest.raises(ValueError, match="size is 1, expected at least the 2 words"):
        mixture(half, half, torch.ones(1), torch.zeros(1, 2).long(), 1)
    with pytest.raises(ValueError, match="source has ids from 0 to 3, expected all from 0 to below size 3"):
        mixture(half, half, torch.ones(1), torch.tensor([[0, 3]]), 3)
    with pytest.raises(ValueError, match=r"source has shape \(1, 3\), expected \(1, 2\)"):
        mixture(half, half, torch.ones(1), torch.zeros(1, 3).long(), 3)
    with pytest.raises(ValueError, match=r"memory has shape \(1, 7, 5\), expected .* last axis of 4"):
        Copy(2, 4, 3, 11)(torch.zeros(1, 5, 2), torch.zeros(1, 5, 3), torch.zeros(1, 7, 5))
    with pytest.raises(ValueError, match="the same number of steps"):
        Copy(2, 4, 3, 11)(torch.zeros(1, 5, 2), torch.zeros(1, 2, 3), torch.zeros(1, 7, 4))
