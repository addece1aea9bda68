"""Attention by kernels, as operators: `regard::attend` and its backward."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import torch
from torch import Tensor

from regard.attention.native.operators import address, differentiable, function, operator
from regard.attention.native.problem import DESCRIBED, STRUCTURE, addresses, dense, matched_size, problem, strided

# Numbers kept for a row between forward and backward; kSaved in native/src/problem.hpp.
SAVED = 4

_ARGUMENTS = f"Tensor query, Tensor key, Tensor value, {DESCRIBED}"


@cache
def _functions() -> tuple[Any, Any]:
    told, pointer = STRUCTURE, ctypes.c_void_p
    return (
        function("attend_forward", told, told, pointer),
        function(
            "attend_backward",
            *(told, told, pointer, told, told, told, pointer, ctypes.c_int64, pointer, pointer),
        ),
    )


def attend_now(query: Tensor, key: Tensor, value: Tensor, *described: Any) -> tuple[Tensor, Tensor]:
    """What the operator does, at once: its dispatch costs more than a small problem."""
    query, key, value = dense(query), dense(key), dense(value)
    *rows, _size = query.shape
    context = query.new_empty((*rows, value.shape[-1]))
    saved = torch.empty((*rows, SAVED))
    asked, kept = problem(query, key, value, *described)
    _functions()[0](asked, strided(context), saved.data_ptr())
    del kept
    return context, saved


def _forward_shapes(query: Tensor, key: Tensor, value: Tensor, *described: Any) -> tuple[Tensor, Tensor]:
    context = query.new_empty((*query.shape[:3], value.shape[-1]))
    return context, query.new_empty((*query.shape[:3], SAVED), dtype=torch.float32)


def attend_backward_now(query: Tensor, key: Tensor, value: Tensor, *described: Any) -> list[Tensor]:
    """What the operator of the backward does, at once."""
    *call, saved, outer, wanted = described
    tensors, learned, number = call[:3]
    query, key, value, outer = (dense(tensor) for tensor in (query, key, value, outer))
    asked, kept = problem(query, key, value, *call)
    d_query, d_key, d_value = (
        torch.empty_like(each, memory_format=torch.contiguous_format) for each in (query, key, value)
    )
    matched = matched_size(key, call[-2])
    if matched < key.shape[-1]:
        # What a key has beside what is matched, such as its place, has no gradient.
        d_key[..., matched:] = 0
    # What several rows share is added up by each thread for itself.
    shared = (*tensors, number, learned)
    threads = torch.get_num_threads()
    sets = [
        torch.zeros((threads, each.numel())) if want and each is not None else None
        for each, want in zip(shared, wanted, strict=True)
    ]
    places = addresses([None if each is None else each[thread] for thread in range(threads) for each in sets[:-2]])
    told = any(wanted[:-2])
    _functions()[1](
        asked,
        strided(outer),
        saved.data_ptr(),
        strided(d_query),
        strided(d_key),
        strided(d_value),
        places.buffer_info()[0] if told else 0,
        len(tensors) if told else 0,
        address(sets[-1]),
        address(sets[-2]),
    )
    del kept
    found = [
        query.new_empty(0) if total is None or each is None else total.sum(0).view(each.shape)
        for total, each in zip(sets, shared, strict=True)
    ]
    return [d_query, d_key, d_value, *found]


def _backward_shapes(query: Tensor, key: Tensor, value: Tensor, *described: Any) -> list[Tensor]:
    tensors, learned, number = described[:3]
    wanted = described[-1]
    shared = (
        query.new_empty(0) if not want else torch.empty_like(each)
        for each, want in zip((*tensors, number, learned), wanted, strict=True)
    )
    return [*(torch.empty_like(each, memory_format=torch.contiguous_format) for each in (query, key, value)), *shared]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    query, key, value, tensors, learned, number, seed, *settings = inputs
    _context, saved = output
    ctx.settings = settings
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(saved)
    ctx.wanted = [each is not None and each.requires_grad for each in (*tensors, number, learned)]
    ctx.save_for_backward(query, key, value, *tensors, learned, number, seed, saved)


def _give(ctx: Any, outer: Tensor, _saved: Tensor | None) -> tuple[Any, ...]:
    query, key, value, *tensors, learned, number, seed, saved = ctx.saved_tensors
    found = attend_backward(
        query, key, value, tensors, learned, number, seed, *ctx.settings, saved, outer, ctx.wanted
    )
    shared = [grad if want else None for grad, want in zip(found[3:], ctx.wanted, strict=True)]
    # To PyTorch an empty list of numbers is a list of no tensors, which wants a list of no gradients.
    nothing: list[list[None] | None] = [None if numbers else [] for numbers in ctx.settings]
    return *found[:3], shared[:-2], shared[-1], shared[-2], None, *nothing


attend = operator(f"attend({_ARGUMENTS}) -> (Tensor, Tensor)", attend_now, _forward_shapes)
attend_backward = operator(
    f"attend_backward({_ARGUMENTS}, Tensor saved, Tensor outer, bool[] wanted) -> Tensor[]",
    attend_backward_now,
    _backward_shapes,
)
differentiable("attend", _keep, _give)
