"""Parts that the tests of layers share: numbers, parameters and one oracle of attention for one query."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from tests.attention.cases import numbers

Layer = TypeVar("Layer", bound=nn.Module)


def filled(module: Layer) -> Layer:
    """The module in float64 with parameters that are all set, biases too."""
    for place, parameter in enumerate(module.parameters()):
        parameter.data = numbers(*parameter.shape, seed=70 + place, scale=0.6)
    return module


def softmax(scores: Tensor) -> Tensor:
    """Softmax from its definition."""
    raised = torch.exp(scores)
    return raised / raised.sum()


def read(scores: Tensor, values: Tensor, time: int) -> tuple[Tensor, Tensor]:
    """Context and weights (padded with 0 to `time`) of the scores of what is real; no scores read 0."""
    if len(scores) == 0:
        return values.new_zeros(values.shape[-1]), values.new_zeros(time)
    weights = softmax(scores)
    padded = torch.cat((weights, weights.new_zeros(time - len(weights))))
    return sum(w * v for w, v in zip(weights, values, strict=False)), padded


def assert_hidden_is_inert(
    module: nn.Module, compute: Callable[[Tensor], Tensor], inputs: Tensor, hidden: Tensor
) -> None:
    """NaN at hidden places changes neither the result nor any gradient, and those places get gradient 0."""
    found = []
    for filler in (0.25, torch.nan, torch.inf):
        leaf = inputs.masked_fill(hidden, filler).requires_grad_()
        module.zero_grad()
        result = compute(leaf)
        (result * numbers(*result.shape, seed=99)).sum().backward()
        grads = [torch.zeros(()) if p.grad is None else p.grad.clone() for p in module.parameters()]
        assert leaf.grad is not None
        assert bool((leaf.grad.masked_select(hidden) == 0).all())
        assert leaf.grad.abs().max() > 0
        found.append([result.detach(), leaf.grad, *grads])
    for other in found[1:]:
        for clean, dirty in zip(found[0], other, strict=True):
            torch.testing.assert_close(dirty, clean, rtol=1e-12, atol=1e-12)
