"""Whether tensors hold NaN or Inf, found by a kernel that reads them once."""

from __future__ import annotations

import ctypes
from functools import cache
from struct import pack
from typing import Any

from torch import Tensor

from regard.attention.native.library import kernels
from regard.attention.native.operators import function
from regard.attention.native.problem import DTYPES, STRUCTURE
from regard.attention.tracing import seen_by_others

# Numbers up to which one thread is faster than PyTorch's sum with all of them.
_MOST = 1 << 16


@cache
def _function() -> Any:
    return function("all_finite", STRUCTURE, ctypes.c_int64)


def all_finite(*tensors: Tensor) -> bool | None:
    """Whether every number is finite; None where the kernel does not serve: it is for small dense tensors on a CPU.

    Example:
        >>> import torch
        >>> all_finite(torch.tensor([1.0, torch.inf])) is True
        False
    """
    if kernels().loaded is None or seen_by_others(*tensors):
        return None
    told: list[int] = []
    for tensor in tensors:
        count = tensor.numel()
        if tensor.dtype not in DTYPES or not tensor.is_cpu or not tensor.is_contiguous() or count > _MOST:
            return None
        told += (tensor.data_ptr(), count, DTYPES[tensor.dtype])
    return bool(_function()(pack("Pqq" * len(tensors), *told), len(tensors)))
