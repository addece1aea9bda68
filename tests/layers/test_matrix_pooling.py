from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.layers import MatrixPooling, redundancy

BATCH, TIME, SIZE, HIDDEN, ROWS = 3, 7, 5, 11, 2
LENGTHS = torch.tensor([7, 4, 0])


def pooled() -> tuple[MatrixPooling, torch.Tensor]:
    torch.manual_seed(0)
    return MatrixPooling(SIZE, HIDDEN, ROWS).double(), torch.randn(BATCH, TIME, SIZE, dtype=torch.float64)


def test_the_matrix_is_that_of_the_paper():
    pooling, inputs = pooled()
    found = pooling(inputs, rg.Lengths(LENGTHS))
    for batch, length in enumerate(LENGTHS.tolist()):
        shown = inputs[batch, :length]
        weights = (pooling.interests.weight @ torch.tanh(pooling.score.hidden.weight @ shown.T)).softmax(-1)
        torch.testing.assert_close(found.weights[batch, :, :length], weights)
        torch.testing.assert_close(found.context[batch], weights @ shown)
        assert (found.weights[batch, :, length:] == 0).all()


def test_what_is_hidden_cannot_leak():
    pooling, inputs = pooled()
    hidden = torch.arange(TIME) >= LENGTHS[:, None]
    poisoned = inputs.masked_fill(hidden[..., None], torch.nan).requires_grad_()
    found = pooling(poisoned, rg.Lengths(LENGTHS))
    torch.testing.assert_close(found.context, pooling(inputs, rg.Lengths(LENGTHS)).context)
    (found.context.sum() + redundancy(found.weights).sum()).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in pooling.parameters())
    assert (poisoned.grad[hidden] == 0).all()


def test_redundancy_is_the_squared_distance_of_the_inner_products_from_the_identity():
    weights = torch.rand(2, 3, 5, dtype=torch.float64)
    for batch, found in enumerate(redundancy(weights).tolist()):
        total = 0.0
        for row in range(3):
            for other in range(3):
                product = sum(weights[batch, row, t].item() * weights[batch, other, t].item() for t in range(5))
                total += (product - (row == other)) ** 2
        assert found == pytest.approx(total, rel=1e-12)


def test_gradients_are_those_of_finite_differences():
    pooling, inputs = pooled()
    inputs = inputs[:, :3].clone().requires_grad_()
    mask = rg.Mask(torch.tensor([[True, False, True]]))
    assert torch.autograd.gradcheck(lambda inputs: redundancy(pooling(inputs, mask).weights), inputs)
    assert torch.autograd.gradcheck(lambda inputs: pooling(inputs, mask).context, inputs)


def test_bad_sizes_are_named():
    with pytest.raises(ValueError, match="are 3, 0 and 2"):
        MatrixPooling(3, 0, 2)
    with pytest.raises(ValueError, match=r"inputs have shape \(2, 3\), expected \(batch, time, 5\)"):
        MatrixPooling(5, 3, 2)(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"weights have shape \(3,\)"):
        redundancy(torch.zeros(3))
