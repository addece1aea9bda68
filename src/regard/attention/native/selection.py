"""Operators of selections that hang together: probabilities that keys are selected by a chain, and their gradient.

scores is (groups, rows, keys), hidden at the lowest finite number; transition (1 or groups, states, states).
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from regard.attention.native.operators import address, kernel, like, operator

_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64
_SCORES = (_POINTER, _POINTER, *(_COUNT,) * 4, ctypes.c_int)


def _select(scores: Tensor, transition: Tensor) -> Tensor:
    scores, transition = scores.contiguous(), transition.contiguous()
    weights = torch.empty_like(scores)
    run = kernel("chain_selected", scores.dtype, *_SCORES, _POINTER, ctypes.c_int)
    run(*_given(scores, transition), address(weights), torch.get_num_threads())
    return weights


def _gradient(scores: Tensor, transition: Tensor, weights: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    scores, transition, weights, grad = (tensor.contiguous() for tensor in (scores, transition, weights, grad))
    found = torch.empty_like(scores), torch.empty_like(transition)
    run = kernel("chain_selected_gradient", scores.dtype, *_SCORES, *(_POINTER,) * 4, ctypes.c_int)
    run(*_given(scores, transition), *map(address, (weights, grad, *found)), torch.get_num_threads())
    return found


def _given(scores: Tensor, transition: Tensor) -> tuple[int, ...]:
    return address(scores), address(transition), *scores.shape, transition.shape[-1], len(transition) == 1


select = operator(
    "chain_selected(Tensor scores, Tensor transition) -> Tensor",
    _select,
    like(0),
)

gradient = operator(
    "chain_selected_gradient(Tensor scores, Tensor transition, Tensor weights, Tensor grad) -> (Tensor, Tensor)",
    _gradient,
    like(0, 1),
)
