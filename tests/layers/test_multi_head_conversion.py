"""PyTorch's own module is the oracle: the same weights, opposite masks, the same results."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import regard as rg
from regard.layers import from_multihead_attention

BATCH, QUERIES, KEYS, SIZE, HEADS = 3, 5, 7, 15, 5


def pair(**changes: object) -> tuple[nn.MultiheadAttention, nn.Module]:
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(SIZE, HEADS, batch_first=True, **changes).double()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter)
    return theirs, from_multihead_attention(theirs)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("memory_size", [None, 11])
def test_results_and_gradients_equal_those_of_pytorch_with_masks(bias, memory_size):
    theirs, ours = pair(bias=bias, kdim=memory_size, vdim=memory_size)
    query = torch.randn(BATCH, QUERIES, SIZE, dtype=torch.float64, requires_grad=True)
    memory = torch.randn(BATCH, KEYS, memory_size or SIZE, dtype=torch.float64, requires_grad=True)
    padded = torch.arange(KEYS) >= torch.tensor([7, 3, 5])[:, None]
    hidden = torch.rand(QUERIES, KEYS) < 0.3
    hidden[:, 0] = False
    expected, _ = theirs(query, memory, memory, key_padding_mask=padded, attn_mask=hidden)
    found = ours(query, memory, rg.Mask(~padded[:, None, None]) & rg.Mask(~hidden))
    torch.testing.assert_close(found, expected)
    toward = torch.randn_like(expected)
    for mine, other in zip(
        torch.autograd.grad((found * toward).sum(), (query, memory)),
        torch.autograd.grad((expected * toward).sum(), (query, memory)),
        strict=True,
    ):
        torch.testing.assert_close(mine, other)


def test_masks_for_each_head_and_causal_order_are_the_same():
    theirs, ours = pair()
    inputs = torch.randn(BATCH, KEYS, SIZE, dtype=torch.float64)
    hidden = torch.rand(BATCH * HEADS, KEYS, KEYS) < 0.4
    hidden[..., 2] = False
    expected, _ = theirs(inputs, inputs, inputs, attn_mask=hidden)
    found = ours(inputs, inputs, rg.Mask(~hidden.unflatten(0, (BATCH, HEADS))))
    torch.testing.assert_close(found, expected)
    later = torch.ones(KEYS, KEYS, dtype=torch.bool).triu(1)
    expected, _ = theirs(inputs, inputs, inputs, attn_mask=later, is_causal=True)
    torch.testing.assert_close(ours(inputs, inputs, rg.Causal()), expected)


def test_settings_are_carried_over():
    theirs = nn.MultiheadAttention(SIZE, HEADS, dropout=0.25, bias=False).eval()
    ours = from_multihead_attention(theirs)
    assert ours.attention.dropout == 0.25
    assert not ours.training
    assert ours.output.weight.dtype == torch.float32
    trained = {name for name, parameter in ours.named_parameters() if parameter.requires_grad}
    assert trained == {f"{part}.weight" for part in ("query", "key", "value", "output")}


def test_what_cannot_be_converted_is_refused():
    with pytest.raises(ValueError, match="kdim 3 and vdim 4"):
        from_multihead_attention(nn.MultiheadAttention(SIZE, HEADS, kdim=3, vdim=4))
    for changes in ({"add_bias_kv": True}, {"add_zero_attn": True}):
        with pytest.raises(ValueError, match="add_bias_kv or add_zero_attn"):
            from_multihead_attention(nn.MultiheadAttention(SIZE, HEADS, **changes))
