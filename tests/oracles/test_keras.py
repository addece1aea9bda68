"""Keras' Attention and AdditiveAttention on its PyTorch backend.

Their additive score has no projections: energy . tanh(query + key). Their causal mask begins at the start. Where a
query sees nothing they weigh all keys alike, so that every row here sees something. Their products are of float32
whatever the layer's dtype.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import regard as rg
from tests.attention.cases import numbers

BATCH, QUERIES, KEYS, SIZE, VALUE = 3, 5, 7, 11, 13


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    """Keras' layers; it reads its backend when imported, and would keep settings at home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield pytest.importorskip("keras").layers


def tensors() -> tuple[Tensor, Tensor, Tensor]:
    shapes = (BATCH, QUERIES, SIZE), (BATCH, KEYS, SIZE), (BATCH, KEYS, VALUE)
    query, key, value = (numbers(*shape, seed=seed).float() for seed, shape in enumerate(shapes))
    return query, key, value


def additive(energy: Tensor) -> rg.Additive:
    """The score of Keras: projections that change nothing, and no bias."""
    score = rg.Additive(SIZE, SIZE, SIZE)
    with torch.no_grad():
        for projection in (score.query, score.key):
            projection.weight.copy_(torch.eye(SIZE))
        score.energy.copy_(energy)
    return score


LENGTHS = torch.tensor([7, 4, 1])
MASKS = {
    "all": (None, None),
    "causal": (None, rg.Causal("start")),
    "padding": (torch.arange(KEYS) < LENGTHS[:, None], rg.Lengths(LENGTHS)),
    "causal and padding": (torch.arange(KEYS) < LENGTHS[:, None], rg.Lengths(LENGTHS) & rg.Causal("start")),
}


SCORES = {
    "dot": (lambda layers: layers.Attention(), lambda scale: rg.Dot(1.0)),
    "scaled dot": (lambda layers: layers.Attention(use_scale=True), lambda scale: rg.Dot(scale.item())),
    "additive": (lambda layers: layers.AdditiveAttention(), additive),
    "additive without scale": (
        lambda layers: layers.AdditiveAttention(use_scale=False),
        lambda scale: additive(torch.ones(SIZE)),
    ),
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("kind", SCORES)
def test_context_and_weights(layers, kind, mask):
    query, key, value = tensors()
    padding, where = MASKS[mask]
    layer, score = SCORES[kind][0](layers), SCORES[kind][1]
    layer.build([query.shape, value.shape, key.shape])
    scale = torch.ones(())
    if layer.scale is not None:
        scale = numbers(math.prod(layer.scale.shape), seed=3).float().reshape(layer.scale.shape)
        layer.scale.assign(scale)
    expected, weights = layer(
        [query, value, key],
        mask=None if padding is None else [None, padding],
        return_attention_scores=True,
        use_causal_mask="causal" in mask,
    )
    torch.testing.assert_close(rg.weights(query, key, score=score(scale), where=where), weights)
    torch.testing.assert_close(rg.attend(query, key, value, score=score(scale), where=where), expected)
