"""Our own kernels on a CPU: any where, in time and memory that follow what is seen."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regard.attention.call import Call, Prepared
from regard.attention.native import attention
from regard.attention.native.lowered import Lowered, served
from regard.attention.paths.blockwise import differentiable
from regard.attention.tracing import seen_by_others, wants_gradient


def refusal(call: Call, prepared: Prepared) -> str | None:
    """Why the kernels cannot serve a call; None where they can."""
    found = served(call, prepared.query.dtype)
    return found if isinstance(found, str) else None


def native(call: Call, prepared: Prepared) -> Tensor:
    """Context of all queries, (batch, heads, Tq, value size); `refusal` must have been None."""
    found = served(call, prepared.query.dtype)
    assert not isinstance(found, str)
    query, key, value = prepared.query, prepared.key, prepared.value
    inputs = (query, key, value, *found.differentiable, *call.learned())
    if torch.compiler.is_compiling() or not wants_gradient(*inputs):
        return _attend(query, key, value, found)[0]
    return _Native.apply(call, found, *inputs)


def _attend(query: Tensor, key: Tensor, value: Tensor, found: Lowered) -> tuple[Tensor, Tensor]:
    run = attention.attend if seen_by_others(query, key, value) else attention.attend_now
    context, saved = run(query, key, value, *found)
    return context, saved


class _Native(torch.autograd.Function):
    """The kernels, with a backward that can be differentiated again, which the kernels' own cannot.

    Its inputs are what the kernels read, for the first derivative, and then what the call learns, for those after it:
    they are tied to each other by the caller's graph.
    """

    @staticmethod
    def forward(
        ctx: Any, call: Call, found: Lowered, query: Tensor, key: Tensor, value: Tensor, *shared: Tensor | None
    ) -> Tensor:
        context, saved = _attend(query, key, value, found)
        ctx.call, ctx.found = call, found
        ctx.save_for_backward(query, key, value, saved)
        return context

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, saved = ctx.saved_tensors
        call, found, wanted = ctx.call, ctx.found, ctx.needs_input_grad[2:]
        kernel, learned = len(found.differentiable), len(call.learned())
        if torch.is_grad_enabled():
            want = (*wanted[:3], *wanted[3 + kernel :])
            again = differentiable(call, Prepared(query, key, value), want, grads[0])
            return None, None, *again[:3], *(None,) * kernel, *again[3:]
        followed = seen_by_others(query, key, value, grads[0])
        run = attention.attend_backward if followed else attention.attend_backward_now
        result = run(query, key, value, *found, saved, grads[0], wanted[3 : 3 + kernel])
        shared = (grad if want else None for grad, want in zip(result[3:], wanted[3:], strict=False))
        return None, None, *result[:3], *shared, *(None,) * learned
