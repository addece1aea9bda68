"""Where a reader stops who goes through the keys from left to right, once for every query."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regard.attention.native import monotonic as native
from regard.attention.native.operators import differentiable, serves


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


def aligned(probabilities: Tensor, carry: Tensor) -> Tensor:
    """The same as `alignment`, with a backward that keeps two numbers a cell; by a kernel where there is one."""
    if not serves(probabilities, carry) or not probabilities.numel():
        return _Alignment.apply(probabilities, carry)
    sizes = probabilities.shape[-2:]
    found = native.align(probabilities.reshape(-1, *sizes), carry.reshape(-1, sizes[1]))
    return found.reshape(probabilities.shape)


class _Alignment(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, probabilities: Tensor, carry: Tensor) -> Tensor:
        stopped = alignment(probabilities, carry)
        ctx.save_for_backward(probabilities, carry, stopped)
        return stopped

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        probabilities, carry, stopped = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _differentiable(probabilities, carry, grads[0], ctx.needs_input_grad)
        return _backward(probabilities, carry, stopped, grads[0])


def _differentiable(
    probabilities: Tensor, carry: Tensor, grad: Tensor, wants: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """Gradients that can be differentiated again."""
    again = alignment(probabilities, carry)
    wanted = [tensor for tensor, want in zip((probabilities, carry), wants, strict=True) if want]
    found = iter(torch.autograd.grad(again, wanted, grad, create_graph=True))
    return tuple(next(found) if want else None for want in wants)


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs, output)


def _by_kernel(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    probabilities, carry, stopped = ctx.saved_tensors
    if torch.is_grad_enabled():
        found = _differentiable(probabilities, carry.unsqueeze(-2), grad, ctx.needs_input_grad)
        return found[0], None if found[1] is None else found[1].squeeze(-2)
    return native.gradient(probabilities, carry, stopped, grad)


differentiable("monotonic", _keep, _by_kernel)


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
