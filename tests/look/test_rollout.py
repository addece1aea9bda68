"""Rollout of chosen rows against the product of whole matrices, and two records against each other."""

from __future__ import annotations

import numpy
import pytest
import torch

import regard as rg
from regard.look.compare import compare, difference
from regard.look.rollout import rollout
from regard.look.views import Address, views_of

BATCH, HEADS, LENGTH, LAYERS = 2, 3, 13, 4


def recorded(seed=1, weigh=rg.Softmax(), length=LENGTH):
    model = torch.nn.ModuleList(rg.Attention(where=rg.Causal(), weigh=weigh) for _ in range(LAYERS))
    generator = torch.Generator().manual_seed(seed)
    with rg.record(model) as seen:
        for layer in model:
            layer(*(torch.randn(BATCH, HEADS, length, 5, generator=generator) for _ in range(3)))
    return seen.record


@pytest.mark.parametrize("weigh", [rg.Softmax(), rg.Softmax(sink=0.5)])
@pytest.mark.parametrize("residual", [0.5, 0.0, 0.8])
def test_rows_of_the_product_of_all_maps(residual, weigh):
    record = recorded(weigh=weigh)
    product = torch.eye(LENGTH)
    for layer in record.layers:
        mixed = (1 - residual) * layer.weights()[1].mean(0) + residual * torch.eye(LENGTH)
        product = mixed / mixed.sum(-1, keepdim=True) @ product
    found = rollout(record.layers, [11, 4], batch=1, residual=residual)
    assert torch.allclose(found, product[[11, 4]], atol=1e-6)
    assert torch.allclose(found.sum(-1), torch.ones(2), atol=1e-6)


def test_what_cannot_be_rolled_out_is_refused():
    record = recorded()
    with pytest.raises(ValueError, match="residual is 1.0"):
        rollout(record.layers, [0], residual=1.0)
    with pytest.raises(ValueError, match="rows is 13"):
        rollout(record.layers, [13])
    with pytest.raises(ValueError, match=r"layers has 0 with 13 rows and 13 keys; expected all 17 rows"):
        rollout([*recorded(length=17).layers, *record.layers], [0])


def test_two_records_are_compared_head_by_head():
    left, right = recorded(), recorded(seed=2)
    found = compare(left, right)
    assert [layer.name for layer in found.layers] == list(left)
    for layer in found.layers:
        expected = (left[layer.name].weights() - right[layer.name].weights()).abs().sum(-1).mean(-1) / 2
        assert numpy.allclose(layer.variation, expected, atol=1e-6)
        assert layer.rows == LENGTH
    at = Address(1, 2, 1, 0, 0, 0)
    expected = left.layers[1].weights()[1, 2] - right.layers[1].weights()[1, 2]
    assert numpy.allclose(difference(views_of(left), views_of(right), at), expected, atol=1e-6)
    longer = recorded(length=17)
    assert "batch, heads, queries and keys are" in compare(left, longer).apart["0"]
    with pytest.raises(ValueError, match="at is a tile of"):
        difference(views_of(left), views_of(longer), at)
