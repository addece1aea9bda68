"""The log-partition of a chain, by a kernel where there is one; its gradient is a closed form either way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regard.attention.native import chain as native
from regard.attention.native.operators import differentiable, serves
from regard.attention.structures.chain import Chain, flat
from regard.attention.structures.forward_backward import forward, gradient


def summed(chain: Chain) -> Tensor:
    """The log-partition, (*batch), finite, with a closed form as its gradient."""
    if serves(chain.unary, chain.transition) and chain.unary.numel():
        return native.log_partition(*flat(chain))[0].reshape(chain.unary.shape[:-2])
    return Summed.apply(chain.unary, chain.transition, chain.visible)


class Summed(torch.autograd.Function):
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
