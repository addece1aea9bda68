"""Alpha-entmax: everything between softmax and sparsemax, and beyond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from regard.attention.native.terms import Rule, Weights, single
from regard.attention.space import Space, Tile
from regard.attention.tracing import concrete
from regard.attention.weighings.weighing import RowNormalised

_BISECTIONS = {torch.float64: 60, torch.float32: 30}


@dataclass(frozen=True, eq=False)
class Entmax(RowNormalised):
    """Weights as sparse as alpha says: 1 is softmax, 2 is sparsemax.

    w = [(alpha - 1) s - tau]_+ ^ (1 / (alpha - 1)),   tau such that sum w = 1,   u = w^(2 - alpha) where w > 0

    Args:
        alpha: a number of at least 1, or a tensor above 1 that broadcasts to (heads, 1, 1) and may be learned;
            its gradient is exact (Correia et al., proposition 1).

    Raises:
        ValueError: alpha is below 1, or a tensor has a value that is not above 1.

    Example:
        >>> import regard as rg, torch
        >>> rg.Entmax(1.5).exact(torch.tensor([1.0, 2.0, 3.0]))
        tensor([0.0000, 0.1693, 0.8307])

    Source: Peters, Niculae and Martins 2019, equation 7; Correia, Niculae and Martins 2019.
    """

    alpha: float | Tensor = 1.5

    def __post_init__(self) -> None:
        if isinstance(self.alpha, Tensor):
            if concrete() and not bool((self.alpha.detach() > 1).all()):
                raise ValueError(
                    f"alpha has the lowest value {float(self.alpha.detach().min())}, expected all above 1; use "
                    "1 + exp(free) or 1 + sigmoid(free) of a free parameter."
                )
        elif not self.alpha >= 1:
            raise ValueError(f"alpha is {self.alpha}, expected at least 1 (1 is softmax, 2 is sparsemax).")

    @property
    def width(self) -> int:
        # A learned alpha is worked on in float64, with a dozen tensors for its own gradient.
        return 8 if isinstance(self.alpha, Tensor) else 1

    @property
    def _is_softmax(self) -> bool:
        return not isinstance(self.alpha, Tensor) and self.alpha == 1

    def exact(self, scores: Tensor) -> Tensor:
        if self._is_softmax:
            return scores.softmax(-1)
        wide = scores if scores.dtype == torch.float64 else scores.float()
        alpha = torch.as_tensor(self.alpha, dtype=wide.dtype, device=wide.device)
        lifted = wide - wide.amax(-1, keepdim=True)
        tau = _bisect(lifted.detach(), alpha.detach())
        # Two Newton steps from the root leave it where it is, but make it a function of scores and alpha
        # whose first two derivatives are exact.
        for _ in range(2):
            weights, slope = _power(lifted, tau, alpha)
            tau = tau + (weights.sum(-1, keepdim=True) - 1) * (alpha - 1) / slope.sum(-1, keepdim=True)
        return _power(lifted, tau, alpha)[0].to(scores.dtype)

    def solve(self, scores: Tensor) -> Tensor:
        if self._is_softmax:
            return scores.logsumexp(-1, keepdim=True)
        return threshold(scores, self.alpha)

    def map(self, scores: Tensor, tau: Tensor) -> Tensor:
        if self._is_softmax:
            return torch.exp(scores - tau)
        alpha = self.alpha
        return ((alpha - 1) * scores - tau).clamp(min=0).pow(1 / (alpha - 1)).to(scores.dtype)

    def slope(self, weights: Tensor) -> Tensor:
        if self._is_softmax:
            return weights
        support = weights > 0
        return torch.where(support, weights, 1).pow(2 - self.alpha) * support

    def normalise(self, scores: Tensor) -> Tensor:
        if isinstance(self.alpha, Tensor):
            # The gradient of alpha divides small differences by (alpha - 1)^2, which float32 cannot bear.
            return _LearnedEntmax.apply(scores.double(), self.alpha.double()).to(scores.dtype)
        return super().normalise(scores)

    @property
    def divisor(self) -> float | None:
        return 1.0 if self._is_softmax else None

    def learned(self) -> tuple[Tensor, ...]:
        return (self.alpha,) if isinstance(self.alpha, Tensor) else ()

    def rule(self, space: Space) -> Rule | None:
        if self._is_softmax:
            return Rule(Weights.SOFTMAX)
        if not isinstance(self.alpha, Tensor):
            return Rule(Weights.ENTMAX, alpha=self.alpha)
        alpha = space.lift_cells(self.alpha, "alpha")
        # An alpha for every key is no alpha of a row.
        return Rule(Weights.ENTMAX, number=single(alpha)) if alpha.shape[-1] == 1 else None

    def on(self, tile: Tile) -> Entmax:
        if not isinstance(self.alpha, Tensor):
            return self
        return Entmax(tile.cut(tile.space.lift_cells(self.alpha, "alpha")))


def threshold(scores: Tensor, alpha: float | Tensor) -> Tensor:
    """Tau of alpha-entmax for every row, (..., rows, 1), in units of (alpha - 1) * scores.

    Up to alpha = 2 the sum of weights is convex in tau, so Newton's method from below climbs to the root and
    never passes it; above, the root is bracketed and halved. So it is where numbers cannot be asked for, as the
    halving takes the same steps whatever they are.
    """
    wide = scores if scores.dtype == torch.float64 else scores.float()
    alpha = torch.as_tensor(alpha, dtype=wide.dtype, device=wide.device)
    highest = wide.amax(-1, keepdim=True)
    lifted = wide - highest
    if not concrete() or bool((alpha > 2).any()):
        return _bisect(lifted, alpha) + (alpha - 1) * highest
    scaled = lifted * (alpha - 1)
    power = 1 / (alpha - 1)
    tau = scaled.new_full(highest.shape, -1.0)
    for _ in range(40):
        base = (scaled - tau).clamp_(min=0)
        slope = base.pow(power - 1) * (base > 0)
        step = ((slope * base).sum(-1, keepdim=True) - 1) / (power * slope.sum(-1, keepdim=True))
        tau = tau + step.clamp_(min=0)
        if not bool((step > 4 * torch.finfo(wide.dtype).eps).any()):
            break
    return tau + (alpha - 1) * highest


def _bisect(lifted: Tensor, alpha: Tensor) -> Tensor:
    """Tau by halving, for rows whose highest score is 0; exact to the dtype."""
    low = lifted.new_full((*lifted.shape[:-1], 1), -1.0)
    high = -torch.pow(torch.as_tensor(float(lifted.shape[-1]), dtype=lifted.dtype), 1 - alpha).expand_as(low)
    for _ in range(_BISECTIONS[lifted.dtype]):
        middle = (low + high) / 2
        weights, _slope = _power(lifted, middle, alpha)
        too_low = weights.sum(-1, keepdim=True) >= 1
        low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
    return (low + high) / 2


def _power(lifted: Tensor, tau: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and their slope, with a derivative that is 0 and not NaN outside of the support."""
    base = (alpha - 1) * lifted - tau
    support = base > 0
    inside = torch.where(support, base, 1)
    weights = inside.pow(1 / (alpha - 1)) * support
    return weights, inside.pow((2 - alpha) / (alpha - 1)) * support


class _LearnedEntmax(torch.autograd.Function):
    """Entmax with the exact gradient of alpha as well."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, alpha: Tensor) -> Tensor:
        weights = Entmax(alpha).weights(scores)
        ctx.save_for_backward(weights, alpha)
        return weights

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        weights, alpha = ctx.saved_tensors
        slope = Entmax(alpha).slope(weights)
        share = slope / slope.sum(-1, keepdim=True)
        grad = slope * (grads[0] - (share * grads[0]).sum(-1, keepdim=True))
        surprise = torch.special.xlogy(weights, torch.where(weights > 0, weights, 1))
        by_alpha = (weights - share) / (alpha - 1).square()
        by_alpha = by_alpha - (surprise - share * surprise.sum(-1, keepdim=True)) / (alpha - 1)
        return grad, (grads[0] * by_alpha).sum_to_size(alpha.shape)
