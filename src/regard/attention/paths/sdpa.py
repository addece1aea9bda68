"""PyTorch's fused attention, where it is exact, linear in memory and differentiable."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from regard.attention.call import Call, Prepared
from regard.attention.paths.blockwise import blockwise
from regard.attention.tracing import transformed, wants_gradient
from regard.attention.wheres.where import Simple


def refusal(call: Call, prepared: Prepared) -> str | None:
    """Why PyTorch's kernel cannot serve a call without a T x T tensor; None where it can."""
    if transformed():
        return "its kernel knows no transforms of torch.func and no forward-mode derivatives"
    if not call.score.is_inner_product:
        return "the score is not a plain inner product"
    if call.weigh.divisor is None:
        return "the weighing is not a plain softmax"
    if call.dropout is not None:
        return "its dropout would store T x T numbers"
    if prepared.query.shape[-1] != prepared.value.shape[-1]:
        return "the value size differs from the query size"
    return "it would need a T x T mask" if _simple(call) is None else None


def sdpa(call: Call, prepared: Prepared) -> Tensor:
    """Context of all queries, (batch, heads, Tq, value size); `refusal` must have been None."""
    # While compiling PyTorch differentiates once and ahead of time, and looks into no Function that keeps a graph.
    if prepared.query.is_cpu and not torch.compiler.is_compiling() and wants_gradient(*prepared):
        return _Fused.apply(call, *prepared)
    return _plain(call, *prepared)


def _simple(call: Call) -> Simple | None:
    # A compiler does not follow what is remembered.
    return call.where.simple(call.space) if torch.compiler.is_compiling() else call.simple


def _plain(call: Call, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    where, divisor = _simple(call), call.weigh.divisor
    assert where is not None
    assert divisor is not None
    return scaled_dot_product_attention(
        query, key, value, attn_mask=where.keys, is_causal=where.causal, scale=call.factor / divisor, enable_gqa=True
    )


class _Fused(torch.autograd.Function):
    """The CPU kernel, with a backward that can be differentiated again, which the kernel's own cannot."""

    @staticmethod
    def forward(ctx: Any, call: Call, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        ctx.call = call
        with torch.enable_grad():
            inside = tuple(
                tensor.detach().requires_grad_(want)
                for tensor, want in zip((query, key, value), ctx.needs_input_grad[1:], strict=True)
            )
            context = _plain(call, *inside)
        ctx.inside, ctx.context = inside, context
        ctx.save_for_backward(query, key, value)
        return context.detach()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        wanted = ctx.needs_input_grad[1:]
        inputs, outputs = ctx.inside, ctx.context
        if torch.is_grad_enabled():
            inputs = ctx.saved_tensors
            outputs = blockwise(ctx.call, Prepared(*inputs))
        known = [tensor for tensor, want in zip(inputs, wanted, strict=True) if want]
        found = iter(
            torch.autograd.grad(outputs, known, grads[0], create_graph=torch.is_grad_enabled(), retain_graph=True)
        )
        return None, *(next(found) if want else None for want in wanted)
