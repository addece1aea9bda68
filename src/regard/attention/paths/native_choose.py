"""One key for each query by our own kernels on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from regard.attention.call import Call, Prepared
from regard.attention.native.choose import choose, choose_backward
from regard.attention.native.lowered import Lowered, served
from regard.attention.tracing import wants_gradient

# Log-probabilities of chosen keys and entropies, by operations that autograd sees.
Facts = Callable[[Prepared, Tensor], tuple[Tensor, Tensor]]


def chosen_by_kernels(call: Call, prepared: Prepared, again: Facts) -> tuple[Tensor, Tensor, Tensor] | None:
    """Index, log-probability and entropy of every query, (batch, heads, queries); None where kernels cannot serve.

    The call's weighing is that of the winner. `again` tells log-probability and entropy for further derivatives.
    """
    found = served(call, prepared.query.dtype)
    if isinstance(found, str):
        return None
    inputs = (prepared.query, prepared.key, *_shared(found), *call.learned())
    if not wants_gradient(*inputs):
        index, log_prob, entropy, _lse = choose(prepared.query, prepared.key, *found)
        return index, log_prob, entropy
    if torch.compiler.is_compiling():
        return None
    chosen: tuple[Tensor, Tensor, Tensor] = _Chosen.apply(call, found, again, prepared.value, *inputs)
    return chosen


def _shared(found: Lowered) -> tuple[Tensor | None, ...]:
    return (*found.tensors, found.learned)


class _Chosen(torch.autograd.Function):
    """The kernels, with a backward that can be differentiated again, as that of `native`."""

    @staticmethod
    def forward(
        ctx: Any,
        call: Call,
        found: Lowered,
        again: Facts,
        value: Tensor,
        query: Tensor,
        key: Tensor,
        *shared: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        index, log_prob, entropy, lse = choose(query, key, *found)
        ctx.call, ctx.found, ctx.again = call, found, again
        ctx.save_for_backward(query, key, value, index, log_prob, entropy, lse)
        ctx.mark_non_differentiable(index)
        return index, log_prob, entropy

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, *chosen = ctx.saved_tensors
        found, wanted = ctx.found, ctx.needs_input_grad[4:]
        kernel, learned = len(_shared(found)), ctx.call.learned()
        if torch.is_grad_enabled():
            facts = ctx.again(Prepared(query, key, value), chosen[0])
            known = (query, key, *learned)
            want = (*wanted[:2], *wanted[2 + kernel :])
            asked = [tensor for tensor, each in zip(known, want, strict=True) if each]
            result = iter(torch.autograd.grad(facts, asked, grads[1:], create_graph=True, allow_unused=True))
            again = [next(result) if each else None for each in want]
            return *(None,) * 4, *again[:2], *(None,) * kernel, *again[2:]
        result = choose_backward(query, key, *found, chosen, *grads[1:], wanted[2 : 2 + kernel])
        shared = (grad if want else None for grad, want in zip(result[2:], wanted[2:], strict=False))
        return *(None,) * 4, *result[:2], *shared, *(None,) * len(learned)
