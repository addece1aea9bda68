"""Chunks against a loop over stops and keys, and their gradients against those of the plain form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from regard.attention.structures.chunks import Chunks, spread


def numbers(keys: int) -> tuple[Tensor, Tensor]:
    """Weights of stopping and scores (2, 3, keys); the first keys of one row are hidden, and nobody stops there."""
    generator = torch.Generator().manual_seed(keys)
    stopped = torch.rand(2, 3, keys, generator=generator, dtype=torch.float64)
    scores = torch.randn(2, 3, keys, generator=generator, dtype=torch.float64) * 3
    scores[1, 2, : keys // 2] = torch.finfo(torch.float64).min
    stopped[1, 2, : keys // 2] = 0
    return stopped, scores


def by_hand(stopped: list[float], scores: list[float], chunk: int) -> list[float]:
    found = [0.0] * len(scores)
    for end, weight in enumerate(stopped):
        window = range(max(0, end - chunk + 1), end + 1)
        highest = max(scores[key] for key in window)
        raised = {key: math.exp(scores[key] - highest) for key in window}
        for key in window:
            found[key] += weight * raised[key] / sum(raised.values())
    return found


SIZES = pytest.mark.parametrize(("keys", "chunk"), [(1, 3), (2, 5), (7, 2), (11, 3), (13, 13), (5, 17)])


@SIZES
def test_a_stop_looks_at_the_keys_that_end_there(keys, chunk):
    stopped, scores = numbers(keys)
    rows = zip(stopped.flatten(0, 1).tolist(), scores.flatten(0, 1).tolist(), strict=True)
    expected = torch.tensor([by_hand(*row, chunk) for row in rows], dtype=torch.float64).view(2, 3, keys)
    torch.testing.assert_close(spread(stopped, scores, chunk), expected)
    torch.testing.assert_close(Chunks.apply(stopped, scores, chunk), expected)


@SIZES
def test_gradients_are_those_of_the_plain_form(keys, chunk):
    leaves = [tensor.requires_grad_() for tensor in numbers(keys)]
    outer = torch.randn(2, 3, keys, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = torch.autograd.grad(Chunks.apply(*leaves, chunk), leaves, outer)
    expected = torch.autograd.grad(spread(*leaves, chunk), leaves, outer)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_gradients_exist_twice():
    stopped, scores = (tensor[:1, :2].clone().requires_grad_() for tensor in numbers(5))
    assert torch.autograd.gradcheck(lambda *pair: Chunks.apply(*pair, 3), (stopped, scores))
    assert torch.autograd.gradgradcheck(lambda *pair: Chunks.apply(*pair, 3), (stopped, scores))
    # As in use, where stopping hangs on the scores.
    assert torch.autograd.gradgradcheck(lambda scores: Chunks.apply(scores.sigmoid(), scores, 3), scores)


def test_float32_is_as_exact_as_the_plain_form():
    stopped, scores = numbers(101)
    scores[0] *= 20
    exact = spread(stopped, scores, 7)
    allowed = (spread(stopped.float(), scores.float().clamp(min=-3.4e38), 7) - exact).abs().max()
    found = (Chunks.apply(stopped.float(), scores.float().clamp(min=-3.4e38), 7) - exact).abs().max()
    assert found <= 2 * allowed
