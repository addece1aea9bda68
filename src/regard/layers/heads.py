"""Heads side by side in one vector, and apart on an axis of their own."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def apart(inputs: Float[Tensor, "batch time all"], heads: int) -> Float[Tensor, "batch heads time size"]:
    """(batch, time, heads x size) as (batch, heads, time, size)."""
    return inputs.unflatten(-1, (heads, -1)).transpose(1, 2)


def joined(context: Float[Tensor, "batch heads time size"]) -> Float[Tensor, "batch time all"]:
    """(batch, heads, time, size) as (batch, time, heads x size)."""
    return context.transpose(1, 2).flatten(2)
