"""JAX's dot_product_attention: grouped heads and every mask it takes. Its softmax is always of float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import regard as rg
from regard import conventions
from tests.attention.cases import numbers

jax = pytest.importorskip("jax")

BATCH, HEADS, KEY_HEADS, QUERIES, KEYS, SIZE = 2, 6, 3, 5, 7, 4
MASK = torch.rand(BATCH, HEADS, QUERIES, KEYS, generator=torch.Generator().manual_seed(0)) < 0.6
BIAS = numbers(1, HEADS, QUERIES, KEYS, seed=4).float()
LENGTHS = torch.tensor([5, 2]), torch.tensor([7, 3])
MASKS = {
    "nothing": {},
    "mask": {"mask": MASK},
    "mask of all heads": {"mask": MASK[:, :1]},
    "bias": {"bias": BIAS},
    "causal": {"is_causal": True},
    "one window": {"local_window_size": 1},
    "two windows": {"local_window_size": (2, 0)},
    "key lengths": {"key_value_seq_lengths": LENGTHS[1]},
    "query lengths": {"query_seq_lengths": LENGTHS[0]},
    "both lengths": {"query_seq_lengths": LENGTHS[0], "key_value_seq_lengths": LENGTHS[1]},
    "everything": {
        "mask": MASK,
        "bias": BIAS,
        "is_causal": True,
        "local_window_size": (2, 1),
        "query_seq_lengths": LENGTHS[0],
        "key_value_seq_lengths": LENGTHS[1],
    },
}


def theirs(query: Tensor, key: Tensor, value: Tensor, given: dict) -> Tensor:
    """JAX lays tensors out as (batch, time, heads, size)."""
    arrays = (np.asarray(tensor.transpose(1, 2)) for tensor in (query, key, value))
    masks = {name: mask.numpy() if isinstance(mask, Tensor) else mask for name, mask in given.items()}
    return torch.from_numpy(np.array(jax.nn.dot_product_attention(*arrays, **masks))).transpose(1, 2)


@pytest.mark.parametrize("keys", [KEYS, QUERIES, 3])
@pytest.mark.parametrize("name", MASKS)
def test_masks_hide_what_jax_hides(name, keys):
    given = {
        key: mask[..., :keys] if key in ("mask", "bias") else mask.clamp(max=keys) if "key_value" in key else mask
        for key, mask in MASKS[name].items()
    }
    query = numbers(BATCH, HEADS, QUERIES, SIZE, seed=1).float()
    key, value = (numbers(BATCH, KEY_HEADS, keys, SIZE, seed=seed).float() for seed in (2, 3))
    where = conventions.from_jax(**given)
    found, expected = rg.attend(query, key, value, where=where), theirs(query, key, value, given)
    sees = rg.weights(query, key, where=where).any(-1)
    real = torch.arange(QUERIES) < given.get("query_seq_lengths", torch.full((BATCH,), QUERIES))[:, None]
    torch.testing.assert_close(found[sees], expected[sees], rtol=1e-5, atol=1e-6)
    assert not found[~sees].any()
    # The trap: JAX gives the mean of all values to a query that sees nothing, unless a length hides the query.
    mean = value.mean(2, keepdim=True).repeat_interleave(HEADS // KEY_HEADS, 1).expand_as(found)
    lost = ~sees & real[:, None]
    torch.testing.assert_close(expected[lost], mean[lost], rtol=1e-5, atol=1e-6)
    assert not expected[(~real)[:, None].expand_as(sees)].any()
