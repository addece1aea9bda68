from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from regard.train.loss import linear_cross_entropy
from tests.attention.test_laws import Largest


def problem(rows: int, size: int, vocabulary: int, dtype: torch.dtype = torch.float64):
    generator = torch.Generator().manual_seed(rows)
    features, weight = (torch.randn(*s, generator=generator, dtype=dtype) for s in ((rows, size), (vocabulary, size)))
    bias = torch.randn(vocabulary, generator=generator, dtype=dtype)
    targets = torch.randint(0, vocabulary, (rows,), generator=generator)
    return [tensor.requires_grad_() for tensor in (features, weight, bias)], targets


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 23), st.integers(1, 7), st.integers(2, 13), st.integers(1, 9), st.sampled_from([0.0, 0.1, 0.7]))
def test_value_and_gradients_are_those_of_cross_entropy(rows, size, vocabulary, held, smoothing):
    leaves, targets = problem(rows, size, vocabulary)
    ours, plain = linear_cross_entropy(*leaves, targets, ignore=1, smoothing=smoothing, held=10 * held)
    scores = functional.linear(*leaves)
    exact = functional.cross_entropy(scores, targets, ignore_index=1, label_smoothing=smoothing, reduction="sum")
    torch.testing.assert_close(ours, exact)
    expected = functional.cross_entropy(scores.detach(), targets, ignore_index=1, reduction="sum")
    torch.testing.assert_close(plain, expected)
    for one, other in zip(torch.autograd.grad(3 * ours, leaves), torch.autograd.grad(3 * exact, leaves), strict=True):
        torch.testing.assert_close(one, other)


def test_never_holds_rows_times_vocabulary():
    leaves, targets = problem(701, 3, 503, torch.float32)
    with Largest() as seen:
        linear_cross_entropy(*leaves, targets, ignore=0, held=64 * 503)[0].backward()
    assert seen.elements <= 64 * 503 < 701 * 503


def test_under_autocast_the_error_is_that_of_the_plain_formula_under_autocast():
    leaves, targets = problem(211, 64, 307, torch.float32)
    exact = functional.cross_entropy(
        functional.linear(*(t.double() for t in leaves)), targets, ignore_index=0, reduction="sum"
    )
    truth = torch.autograd.grad(exact, leaves)
    with torch.autocast("cpu", torch.bfloat16):
        ours = linear_cross_entropy(*leaves, targets, ignore=0)[0]
        plain = functional.cross_entropy(functional.linear(*leaves), targets, ignore_index=0, reduction="sum")
    found, allowed = torch.autograd.grad(ours, leaves), torch.autograd.grad(plain, leaves)
    assert abs(ours.item() - exact.item()) <= 2 * abs(plain.item() - exact.item()) + 1e-3 * exact.item()
    for one, other, right in zip(found, allowed, truth, strict=True):
        assert one.dtype == torch.float32
        assert (one - right).abs().max() <= 2 * (other - right).abs().max()


def test_smoothing_outside_of_its_range_is_refused():
    leaves, targets = problem(3, 2, 5)
    with pytest.raises(ValueError, match="smoothing is 1.0"):
        linear_cross_entropy(*leaves, targets, ignore=0, smoothing=1.0)
