"""PyTorch's fused attention, where it is exact, linear in memory and differentiable."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from regard.attention.call import Call, Prepared
from regard.attention.native.problem import dense
from regard.attention.paths.blockwise import differentiable
from regard.attention.tracing import transformed, wants_gradient
from regard.attention.wheres.where import Simple

# What scaled_dot_product_attention calls on a CPU; called directly, so that the backward can be ours.
_FORWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default
_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward.default


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


def _terms(call: Call) -> tuple[Simple, float]:
    """A call that is not refused in the kernel's words: the where, and what products are multiplied by."""
    where, divisor = _simple(call), call.weigh.divisor
    assert where is not None
    assert divisor is not None
    return where, call.factor / divisor


def _plain(call: Call, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    where, scale = _terms(call)
    return scaled_dot_product_attention(
        query, key, value, attn_mask=where.keys, is_causal=where.causal, scale=scale, enable_gqa=True
    )


class _Fused(torch.autograd.Function):
    """The CPU kernel, with a backward that can be differentiated again, which the kernel's own cannot."""

    @staticmethod
    def forward(ctx: Any, call: Call, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        where, scale = _terms(call)
        ctx.call, ctx.causal = call, where.causal
        ctx.told = {"attn_mask": _prior(where.keys, query.dtype), "scale": scale}
        context, sums = _FORWARD(dense(query), *_repeated(call, key, value), 0.0, where.causal, **ctx.told)
        ctx.save_for_backward(query, key, value, context, sums)
        return context

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, context, sums = ctx.saved_tensors
        call = ctx.call
        if torch.is_grad_enabled():
            again = differentiable(call, Prepared(query, key, value), ctx.needs_input_grad[1:], grads[0])
            return None, *again
        d_query, d_key, d_value = _BACKWARD(
            dense(grads[0]), dense(query), *_repeated(call, key, value), context, sums, 0.0, ctx.causal, **ctx.told
        )
        return None, d_query, _summed(call, d_key), _summed(call, d_value)


def _prior(keys: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Which keys may be seen as numbers that are added to their scores."""
    return None if keys is None else torch.zeros_like(keys, dtype=dtype).masked_fill_(~keys, -torch.inf)


def _repeated(call: Call, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Keys and values with a head for every query head."""
    group = call.space.heads // call.space.key_heads
    return tuple(dense(each if group == 1 else each.repeat_interleave(group, 1)) for each in tensors)


def _summed(call: Call, grad: Tensor) -> Tensor:
    """The gradient of heads that were repeated."""
    space = call.space
    return grad if space.heads == space.key_heads else grad.unflatten(1, (space.key_heads, -1)).sum(2)
