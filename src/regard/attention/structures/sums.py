"""The log-partition of a chain, by a kernel where there is one; its gradient is a closed form either way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regard.attention.native import chain as native
from regard.attention.native.operators import differentiable, serves
from regard.attention.structures.chain import Chain
from regard.attention.structures.forward_backward import forward, gradient


def summed(chain: Chain) -> Tensor:
    """The log-partition, (*batch), finite, with a closed form as its gradient."""
    if serves(chain.unary, chain.transition) and chain.unary.numel():
        return _by_kernel(chain)
    return _Summed.apply(chain.unary, chain.transition, chain.visible)


class _Summed(torch.autograd.Function):
    """The derivative of a log-partition is the posterior: one recursion more, instead of a graph through time."""

    @staticmethod
    def forward(ctx: Any, unary: Tensor, transition: Tensor, visible: Tensor | None) -> Tensor:
        found = forward(Chain(unary, transition, visible))
        ctx.save_for_backward(unary, transition, visible, torch.stack(found.alphas, dim=-2))
        return found.log_partition

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        unary, transition, visible, known = ctx.saved_tensors
        chain = Chain(unary, transition, visible)
        # The alphas kept have no graph; who differentiates again needs one.
        alphas = forward(chain).alphas if torch.is_grad_enabled() else list(known.unbind(-2))
        return *gradient(chain, alphas, grads[0], ctx.needs_input_grad[1]), None


def _by_kernel(chain: Chain) -> Tensor:
    unary, lead = chain.unary.flatten(0, -3) if chain.unary.dim() > 2 else chain.unary[None], chain.unary.shape[:-2]
    lengths = None if chain.visible is None else chain.visible.reshape(unary.shape[:2]).sum(-1)
    return native.log_partition(unary, _matrices(chain.transition, lead), lengths)[0].reshape(lead)


def _matrices(transition: Tensor, lead: torch.Size) -> Tensor:
    """Transitions as kernels want them: one matrix for all, or those of each sequence."""
    steps, states = transition.shape[-3:-1]
    if steps == 1 and all(size == 1 for size in transition.shape[:-3]):
        return transition.reshape(1, 1, states, states)
    return transition.expand(*lead, steps, states, states).reshape(lead.numel(), steps, states, states)


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, output[1])


def _gradient(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
    unary, transition, lengths, alphas = ctx.saved_tensors
    if torch.is_grad_enabled():
        visible = None if lengths is None else torch.arange(unary.shape[1]) < lengths[:, None]
        chain = Chain(unary, transition, visible)
        return *gradient(chain, forward(chain).alphas, grad, ctx.needs_input_grad[1]), None
    if not ctx.needs_input_grad[1]:
        return native.posteriors(unary, transition, lengths, alphas, grad), None, None
    return *native.gradient(unary, transition, lengths, alphas, grad), None


differentiable("chain_log_partition", _keep, _gradient)
