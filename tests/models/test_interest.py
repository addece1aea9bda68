"""The interest model: a loop written from the paper agrees, and what is hidden does not matter."""

from __future__ import annotations

import math

import pytest
import torch

from regard.models.interest import InterestSizes

ITEMS, SIZE, TIME, CANDIDATES = 13, 5, 7, 3


def build():
    torch.manual_seed(1)
    model = InterestSizes(size=SIZE, matching=11, hidden_size=17, dropout=0.0).build(ITEMS).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    return model


def problem():
    generator = torch.Generator().manual_seed(2)
    past = torch.randint(ITEMS, (2, TIME), generator=generator)
    candidates = torch.randint(ITEMS, (2, CANDIDATES), generator=generator)
    seen = torch.arange(TIME) < torch.tensor([TIME, 4])[:, None]
    return candidates, past, seen[:, None]


def prelu(slope, values):
    return torch.where(values > 0, values, slope * values)


def by_the_paper(model, candidate, past):
    """Figure 2 and equation 3 for one user and one candidate: the unit reads [e; v; e - v; e * v]."""
    v, unit = model.table.weight[candidate], model.matching
    # W of the paper, put together of its parts: what reads e - v is folded into both.
    whole = torch.cat((unit.past.weight, unit.candidate.weight, 0 * unit.past.weight, unit.product.weight), dim=1)
    interest, weights = torch.zeros(SIZE, dtype=torch.float64), []
    for item in past:
        e = model.table.weight[item]
        hidden = prelu(unit.bend.weight, whole @ torch.cat((e, v, e - v, e * v)) + unit.candidate.bias)
        weights.append(unit.out.weight[0] @ hidden + unit.out.bias[0])
        interest = interest + weights[-1] * e
    hidden = prelu(
        model.bend.weight, model.inside.weight @ torch.cat((interest, v, interest * v)) + model.inside.bias
    )
    return model.out.weight[0] @ hidden + model.out.bias[0] + model.popularity[candidate], weights


@torch.no_grad()
def test_scores_and_weights_are_those_of_the_paper():
    model, (candidates, past, seen) = build(), problem()
    scores, weights = model(candidates, past, seen), model.weights(candidates, past, seen)
    for row, length in enumerate((TIME, 4)):
        for place in range(CANDIDATES):
            wanted, looked = by_the_paper(model, int(candidates[row, place]), past[row, :length].tolist())
            assert float(scores[row, place]) == pytest.approx(float(wanted), abs=1e-10)
            assert weights[row, place, :length].tolist() == pytest.approx([float(one) for one in looked], abs=1e-10)
            assert weights[row, place, length:].tolist() == [0.0] * (TIME - length)


def test_a_difference_is_in_the_two_parts_that_read_its_terms():
    """W_e e + W_v v + W_d (e - v) = (W_e + W_d) e + (W_v - W_d) v, so that nothing of the paper's unit is missing."""
    parts = [torch.randn(11, SIZE, dtype=torch.float64) for _ in range(3)]
    e, v = torch.randn(2, SIZE, dtype=torch.float64)
    both = (parts[0] + parts[2]) @ e + (parts[1] - parts[2]) @ v
    assert torch.allclose(parts[0] @ e + parts[1] @ v + parts[2] @ (e - v), both)


def test_what_is_hidden_reaches_neither_scores_nor_gradients():
    model, (candidates, past, seen) = build(), problem()
    candidates[candidates == 12], past[past == 12] = 0, 0
    past[1, 4:] = 12
    plain = model(candidates, past, seen)
    plain.sum().backward()
    before = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    with torch.no_grad():
        model.table.weight[12] = math.nan
    scores = model(candidates, past, seen)
    scores.sum().backward()
    assert torch.equal(scores, plain)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter.grad, before[name]), name


def test_gradients_are_right():
    model, (candidates, past, seen) = build(), problem()
    names = [name for name, _parameter in model.named_parameters()]

    def scores(*parameters):
        return torch.func.functional_call(model, dict(zip(names, parameters, strict=True)), (candidates, past, seen))

    assert torch.autograd.gradcheck(scores, tuple(p.detach().requires_grad_() for p in model.parameters()))


def test_a_history_of_nothing_leaves_the_candidate_alone():
    model, (candidates, past, seen) = build(), problem()
    scores = model(candidates, past, torch.zeros_like(seen))
    other = model(candidates, past.flip(1), torch.zeros_like(seen))
    assert torch.equal(scores, other)
    assert bool(scores.isfinite().all())


def test_a_model_needs_items():
    with pytest.raises(ValueError, match="items is 0"):
        InterestSizes().build(0)
