"""Operators of a reader who goes through the keys from left to right, and their gradient.

probabilities is (problems, rows, keys), carry, the weights of the row before, (problems, keys).
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from regard.attention.native.operators import address, kernel, like, operator

_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64


def _align(probabilities: Tensor, carry: Tensor) -> Tensor:
    probabilities, carry = probabilities.contiguous(), carry.contiguous()
    stopped = torch.empty_like(probabilities)
    run = kernel("monotonic", stopped.dtype, _POINTER, _POINTER, *(_COUNT,) * 3, _POINTER, ctypes.c_int)
    run(address(probabilities), address(carry), *stopped.shape, address(stopped), torch.get_num_threads())
    return stopped


def _gradient(probabilities: Tensor, carry: Tensor, stopped: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    given = [tensor.contiguous() for tensor in (probabilities, carry, stopped, grad)]
    found = torch.empty_like(given[0]), torch.empty_like(given[1])
    run = kernel("monotonic_gradient", grad.dtype, *(_POINTER,) * 2, *(_COUNT,) * 3, *(_POINTER,) * 4, ctypes.c_int)
    sizes = given[0].shape
    ends = (*map(address, given[2:]), *map(address, found))
    run(*map(address, given[:2]), *sizes, *ends, torch.get_num_threads())
    return found


align = operator(
    "monotonic(Tensor probabilities, Tensor carry) -> Tensor",
    _align,
    like(0),
)

gradient = operator(
    "monotonic_gradient(Tensor probabilities, Tensor carry, Tensor stopped, Tensor grad) -> (Tensor, Tensor)",
    _gradient,
    like(0, 1),
)
