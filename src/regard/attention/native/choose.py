"""One key for each query by kernels, as operators: `regard::choose` and its backward."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import torch
from torch import Tensor

from regard.attention.native.operators import address, function, operator
from regard.attention.native.problem import DESCRIBED, STRUCTURE, addresses, dense, problem, strided

_POINTER = ctypes.c_void_p


class Chosen(ctypes.Structure):
    """Where what is found of every query goes; see native/src/choose.cpp."""

    _fields_ = [(name, _POINTER) for name in ("index", "log_prob", "entropy", "lse")]


class Outer(ctypes.Structure):
    """The gradients of log-probabilities and entropies."""

    _fields_ = [(name, _POINTER) for name in ("log_prob", "entropy")]


@cache
def _functions() -> tuple[Any, Any]:
    asked, chosen, one = STRUCTURE, ctypes.POINTER(Chosen), STRUCTURE
    return (
        function("choose", asked, chosen),
        function(
            "choose_backward", asked, chosen, ctypes.POINTER(Outer), one, one, _POINTER, ctypes.c_int64, _POINTER
        ),
    )


def _run(query: Tensor, key: Tensor, *described: Any) -> list[Tensor]:
    query, key = dense(query), dense(key)
    found = _shapes(query, key)
    asked, kept = problem(query, key, key, *described)
    _functions()[0](asked, Chosen(*map(address, found)))
    del kept
    return found


def _shapes(query: Tensor, _key: Tensor, *_described: Any) -> list[Tensor]:
    rows = query.shape[:3]
    return [query.new_empty(rows, dtype=torch.int64), *(query.new_empty(rows, dtype=torch.float32) for _ in range(3))]


def _backward(query: Tensor, key: Tensor, *described: Any) -> list[Tensor]:
    *call, chosen, d_log_prob, d_entropy, wanted = described
    tensors, learned = call[:2]
    query, key = dense(query), dense(key)
    outer = [grad.contiguous() for grad in (d_log_prob, d_entropy)]
    asked, kept = problem(query, key, key, *call)
    # What a key has beside what is matched, such as its place, has no gradient.
    d_query, d_key = (torch.zeros_like(each, memory_format=torch.contiguous_format) for each in (query, key))
    # What several rows share is added up by each thread for itself.
    shared = (*tensors, learned)
    threads = torch.get_num_threads()
    sets = [
        torch.zeros((threads, each.numel())) if want and each is not None else None
        for each, want in zip(shared, wanted, strict=True)
    ]
    places = addresses([None if each is None else each[t] for t in range(threads) for each in sets[:-1]])
    _functions()[1](
        asked,
        Chosen(*map(address, chosen)),
        Outer(*map(address, outer)),
        strided(d_query),
        strided(d_key),
        places.buffer_info()[0],
        len(tensors) if any(wanted[:-1]) else 0,
        address(sets[-1]),
    )
    del kept
    found = [
        query.new_empty(0) if total is None or each is None else total.sum(0).view(each.shape)
        for total, each in zip(sets, shared, strict=True)
    ]
    return [d_query, d_key, *found]


def _backward_shapes(query: Tensor, key: Tensor, *described: Any) -> list[Tensor]:
    tensors, learned = described[:2]
    shared = (
        torch.empty_like(each) if want else query.new_empty(0)
        for each, want in zip((*tensors, learned), described[-1], strict=True)
    )
    return [*(torch.empty_like(each, memory_format=torch.contiguous_format) for each in (query, key)), *shared]


# Returned are index, log-probability, entropy and the scores' log-sum-exp, (batch, heads, queries). The rule of the
# call, that of a winner, says which key is chosen.
choose = operator(f"choose(Tensor query, Tensor key, {DESCRIBED}) -> Tensor[]", _run, _shapes)
choose_backward = operator(
    f"choose_backward(Tensor query, Tensor key, {DESCRIBED}, Tensor[] chosen, Tensor d_log_prob, Tensor d_entropy, "
    "bool[] wanted) -> Tensor[]",
    _backward,
    _backward_shapes,
)
