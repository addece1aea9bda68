from __future__ import annotations

import math

import pytest
import torch

import regard as rg
from regard.layers import Pointer, log_weights
from tests.attention.cases import SCORE_CASES, WHERE_CASES, inputs, numbers
from tests.layers.parts import assert_hidden_is_inert, filled

LENGTHS = torch.tensor([7, 3, 0])


def test_pointing_is_the_formula_of_the_paper():
    module, query, key = (
        filled(Pointer(3, 5, 11)).requires_grad_(False),
        numbers(3, 2, 3, seed=0),
        numbers(3, 7, 5, seed=1),
    )
    found = module(query, key, rg.Lengths(LENGTHS))
    score = module.score
    for b, length in enumerate(LENGTHS.tolist()):
        for i in range(2):
            asked = score.query.weight @ query[b, i] + score.bias
            scores = [torch.tanh(score.key.weight @ e + asked) @ score.energy for e in key[b, :length]]
            total = math.log(sum(math.exp(s) for s in scores)) if scores else 0.0
            expected = [s.item() - total for s in scores] + [-math.inf] * (7 - length)
            assert found[b, i].tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("where", WHERE_CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("score", [c for c in SCORE_CASES if c.name in ("Dot", "Additive")], ids=lambda c: c.name)
def test_log_weights_are_the_logarithms_of_the_weights(score, where):
    query, key, _ = inputs(score.key_size)
    built, shows = score.build(), where.build()
    built = built.double() if isinstance(built, torch.nn.Module) else built
    found = log_weights(query, key, score=built, where=shows)
    torch.testing.assert_close(found, rg.weights(query, key, score=built, where=shows).log())


def test_improbable_places_keep_their_log_probability_and_its_gradient():
    query = torch.tensor([[[1.0]]], dtype=torch.float32, requires_grad=True)
    found = log_weights(query, torch.tensor([[[0.0], [500.0]]]), score=rg.Dot(scale=1.0))
    assert found[0, 0].tolist() == [-500.0, 0.0]
    (grad,) = torch.autograd.grad(found[0, 0, 0], query)
    assert grad.item() == pytest.approx(-500.0)


def test_what_is_hidden_from_a_pointer_is_inert():
    module, query = filled(Pointer(3, 5, 11)), numbers(3, 2, 3, seed=0)
    hidden = torch.arange(7)[None] >= LENGTHS[:, None]

    def compute(key):
        return module(query, key, rg.Lengths(LENGTHS)).masked_fill(hidden[:, None], 0)

    assert_hidden_is_inert(module, compute, numbers(3, 7, 5, seed=1), hidden[..., None].expand(3, 7, 5))


def test_a_visible_nan_is_not_pointed_away():
    key = numbers(1, 3, 5, seed=1)
    key[0, 1, 2] = torch.nan
    module, query = filled(Pointer(3, 5, 11)), numbers(1, 2, 3, seed=0)
    mask = rg.Mask(torch.tensor([[[True, True, True], [True, False, True]]]))
    found = module(query, key, mask)
    assert bool(found[0, 0].isnan().all())
    assert found[0, 1, 1] == -math.inf
    assert bool(found[0, 1, [0, 2]].isfinite().all())


def test_gradients_are_those_that_differences_find():
    module = filled(Pointer(2, 1, 3))
    query, key = numbers(2, 1, 2, seed=0).requires_grad_(), numbers(2, 3, 1, seed=1).requires_grad_()
    lengths = torch.tensor([3, 2])
    shown = (torch.arange(3) < lengths[:, None])[:, None]

    def compute(query, key, *_):
        return module(query, key, rg.Lengths(lengths))[shown]

    assert torch.autograd.gradcheck(compute, (query, key, *module.parameters()))
    assert torch.autograd.gradgradcheck(compute, (query, key, *module.parameters()))


def test_inputs_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match=r"key has shape \(1, 2, 3\), expected .* last axis of 5"):
        Pointer(3, 5, 7)(torch.zeros(1, 1, 3), torch.zeros(1, 2, 3))
    with pytest.raises(ValueError, match="key_lengths has shape"):
        Pointer(3, 5, 7)(torch.zeros(1, 1, 3), torch.zeros(1, 2, 5), rg.Lengths(LENGTHS))
