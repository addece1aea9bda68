"""PyTorch's own samples of scaled_dot_product_attention, against its mathematical kernel, gradients included."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

import regard as rg
from regard import conventions

pytest.importorskip("expecttest")

from torch.testing._internal.common_methods_invocations import op_db

(OPERATOR,) = (operator for operator in op_db if operator.name == "nn.functional.scaled_dot_product_attention")
SAMPLES = list(OPERATOR.sample_inputs("cpu", torch.float64, requires_grad=True))


def name(sample) -> str:
    shapes = "-".join("x".join(map(str, tensor.shape)) for tensor in (sample.input, *sample.args))
    return f"{shapes}-{'causal' if sample.kwargs['is_causal'] else 'mask' if 'attn_mask' in sample.kwargs else 'all'}"


def theirs(query: Tensor, key: Tensor, value: Tensor, given: dict) -> Tensor:
    with sdpa_kernel(SDPBackend.MATH):
        return scaled_dot_product_attention(query, key, value, **given)


def ours(query: Tensor, key: Tensor, value: Tensor, given: dict, path: str) -> Tensor:
    """Regard broadcasts no heads silently: what PyTorch spreads is spread by hand."""
    query = query.expand(*key.shape[:-2], *query.shape[-2:])
    where = conventions.from_sdpa(given.get("attn_mask"), is_causal=given["is_causal"])
    return rg.attend(query, key, value, where=where, path=path)


@pytest.mark.parametrize("path", ["reference", "sdpa", "blockwise"])
@pytest.mark.parametrize("sample", SAMPLES, ids=name)
def test_samples_and_their_gradients(sample, path):
    if sample.kwargs["dropout_p"]:
        pytest.skip("what is dropped differs: Regard's dropout is computed from positions, PyTorch's from a stream")
    if path == "sdpa" and "attn_mask" in sample.kwargs:
        pytest.skip("PyTorch's kernel is not given a mask of Tq x Tk; the conformance suite holds that it says so")
    tensors = (sample.input, *sample.args)
    expected, found = theirs(*tensors, sample.kwargs), ours(*tensors, sample.kwargs, path)
    torch.testing.assert_close(found, expected)
    outer = torch.linspace(-1, 1, expected.numel(), dtype=expected.dtype).view(expected.shape)
    known = [tensor for tensor in (*tensors, sample.kwargs.get("attn_mask")) if tensor is not None]
    known = [tensor for tensor in known if tensor.requires_grad]
    grads = torch.autograd.grad(expected, known, outer)
    for one, other in zip(torch.autograd.grad(found, known, outer), grads, strict=True):
        torch.testing.assert_close(one, other)
