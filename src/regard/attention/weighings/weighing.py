"""What a weighing is: how scores become weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from regard.attention.native.terms import Rule
from regard.attention.space import Space, Tile


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

    @property
    def width(self) -> int:
        """Numbers held at once for one cell of a tile."""
        return 1

    @property
    def divisor(self) -> float | None:
        """T, where the weights are just softmax(scores / T), which many kernels know; None where they are not."""
        return None

    def rule(self, space: Space) -> Rule | None:
        """The weighing as our own kernels know it; None where they do not."""
        return None

    def learned(self) -> tuple[Tensor, ...]:
        """Tensors that may need a gradient."""
        return ()

    def drawn(self, generator: torch.Generator | None) -> Weighing:
        """The weighing of one call, where chance has a part in it."""
        return self

    def on(self, tile: Tile) -> Weighing:
        """The weighing of one tile, where it differs from head to head or from cell to cell."""
        return self


class Elementwise(Weighing):
    """A weighing that asks nothing of the other keys of a row."""

    @abstractmethod
    def map(self, scores: Tensor) -> Tensor:
        """Weights from scores, element by element; a score that is very low has weight 0."""

    def exact(self, scores: Tensor) -> Tensor:
        return self.map(scores)

    def normalise(self, scores: Tensor) -> Tensor:
        return self.map(scores)


class ByRow(Weighing):
    """A weighing of whole rows whose gradient can be told from its weights alone.

    With the slope u of weights as a function of scores, and rows that always sum to the same:

        ds = u * (dw - sum(u * dw) / sum(u))
    """

    @abstractmethod
    def weights(self, scores: Tensor) -> Tensor:
        """Weights without a graph."""

    @abstractmethod
    def slope(self, weights: Tensor) -> Tensor:
        """u, the slope, from the weights alone."""

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


class RowNormalised(ByRow):
    """A weighing that is one number a row and one elementwise map: w = f(s, tau).

    Its gradient follows from the implicit function theorem; `slope` is that of the map.
    """

    @abstractmethod
    def solve(self, scores: Tensor) -> Tensor:
        """Tau of every row, (..., rows, 1)."""

    @abstractmethod
    def map(self, scores: Tensor, tau: Tensor) -> Tensor:
        """Weights from scores and tau, element by element."""

    def weights(self, scores: Tensor) -> Tensor:
        """Weights without a graph; lifted to a highest score of 0, where floating point is finest."""
        lifted = scores - scores.amax(-1, keepdim=True)
        return self.map(lifted, self.solve(lifted))


class Carried(Weighing):
    """A weighing whose rows hang on the row before them: they are taken in the order of the queries.

    What passes from row to row, (..., 1, keys), is the carry.
    """

    @abstractmethod
    def start(self, scores: Tensor) -> Tensor:
        """The carry before the first row of scores like these."""

    @abstractmethod
    def stream(self, scores: Tensor, carry: Tensor) -> tuple[Tensor, Tensor]:
        """Weights of some rows, given the carry of the row before them, and their own carry."""

    @abstractmethod
    def exact_stream(self, scores: Tensor, carry: Tensor) -> tuple[Tensor, Tensor]:
        """The definition of `stream`: plain operations only."""

    @abstractmethod
    def after(self, carry: Tensor) -> Weighing:
        """The weighing of the rows after a carry."""

    def exact(self, scores: Tensor) -> Tensor:
        return self.exact_stream(scores, self.start(scores))[0]

    def normalise(self, scores: Tensor) -> Tensor:
        return self.stream(scores, self.start(scores))[0]


def widened(scores: Tensor) -> Tensor:
    """16-bit scores as float32: the slope of a sparse weighing is steep, and rounded weights would spoil it."""
    return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores


class _Normalise(torch.autograd.Function):
    """Weights whose backward is the shared closed form, itself differentiable."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, weighing: ByRow) -> Tensor:
        weights = weighing.weights(scores)
        ctx.weighing = weighing
        ctx.save_for_backward(weights)
        return weights

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (weights,) = ctx.saved_tensors
        return ctx.weighing.backward(weights, grads[0]), None
