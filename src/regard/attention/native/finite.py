"""Whether tensors hold NaN or Inf, found by a kernel that reads them once."""

from __future__ import annotations

import ctypes
from functools import cache
from struct import Struct
from typing import Any

import torch
from torch import Tensor

from regard.attention.native.library import kernels
from regard.attention.native.operators import function
from regard.attention.native.problem import DTYPES, STRUCTURE
from regard.attention.tracing import seen_by_others

# `Numbers` in native/src/finite.cpp.
_NUMBERS = Struct("P8q")


@cache
def _function() -> Any:
    return function("all_finite", STRUCTURE, ctypes.c_int64, ctypes.c_int64)


def all_finite(*tensors: Tensor) -> bool | None:
    """Whether every number is finite; None where the kernel does not serve: it is for plain tensors on a CPU.

    Example:
        >>> import torch
        >>> all_finite(torch.tensor([1.0, torch.inf])) is True
        False
    """
    if kernels().loaded is None or seen_by_others(*tensors):
        return None
    told = b""
    for tensor in tensors:
        if tensor.dtype not in DTYPES or not tensor.is_cpu:
            return None
        rows = (tensor.numel(), 1, 1, 1, 0, 0, 0) if tensor.is_contiguous() else _rows(tensor)
        if rows is None:
            return None
        told += _NUMBERS.pack(tensor.data_ptr(), DTYPES[tensor.dtype], *rows)
    return bool(_function()(told, len(tensors), torch.get_num_threads()))


def _rows(tensor: Tensor) -> tuple[int, ...] | None:
    """Length, counts and steps of rows that hold a tensor's numbers as they lie; None for too many axes.

    Heads are often cut out of longer rows, and lie as densely as before.
    """
    steps: list[int] = []
    counts: list[int] = []
    for step, count in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if counts and step == steps[-1] * counts[-1]:
            counts[-1] *= count
        else:
            steps.append(step)
            counts.append(count)
    if steps[0] != 1:
        steps, counts = [1, *steps], [1, *counts]
    more = 4 - len(steps)
    if more < 0:
        return None
    return (counts[0], *(1,) * more, *counts[:0:-1], *(0,) * more, *steps[:0:-1])
