"""Weights that only move forward, as sound and its transcript do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention.space import Tile
from regard.attention.weighings.weighing import Carried, widened


@dataclass(frozen=True, eq=False)
class Monotonic(Carried):
    """Expected weights of a reader who goes through the keys from left to right and stops at one for every query.

    p_ij = sigmoid(s_ij),   q_ij = (1 - p_i(j-1)) q_i(j-1) + w_(i-1)j,   w_ij = p_ij q_ij

    For each query the reader starts where the last one stopped, goes on by the probability 1 - p, and stops by p.
    A reader who runs past the last key looks at nothing, so rows may sum to less than one. A key that is hidden is
    passed; a query that may see nothing leaves the reader where it was. Add noise to the scores while training, so
    that they learn to be far from 0 (Raffel et al., section 2.4).

    With a chunk, the reader looks softly at the `chunk` keys that end where it stops:

    v_ij = sum_{k=j}^{j+chunk-1} w_ik exp(s_ij) / sum_{l=k-chunk+1}^{k} exp(s_il)

    There the paper has scores of their own for the softmax; here the same s serves both.

    Args:
        chunk: keys that are looked at once the reader has stopped; 1 is the key itself.
        before: weights of the query before the first, broadcasting to (..., 1, Tk); None starts at the first key.
            `Memory.answer` gives the weighing of the next step.

    Raises:
        ValueError: chunk is below 1.

    Example:
        >>> import regard as rg, torch
        >>> rg.Monotonic().exact(torch.tensor([[0.0, 100.0, 0.0], [-100.0, 0.0, 0.0]]))
        tensor([[0.5000, 0.5000, 0.0000],
                [0.0000, 0.5000, 0.2500]])

    Source: Raffel et al. 2017, equations 9 to 11; chunks: Chiu and Raffel 2018, equation 10.
    """

    chunk: int = 1
    before: Float[Tensor, "*batch 1 keys"] | None = None

    def __post_init__(self) -> None:
        if self.chunk < 1:
            raise ValueError(f"chunk is {self.chunk}, expected at least 1 key.")

    @property
    def width(self) -> int:
        return 6 + (3 * self.chunk if self.chunk > 1 else 0)

    def learned(self) -> tuple[Tensor, ...]:
        return () if self.before is None else (self.before,)

    def on(self, tile: Tile) -> Monotonic:
        if self.before is None:
            return self
        lifted = tile.space.lift_cells(self.before, "before")
        return replace(self, before=lifted[tile.index[0] if len(lifted) > 1 else slice(None)])

    def start(self, scores: Tensor) -> Tensor:
        dtype = widened(scores[..., :0]).dtype
        if self.before is not None:
            return self.before.to(dtype).expand(*scores.shape[:-2], 1, scores.shape[-1])
        start = scores.new_zeros((*scores.shape[:-2], 1, scores.shape[-1]), dtype=dtype)
        start[..., :1] = 1
        return start

    def stream(self, scores: Tensor, carry: Tensor) -> tuple[Tensor, Tensor]:
        return self._weights(_Alignment.apply, scores, carry)

    def exact_stream(self, scores: Tensor, carry: Tensor) -> tuple[Tensor, Tensor]:
        return self._weights(alignment, scores, carry)

    def _weights(
        self, align: Callable[[Tensor, Tensor], Tensor], scores: Tensor, carry: Tensor
    ) -> tuple[Tensor, Tensor]:
        wide = widened(scores)
        chances = wide.sigmoid()
        stopped = align(chances, carry)
        weights = stopped if self.chunk == 1 else _spread(stopped, wide, self.chunk)
        return weights.to(scores.dtype), _last(stopped, (chances > 0).any(-1, keepdim=True), carry)

    def after(self, carry: Tensor) -> Monotonic:
        return replace(self, before=carry)


def _last(stopped: Tensor, chosen: Tensor, carry: Tensor) -> Tensor:
    """The weights of the last row that was not empty: behind the others, the reader is still where it was."""
    rows = torch.arange(1, stopped.shape[-2] + 1, device=stopped.device)[:, None]
    last = (rows * chosen).amax(-2, keepdim=True)
    picked = stopped.gather(-2, (last - 1).clamp(min=0).expand(*stopped.shape[:-2], 1, stopped.shape[-1]))
    return torch.where(last > 0, picked, carry)


def alignment(probabilities: Tensor, carry: Tensor) -> Tensor:
    """Where the reader stops, row after row, (..., rows, keys); plain and differentiable any number of times."""
    rows = []
    for chances in probabilities.unbind(-2):
        reached = _recurrence(_passed(chances), carry[..., 0, :])
        stopped = (chances * reached).unsqueeze(-2)
        carry = torch.where((chances > 0).any(-1)[..., None, None], stopped, carry)
        rows.append(stopped)
    return torch.cat(rows, -2)


def _passed(chances: Tensor) -> Tensor:
    """1 - p of the key before; the first key is always reached."""
    return torch.cat((torch.zeros_like(chances[..., :1]), 1 - chances[..., :-1]), -1)


def _recurrence(factor: Tensor, added: Tensor) -> Tensor:
    """x_j = factor_j x_(j-1) + added_j along the last axis, in as many steps as the logarithm of its length.

    All numbers are at least 0 and no factor is above 1, so nothing is divided, nothing cancels and nothing overflows.
    """
    step = 1
    while step < added.shape[-1]:
        added = torch.cat((added[..., :step], added[..., step:] + factor[..., step:] * added[..., :-step]), -1)
        factor = torch.cat((factor[..., :step], factor[..., step:] * factor[..., :-step]), -1)
        step *= 2
    return added


class _Alignment(torch.autograd.Function):
    """The same as `alignment`, with a backward that keeps two numbers a cell."""

    @staticmethod
    def forward(ctx: Any, probabilities: Tensor, carry: Tensor) -> Tensor:
        stopped = alignment(probabilities, carry)
        ctx.save_for_backward(probabilities, carry, stopped)
        return stopped

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        probabilities, carry, stopped = ctx.saved_tensors
        if torch.is_grad_enabled():
            again = alignment(probabilities, carry)
            wanted = [t for t, want in zip((probabilities, carry), ctx.needs_input_grad, strict=True) if want]
            found = iter(torch.autograd.grad(again, wanted, grads[0], create_graph=True))
            return tuple(next(found) if want else None for want in ctx.needs_input_grad)
        return _backward(probabilities, carry, stopped, grads[0])


def _backward(probabilities: Tensor, carry: Tensor, stopped: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients, last row first: what a row is worth to the next one is added to its own."""
    by_probability = torch.empty_like(probabilities)
    onward = torch.zeros_like(carry[..., 0, :])
    moved = (probabilities > 0).any(-1)
    sources = [carry[..., 0, :]]
    for row in range(probabilities.shape[-2] - 1):
        sources.append(torch.where(moved[..., row, None], stopped[..., row, :], sources[-1]))
    for row in reversed(range(probabilities.shape[-2])):
        chances, gone = probabilities[..., row, :], moved[..., row, None]
        passed = _passed(chances)
        reached = _recurrence(passed, sources[row])
        by_stopped = grad[..., row, :] + torch.where(gone, onward, 0)
        # The same recurrence, from the last key to the first.
        next_passed = torch.cat((passed[..., 1:], torch.zeros_like(passed[..., :1])), -1)
        by_reached = _recurrence(next_passed.flip(-1), (chances * by_stopped).flip(-1)).flip(-1)
        by_probability[..., row, :] = by_stopped * reached
        by_probability[..., row, :-1] -= by_reached[..., 1:] * reached[..., :-1]
        onward = by_reached + torch.where(gone, 0, onward)
    return by_probability, onward.unsqueeze(-2)


def _spread(stopped: Tensor, scores: Tensor, chunk: int) -> Tensor:
    """Weights of stopping, each spread by softmax over the `chunk` keys that end there."""
    lowest = torch.finfo(scores.dtype).min
    padded = torch.nn.functional.pad(scores, (chunk - 1, 0), value=lowest)
    windows = torch.stack([padded[..., start : start + scores.shape[-1]] for start in range(chunk)], -1)
    shares = windows.softmax(-1) * stopped.unsqueeze(-1)
    total = shares[..., chunk - 1]
    for back in range(1, chunk):
        total = total + torch.nn.functional.pad(shares[..., back:, chunk - 1 - back], (0, min(back, total.shape[-1])))
    return total
