"""Computing in the dtype that a call has chosen, whatever autocast would make of it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

_AS_IT_IS = nullcontext()


def as_chosen(device: str) -> AbstractContextManager[object]:
    """A context without autocast. Entering PyTorch's own costs more than a small problem, so only where it is on."""
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else _AS_IT_IS
