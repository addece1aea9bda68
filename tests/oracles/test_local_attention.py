"""The local-attention package with exact windows: its window of w is w keys before the query's own."""

from __future__ import annotations

import pytest
import torch

import regard as rg
from tests.attention.cases import numbers

local_attention = pytest.importorskip("local_attention")


@pytest.mark.parametrize("time", [8, 16, 29])
@pytest.mark.parametrize("window", [1, 3, 8])
def test_an_exact_causal_window_and_its_gradients(window, time):
    module = local_attention.LocalAttention(
        dim=5, window_size=window, causal=True, exact_windowsize=True, autopad=True, use_rotary_pos_emb=False
    )
    tensors = tuple(numbers(2, 3, time, 5, seed=seed).requires_grad_() for seed in range(3))
    found, expected = rg.attend(*tensors, where=rg.Window(window, 0)), module(*tensors)
    torch.testing.assert_close(found, expected)
    outer = numbers(2, 3, time, 5, seed=3)
    grads = torch.autograd.grad(expected, tensors, outer)
    for one, other in zip(torch.autograd.grad(found, tensors, outer), grads, strict=True):
        torch.testing.assert_close(one, other)
