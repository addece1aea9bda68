"""Whether a tensor holds NaN or Inf, found by a kernel that reads it once."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from torch import Tensor

from regard.attention.native.library import kernels
from regard.attention.native.operators import function
from regard.attention.native.problem import DTYPES
from regard.attention.tracing import seen_by_others

# Numbers up to which one thread is faster than PyTorch's sum with all of them.
_MOST = 1 << 16


@cache
def _function() -> Any:
    return function("all_finite", ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


def all_finite(tensor: Tensor) -> bool | None:
    """Whether every number is finite; None where the kernel does not serve: it is for small dense tensors on a CPU.

    Example:
        >>> import torch
        >>> all_finite(torch.tensor([1.0, torch.inf])) is True
        False
    """
    if tensor.dtype not in DTYPES or not tensor.is_cpu or not tensor.is_contiguous() or tensor.numel() > _MOST:
        return None
    if kernels().loaded is None or seen_by_others(tensor):
        return None
    return bool(_function()(tensor.data_ptr(), tensor.numel(), DTYPES.index(tensor.dtype)))
