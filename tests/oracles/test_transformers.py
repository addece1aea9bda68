"""The masks that transformers makes, and its eager attention with them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import regard as rg
from regard import conventions
from tests.attention.cases import numbers

pytest.importorskip("transformers")

from transformers import masking_utils
from transformers.models.llama.modeling_llama import eager_attention_forward

BATCH, HEADS, KEY_HEADS, KEYS, SIZE = 2, 6, 3, 7, 4
PADDING = torch.tensor([[1, 1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1]])
FUNCTIONS = {
    "causal": (masking_utils.causal_mask_function, {"is_causal": True}),
    "all": (masking_utils.bidirectional_mask_function, {}),
    "decoder window": (
        masking_utils.sliding_window_causal_mask_function(2),
        {"is_causal": True, "sliding_window": 2},
    ),
    "encoder window": (masking_utils.sliding_window_bidirectional_mask_function(2), {"sliding_window": 2}),
}


def theirs(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Their eager attention, which repeats keys for grouped heads and returns (batch, time, heads, size)."""
    module = nn.Module()
    module.num_key_value_groups = HEADS // KEY_HEADS
    context, weights = eager_attention_forward(module, query, key, value, mask, scaling=SIZE**-0.5)
    return context.transpose(1, 2), weights


@pytest.mark.parametrize("queries", [KEYS, 3, 1])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_masks_hide_what_transformers_hides(name, padded, queries):
    """Fewer queries than keys: the others lie in a cache."""
    function, given = FUNCTIONS[name]
    padding = PADDING if padded else None
    made = {
        "batch_size": BATCH,
        "q_length": queries,
        "kv_length": KEYS,
        "q_offset": KEYS - queries,
        "mask_function": function,
        "attention_mask": None if padding is None else padding.bool(),
    }
    mask = masking_utils.eager_mask(**made)
    query = numbers(BATCH, HEADS, queries, SIZE, seed=1).float()
    key, value = (numbers(BATCH, KEY_HEADS, KEYS, SIZE, seed=seed).float() for seed in (2, 3))
    context, weights = theirs(query, key, value, mask)
    boolean = masking_utils.sdpa_mask(**made, allow_is_causal_skip=False)
    for where in (
        conventions.from_hugging_face(mask),
        conventions.from_hugging_face(boolean),
        conventions.from_hugging_face(padding, **given),
    ):
        found = rg.weights(query, key, where=where)
        sees = found.any(-1)
        torch.testing.assert_close(found[sees], weights[sees], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(
            rg.attend(query, key, value, where=where)[sees], context[sees], rtol=1e-5, atol=1e-6
        )
        # The trap: a query that sees nothing weighs all keys alike there.
        torch.testing.assert_close(weights[~sees], torch.full_like(weights[~sees], 1 / KEYS))
        assert not found[~sees].any()
