"""Computing in the dtype that a call has chosen, whatever autocast would make of it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

_AS_IT_IS = nullcontext()


def as_chosen(device: str) -> AbstractContextManager[object]:
    """A context without autocast. Entering PyTorch's own costs more than a small problem, so only where it is on."""
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else _AS_IT_IS


def in_dtype(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor in a dtype. PyTorch's own question whether it is already costs more than ours."""
    return tensor if tensor.dtype == dtype else tensor.to(dtype)
