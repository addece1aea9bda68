"""What a weighing is: how scores become weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from regard.attention.space import Tile


class Weighing(ABC):
    """How a row of scores becomes a row of weights.

    Hidden keys arrive with the lowest finite score, so every row can be normalised; their weights are set to
    0 afterwards, which also empties a row that may see nothing.
    """

    @abstractmethod
    def exact(self, scores: Tensor) -> Tensor:
        """The definition: plain, differentiable, as exact as the dtype."""

    @abstractmethod
    def normalise(self, scores: Tensor) -> Tensor:
        """The same weights, fast, differentiable as often as the mathematics allows."""

    def learned(self) -> tuple[Tensor, ...]:
        """Tensors that may need a gradient."""
        return ()

    def on(self, tile: Tile) -> Weighing:
        """The weighing of one tile, where its tensors differ from head to head."""
        return self


class RowNormalised(Weighing):
    """A weighing that is one number a row and one elementwise map: w = f(s, tau).

    Its gradient has one form (implicit function theorem), with the slope u of the map:

        ds = u * (dw - sum(u * dw) / sum(u))
    """

    @abstractmethod
    def solve(self, scores: Tensor) -> Tensor:
        """Tau of every row, (..., rows, 1)."""

    @abstractmethod
    def map(self, scores: Tensor, tau: Tensor) -> Tensor:
        """Weights from scores and tau, element by element."""

    @abstractmethod
    def slope(self, weights: Tensor) -> Tensor:
        """u, the slope of the map, from the weights alone."""

    def weights(self, scores: Tensor) -> Tensor:
        """Weights without a graph; lifted to a highest score of 0, where floating point is finest."""
        lifted = scores - scores.amax(-1, keepdim=True)
        return self.map(lifted, self.solve(lifted))

    def weights_(self, scores: Tensor) -> Tensor:
        """Weights without a graph, written over the scores."""
        return scores.copy_(self.weights(scores))

    def backward_(self, weights: Tensor, grad: Tensor, mean: Tensor) -> Tensor:
        """Gradient of the scores without a graph, written over that of the weights.

        `mean` is the mean of `grad` under the weights, (..., rows, 1), for those that can use it.
        """
        return grad.copy_(self.backward(weights, grad))

    def backward(self, weights: Tensor, grad: Tensor) -> Tensor:
        """Gradient of the scores from the weights and their gradient; differentiable."""
        slope = self.slope(weights)
        carried = slope * grad
        total = slope.sum(-1, keepdim=True)
        # A row that sees nothing has no slope at all; its gradient is 0.
        total = torch.where(total > 0, total, 1)
        return carried - slope * (carried.sum(-1, keepdim=True) / total)

    def normalise(self, scores: Tensor) -> Tensor:
        return _Normalise.apply(widened(scores), self).to(scores.dtype)


def widened(scores: Tensor) -> Tensor:
    """16-bit scores as float32: the slope of a sparse weighing is steep, and rounded weights would spoil it."""
    return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores


class _Normalise(torch.autograd.Function):
    """Weights whose backward is the shared closed form, itself differentiable."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, weighing: RowNormalised) -> Tensor:
        weights = weighing.weights(scores)
        ctx.weighing = weighing
        ctx.save_for_backward(weights)
        return weights

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (weights,) = ctx.saved_tensors
        return ctx.weighing.backward(weights, grads[0]), None
