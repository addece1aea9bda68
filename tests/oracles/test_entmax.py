"""The entmax package on random rows with hidden keys: weights, gradients, and the gradient of alpha.

It is not asked where it is known to be wrong: rows without any key (an error or NaN), alpha of exactly 1 in its
bisection (the uniform distribution), and second derivatives on sparse supports (NaN).
"""

from __future__ import annotations

import math

import entmax
import pytest
import torch
from torch import Tensor

import regard as rg
from tests.attention.cases import numbers

ROWS, KEYS = 37, 23
WEIGHINGS = {
    "sparsemax": (rg.Sparsemax(), lambda scores: entmax.sparsemax(scores, -1)),
    "entmax15": (rg.Entmax(1.5), lambda scores: entmax.entmax15(scores, -1)),
    **{
        f"bisect-{alpha}": (rg.Entmax(alpha), lambda scores, alpha=alpha: entmax.entmax_bisect(scores, alpha, -1, 80))
        for alpha in (1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
    },
}


def shown(seed: int) -> Tensor:
    """True with probability 0.7, and at least once in a row."""
    found = torch.rand(ROWS, KEYS, generator=torch.Generator().manual_seed(seed)) < 0.7
    found[torch.arange(ROWS), torch.arange(ROWS) % KEYS] = True
    return found


def scores_of(seed: int, scale: float = 1.0) -> Tensor:
    """Normal scores with all their digits: rounded ones fall on the kink where a key enters the support."""
    return torch.randn(ROWS, KEYS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


def weigh(scores: Tensor, mask: Tensor, weighing: rg.Weighing) -> Tensor:
    """Weights of given scores: those of the bias beside a product of zeros."""
    nothing = torch.zeros(max(ROWS, KEYS), 1, dtype=scores.dtype)
    return rg.weights(nothing[:ROWS], nothing[:KEYS], where=rg.Mask(mask) + rg.Bias(scores), weigh=weighing)


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("name", WEIGHINGS)
def test_weights_and_gradients_of_random_rows(name, scale):
    weighing, oracle = WEIGHINGS[name]
    mask, scores = shown(1), scores_of(2, scale).requires_grad_()
    found, expected = weigh(scores, mask, weighing), oracle(scores.masked_fill(~mask, -math.inf))
    # Above 2 a weight is a root of its distance from tau: what is left of the bisection's error grows with it.
    budget = 1e-9 if "3.0" not in name and "2.5" not in name else 1e-6
    torch.testing.assert_close(found, expected, rtol=0, atol=budget)
    outer = numbers(ROWS, KEYS, seed=3)
    one, other = (torch.autograd.grad(weights, scores, outer)[0] for weights in (found, expected))
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7 if budget == 1e-9 else 1e-4)
    assert not found[~mask].any()
    assert not one[~mask].any()


def test_the_gradient_of_alpha():
    mask, scores = shown(4), scores_of(5)
    ours, theirs = (torch.linspace(1.2, 1.9, ROWS, dtype=torch.float64)[:, None].requires_grad_() for _ in range(2))
    outer = numbers(ROWS, KEYS, seed=6)
    found = weigh(scores, mask, rg.Entmax(ours))
    expected = entmax.entmax_bisect(scores.masked_fill(~mask, -math.inf), theirs, -1, 80)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)
    (one,), (other,) = torch.autograd.grad(found, ours, outer), torch.autograd.grad(expected, theirs, outer)
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)
