"""Weights of stopping, each spread softly over the few keys that end there."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def spread(stopped: Tensor, scores: Tensor, chunk: int) -> Tensor:
    """Weights of stopping, each spread by softmax over the `chunk` keys that end there; plain and differentiable.

    v_j = sum_{k=j}^{j+chunk-1} stopped_k exp(s_j) / sum_{l=k-chunk+1}^{k} exp(s_l)
    """
    padded = torch.nn.functional.pad(scores, (chunk - 1, 0), value=-torch.inf)
    windows = torch.stack([padded[..., start : start + scores.shape[-1]] for start in range(chunk)], -1)
    shares = windows.softmax(-1) * stopped.unsqueeze(-1)
    total = shares[..., chunk - 1]
    for back in range(1, chunk):
        total = total + torch.nn.functional.pad(shares[..., back:, chunk - 1 - back], (0, min(back, total.shape[-1])))
    return total


class Chunks(torch.autograd.Function):
    """The same as `spread`, which holds `chunk` numbers a cell, with a handful for any chunk."""

    @staticmethod
    def forward(ctx: Any, stopped: Tensor, scores: Tensor, chunk: int) -> Tensor:
        ctx.chunk = chunk
        ctx.save_for_backward(stopped, scores)
        highest, rate = _windows(stopped, scores, chunk)
        total, room = torch.zeros_like(scores), torch.empty_like(scores)
        for back in range(min(chunk, scores.shape[-1])):
            _kept(total, back).addcmul_(rate[..., back:], _raised(room, scores, highest, back))
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        stopped, scores = ctx.saved_tensors
        if torch.is_grad_enabled():
            # Views, as stopping hangs on the scores too: what passes through it is not a part of this derivative.
            inputs = stopped.view_as(stopped), scores.view_as(scores)
            again = spread(*inputs, ctx.chunk)
            wanted = [t for t, want in zip(inputs, ctx.needs_input_grad, strict=False) if want]
            found = iter(torch.autograd.grad(again, wanted, grads[0], create_graph=True))
            return (*(next(found) if want else None for want in ctx.needs_input_grad[:2]), None)
        return (*_backward(stopped, scores, ctx.chunk, grads[0]), None)


def _backward(stopped: Tensor, scores: Tensor, chunk: int, grad: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients from the mean G_k of the outer one, g, over each window, where r_k is what a window's sum divides.

    d stopped_k = G_k,   d s_j = sum_{k=j}^{j+chunk-1} r_k exp(s_j) (g_j - G_k)
    """
    highest, rate = _windows(torch.ones_like(stopped), scores, chunk)
    by_stopped, room = torch.zeros_like(scores), torch.empty_like(scores)
    for back in range(min(chunk, scores.shape[-1])):
        by_stopped[..., back:].addcmul_(_kept(grad, back), _raised(room, scores, highest, back))
    by_stopped.mul_(rate)
    rate.mul_(stopped)
    by_scores = torch.zeros_like(scores)
    for back in range(min(chunk, scores.shape[-1])):
        share = _raised(room, scores, highest, back).mul_(rate[..., back:])
        _kept(by_scores, back).addcmul_(share, _kept(grad, back)).sub_(share.mul_(by_stopped[..., back:]))
    return by_stopped, by_scores


def _windows(stopped: Tensor, scores: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """The highest score of the window that ends at each key, and what is spread over it for each exp(s - highest)."""
    highest = scores.clone()
    for back in range(1, min(chunk, scores.shape[-1])):
        highest[..., back:].clamp_(min=_kept(scores, back))
    total, room = torch.zeros_like(scores), torch.empty_like(scores)
    for back in range(min(chunk, scores.shape[-1])):
        total[..., back:].add_(_raised(room, scores, highest, back))
    return highest, torch.div(stopped, total, out=total)


def _raised(room: Tensor, scores: Tensor, highest: Tensor, back: int) -> Tensor:
    """exp(s_(k-back) - highest_k) for every window that has a key so far back.

    Written into room that is made once: pieces of slightly different sizes would keep memory from being used again.
    """
    return room[..., back:].copy_(_kept(scores, back)).sub_(highest[..., back:]).exp_()


def _kept(tensor: Tensor, back: int) -> Tensor:
    """All keys but the last `back`: those that stand so far before a window's end."""
    return tensor[..., : tensor.shape[-1] - back]
