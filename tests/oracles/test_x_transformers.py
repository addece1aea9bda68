"""Sigmoid and top-k attention of x-transformers: masked, biased and with grouped heads.

It is not asked for softmax, which it rounds to float32, nor for rows where several keys equal the k-th, all of which
it keeps. Where no query sees a key, that key and its value are NaN for us and numbers for it, which lets NaN through.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

import regard as rg
from regard.attention.paths import blockwise
from tests.attention.cases import numbers

oracle = pytest.importorskip("x_transformers.attend")

BATCH, HEADS, KEY_HEADS, QUERIES, KEYS, SIZE, VALUE = 2, 6, 3, 7, 11, 5, 13
WEIGHINGS = {
    "sigmoid": (rg.Sigmoid(), {"sigmoid": True}),
    "top-1": (rg.TopK(1), {"sparse_topk": 1}),
    "top-3": (rg.TopK(3), {"sparse_topk": 3}),
}


@dataclass(frozen=True)
class Case:
    """A where, and what says the same to x-transformers: mask is (batch, keys) or (batch, heads, queries, keys)."""

    where: rg.Where | None
    causal: bool = False
    mask: Tensor | None = None
    bias: Tensor | None = None

    def unseen(self) -> Tensor:
        """Keys that no query sees, to be spread over (batch, heads, keys, size)."""
        if self.mask is None:
            return torch.zeros(BATCH, 1, KEYS, 1, dtype=torch.bool)
        return ~(self.mask[:, None] if self.mask.dim() == 2 else self.mask.any(-2))[..., None]


def padded(lengths: Tensor) -> Tensor:
    return torch.arange(KEYS) < lengths[:, None]


FEW, SOME = torch.tensor([11, 2]), torch.tensor([6, 11])
MASK = torch.rand(BATCH, HEADS, QUERIES, KEYS, generator=torch.Generator().manual_seed(0)) < 0.5
MASK[1, 2, 3], MASK[0, 4, :, 5] = False, False
BIAS = numbers(HEADS, QUERIES, KEYS, seed=4)
CASES = {
    "everything": Case(None),
    "causal": Case(rg.Causal(), causal=True),
    "fewer keys than k": Case(rg.Lengths(FEW), mask=padded(FEW)),
    "causal and padded": Case(rg.Causal() & rg.Lengths(SOME), causal=True, mask=padded(SOME)),
    "mask with an empty row": Case(rg.Mask(MASK), mask=MASK),
    "bias": Case(rg.Bias(BIAS), bias=BIAS),
}


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(blockwise, "CELLS", 200)
    monkeypatch.setattr(blockwise, "ROWS", 3)


def tensors(key_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value with all their digits, so that no two scores of a row are equal."""
    generator = torch.Generator().manual_seed(1)
    shapes = (HEADS, QUERIES, SIZE), (key_heads, KEYS, SIZE), (key_heads, KEYS, VALUE)
    query, key, value = (torch.randn(BATCH, *shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return query, key, value


def assert_same(found: Tensor, ours: tuple[Tensor, ...], expected: Tensor, theirs: tuple[Tensor, ...]) -> None:
    """Contexts, and the gradients of query, key and value."""
    torch.testing.assert_close(found, expected)
    outer = numbers(*expected.shape, seed=3)
    grads = torch.autograd.grad(found, ours, outer), torch.autograd.grad(expected, theirs, outer)
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("path", ["reference", "blockwise"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize(("weighing", "options"), WEIGHINGS.values(), ids=WEIGHINGS)
def test_context_and_gradients(weighing, options, case, path, small_tiles):
    theirs = tuple(tensor.requires_grad_() for tensor in tensors(HEADS))
    query, *rest = (tensor.detach() for tensor in theirs)
    ours = tuple(
        tensor.requires_grad_() for tensor in (query, *(t.masked_fill(case.unseen(), torch.nan) for t in rest))
    )
    found = rg.attend(*ours, where=case.where, weigh=weighing, path=path)
    module = oracle.Attend(causal=case.causal, **options)
    expected, _between = module(*theirs, mask=case.mask, attn_bias=case.bias)
    assert_same(found, ours, expected, theirs)


@pytest.mark.parametrize(("weighing", "options"), WEIGHINGS.values(), ids=WEIGHINGS)
def test_grouped_queries_whose_heads_it_counts_the_other_way(weighing, options):
    """Its query head h reads key head h % KEY_HEADS, ours h // (HEADS // KEY_HEADS)."""
    theirs = tuple(tensor.requires_grad_() for tensor in tensors(KEY_HEADS))
    order = [head for group in range(KEY_HEADS) for head in range(group, HEADS, KEY_HEADS)]
    ours = tuple(tensor.detach().requires_grad_() for tensor in theirs)
    found = rg.attend(ours[0][:, order], *ours[1:], where=rg.Causal(), weigh=weighing)
    expected, _between = oracle.Attend(causal=True, **options)(*theirs)
    assert_same(found, ours, expected[:, order], theirs)
