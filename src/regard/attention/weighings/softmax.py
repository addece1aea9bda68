"""Softmax, with a temperature and a sink."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regard.attention.native.terms import Rule, Weights, single
from regard.attention.space import Space, Tile
from regard.attention.weighings.weighing import RowNormalised


@dataclass(frozen=True, eq=False)
class Softmax(RowNormalised):
    """Weights in proportion to the exponential of the score.

    w_j = exp(s_j / T) / (sum_k exp(s_k / T) + exp(sink)),   tau = log of the denominator,   u = w

    Args:
        temperature: T, positive; large is flat, small is sharp.
        sink: a score that takes part of the weight and reads nothing, so that a row may sum to less than
            one; a number, or a tensor that broadcasts to (heads, 1, 1) and may be learned. None means none.

    Raises:
        ValueError: temperature is not positive.

    Example:
        >>> import regard as rg, torch
        >>> rg.Softmax().exact(torch.tensor([1.0, 2.0, 3.0]))
        tensor([0.0900, 0.2447, 0.6652])

    Source: Bahdanau, Cho and Bengio 2015, equation 6; sink: Miller 2023 ("softmax one", sink = 0).
    """

    temperature: float = 1.0
    sink: float | Tensor | None = None

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature is {self.temperature}, expected a positive number.")

    def _scaled(self, scores: Tensor) -> Tensor:
        return scores if self.temperature == 1.0 else scores / self.temperature

    def _sink(self, scores: Tensor) -> Tensor | None:
        if self.sink is None:
            return None
        return torch.as_tensor(self.sink, dtype=scores.dtype, device=scores.device)

    def exact(self, scores: Tensor) -> Tensor:
        scaled, sink = self._scaled(scores), self._sink(scores)
        highest = scaled.amax(-1, keepdim=True)
        if sink is not None:
            highest = torch.maximum(highest, sink)
        raised = torch.exp(scaled - highest.detach())
        total = raised.sum(-1, keepdim=True)
        if sink is not None:
            total = total + torch.exp(sink - highest.detach())
        return raised / total

    def solve(self, scores: Tensor) -> Tensor:
        total = self._scaled(scores).logsumexp(-1, keepdim=True)
        sink = self._sink(scores)
        return total if sink is None else torch.logaddexp(total, sink)

    def map(self, scores: Tensor, tau: Tensor) -> Tensor:
        return torch.exp(self._scaled(scores) - tau)

    def slope(self, weights: Tensor) -> Tensor:
        return weights

    def weights(self, scores: Tensor) -> Tensor:
        # A sink is not moved along with the scores, so they are not lifted here.
        return self._scaled(scores).softmax(-1) if self.sink is None else self.map(scores, self.solve(scores))

    def weights_(self, scores: Tensor) -> Tensor:
        if self.sink is not None:
            return super().weights_(scores)
        scores = scores if self.temperature == 1.0 else scores.div_(self.temperature)
        # A row is read whole before it is written, so the kernel may write where it reads.
        return torch.softmax(scores, -1, out=scores)

    def backward_(self, weights: Tensor, grad: Tensor, mean: Tensor) -> Tensor:
        scaled = grad.sub_(mean).mul_(weights)
        return scaled if self.temperature == 1.0 else scaled.div_(self.temperature)

    def backward(self, weights: Tensor, grad: Tensor) -> Tensor:
        # The sink's own share belongs to the total of the slopes, which is therefore always one.
        scaled = torch._softmax_backward_data(grad.to(weights.dtype), weights, -1, weights.dtype)
        return scaled if self.temperature == 1.0 else scaled / self.temperature

    def normalise(self, scores: Tensor) -> Tensor:
        scaled, sink = self._scaled(scores), self._sink(scores)
        weights = scaled.softmax(-1)
        if sink is None:
            return weights
        return weights * torch.sigmoid(scaled.logsumexp(-1, keepdim=True) - sink)

    @property
    def divisor(self) -> float | None:
        return self.temperature if self.sink is None else None

    def learned(self) -> tuple[Tensor, ...]:
        return (self.sink,) if isinstance(self.sink, Tensor) else ()

    def rule(self, space: Space) -> Rule:
        sink = self.sink
        if isinstance(sink, float | int):
            sink = torch.tensor(float(sink))
        return Rule(
            Weights.SOFTMAX, self.temperature, number=None if sink is None else single(space.lift_cells(sink, "sink"))
        )

    def on(self, tile: Tile) -> Softmax:
        if not isinstance(self.sink, Tensor):
            return self
        return Softmax(self.temperature, tile.cut(tile.space.lift_cells(self.sink, "sink")))
