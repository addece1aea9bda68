from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.layers import Pool, pool
from tests.attention.cases import numbers
from tests.layers.parts import assert_hidden_is_inert, filled, read

LENGTHS = (7, 3, 0)


def test_pool_is_the_formula_of_the_paper():
    module, inputs = filled(Pool(5, 11)), numbers(3, 7, 5, seed=0)
    answer = module(inputs, rg.Lengths(torch.tensor(LENGTHS)))
    for b, length in enumerate(LENGTHS):
        rows = inputs[b, :length]
        scores = (
            torch.stack([torch.tanh(module.hidden.weight @ h + module.hidden.bias) @ module.query for h in rows])
            if length
            else rows[:, 0]
        )
        context, weights = read(scores, rows, 7)
        torch.testing.assert_close(answer.context[b], context)
        torch.testing.assert_close(answer.weights[b], weights)


def test_pool_takes_another_score_weighing_and_a_query_for_each_sequence():
    query, key, value = numbers(2, 3, seed=0), numbers(2, 5, 3, seed=1), numbers(2, 5, 7, seed=2)
    answer = pool(query, key, value, score=rg.Dot(scale=2.0), weigh=rg.Sparsemax())
    for b in range(2):
        weights = rg.Sparsemax().exact(2.0 * key[b] @ query[b])
        assert bool((weights == 0).any())
        torch.testing.assert_close(answer.weights[b], weights)
        torch.testing.assert_close(answer.context[b], weights @ value[b])


def test_what_is_hidden_from_a_pool_is_inert():
    module = filled(Pool(5, 11))
    lengths = torch.tensor(LENGTHS)
    hidden = (torch.arange(7)[None] >= lengths[:, None])[..., None].expand(3, 7, 5)
    inputs = numbers(3, 7, 5, seed=0)
    assert_hidden_is_inert(module, lambda x: module(x, rg.Lengths(lengths)).context, inputs, hidden)
    assert bool(
        module(inputs.masked_fill(hidden, 1.0).index_fill(1, torch.tensor([0]), torch.nan)).context.isnan().all()
    )


def test_pool_has_the_gradient_that_differences_find():
    module, inputs = filled(Pool(3, 5)), numbers(2, 3, 3, seed=0).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, *_: module(x).context, (inputs, *module.parameters()))


def test_sizes_that_do_not_fit_a_pool_are_refused():
    with pytest.raises(ValueError, match="hidden_size is 0, expected a positive number"):
        Pool(5, 0)
    with pytest.raises(ValueError, match=r"inputs has shape \(2, 3, 4\), expected .* last axis of 5"):
        Pool(5, 7)(torch.zeros(2, 3, 4))
    with pytest.raises(ValueError, match=r"query has shape \(1, 1, 3\)"):
        pool(torch.zeros(1, 1, 3), torch.zeros(1, 2, 3), torch.zeros(1, 2, 3))
