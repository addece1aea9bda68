"""Operators over linear chains: log-partition, its gradient, and the best sequence.

Everywhere unary is (batch, time, states) and lengths (batch) or None for all of time. transition is
(1, 1, states, states) for all sequences and steps, or (batch, 1 or time - 1, states, states).
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from regard.attention.native.operators import address, kernel, like, operator

_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64
_SCORES = (_POINTER, _POINTER, _POINTER, *(_COUNT,) * 5)


def _log_partition(unary: Tensor, transition: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    unary, transition = unary.contiguous(), transition.contiguous()
    found, alphas = unary.new_empty(unary.shape[0]), torch.empty_like(unary)
    run = kernel("chain_log_partition", unary.dtype, *_SCORES, _POINTER, _POINTER, ctypes.c_int)
    run(*_scores(unary, transition, lengths), address(found), address(alphas), torch.get_num_threads())
    return found, alphas


def _best(unary: Tensor, transition: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    unary, transition = unary.contiguous(), transition.contiguous()
    states, totals = unary.new_empty(unary.shape[:2], dtype=torch.int64), unary.new_empty(unary.shape[0])
    run = kernel("chain_best", unary.dtype, *_SCORES, _POINTER, _POINTER, ctypes.c_int)
    run(*_scores(unary, transition, lengths), address(states), address(totals), torch.get_num_threads())
    return states, totals


def _gradient(
    unary: Tensor, transition: Tensor, lengths: Tensor | None, alphas: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor]:
    of_transition = torch.zeros_like(transition, memory_format=torch.contiguous_format)
    return _run_gradient(unary, transition, lengths, alphas, grad, of_transition), of_transition


def _posteriors(unary: Tensor, transition: Tensor, lengths: Tensor | None, alphas: Tensor, grad: Tensor) -> Tensor:
    return _run_gradient(unary, transition, lengths, alphas, grad, None)


def _run_gradient(
    unary: Tensor,
    transition: Tensor,
    lengths: Tensor | None,
    alphas: Tensor,
    grad: Tensor,
    of_transition: Tensor | None,
) -> Tensor:
    unary, transition, alphas, grad = (t.contiguous() for t in (unary, transition, alphas, grad))
    of_unary = torch.empty_like(unary)
    run = kernel("chain_gradient", unary.dtype, *_SCORES, *(_POINTER,) * 4, ctypes.c_int)
    wanted = (address(alphas), address(grad), address(of_unary), address(of_transition))
    run(*_scores(unary, transition, lengths), *wanted, torch.get_num_threads())
    return of_unary


def _scores(unary: Tensor, transition: Tensor, lengths: Tensor | None) -> tuple[int, ...]:
    """What describes the scores to a kernel; the tensors are contiguous."""
    batch, time, states = unary.shape
    matrices, cells = transition.shape[1], states * states
    own = tuple(transition.shape[:2]) != (1, 1)
    of_sequence, of_step = matrices * cells if own else 0, cells if matrices > 1 else 0
    given = address(unary), address(transition), address(lengths)
    return *given, batch, time, states, of_sequence, of_step


log_partition = operator(
    "chain_log_partition(Tensor unary, Tensor transition, Tensor? lengths) -> (Tensor, Tensor)",
    _log_partition,
    lambda unary, transition, lengths: (unary.new_empty(unary.shape[0]), unary.new_empty(unary.shape)),
)

gradient = operator(
    "chain_gradient(Tensor unary, Tensor transition, Tensor? lengths, Tensor alphas, Tensor grad)"
    " -> (Tensor, Tensor)",
    _gradient,
    like(0, 1),
)

posteriors = operator(
    "chain_posteriors(Tensor unary, Tensor transition, Tensor? lengths, Tensor alphas, Tensor grad) -> Tensor",
    _posteriors,
    like(0),
)

best = operator(
    "chain_best(Tensor unary, Tensor transition, Tensor? lengths) -> (Tensor, Tensor)",
    _best,
    lambda unary, transition, lengths: (
        unary.new_empty(unary.shape[:2], dtype=torch.int64),
        unary.new_empty(unary.shape[0]),
    ),
)
