"""One value forward, the gradient of another backward."""

from __future__ import annotations

import torch
from torch import Tensor


def straight_through(hard: Tensor, soft: Tensor) -> Tensor:
    """`hard`, to the bit, with the gradient of `soft`.

    Example:
        >>> import torch
        >>> soft = torch.tensor([0.3, 0.7], requires_grad=True)
        >>> straight_through(torch.tensor([0.0, 1.0]), soft)[1].backward()
        >>> soft.grad
        tensor([0., 1.])

    Source: Bengio, Leonard and Courville 2013, section 4.
    """
    # The difference is 0 to the bit, as x - x is; what is added to it first would be rounded.
    return hard + (soft - soft.detach())


def one_hot(index: Tensor, like: Tensor) -> Tensor:
    """1 at `index` (..., 1) of the last axis of a tensor of zeros like `like`."""
    return torch.zeros_like(like).scatter(-1, index, 1.0)
