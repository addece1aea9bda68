"""Checks that layers make of what they are given, before anything is computed."""

from __future__ import annotations

from torch import Tensor


def check_sizes(**sizes: int) -> None:
    """Raise ValueError where a size or a count is not positive."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} is {size}, expected a positive number.")


def check_last(name: str, tensor: Tensor, dimensions: int, size: int) -> None:
    """Raise ValueError where a tensor has not this many axes, or its last has not this size."""
    if tensor.dim() != dimensions or tensor.shape[-1] != size:
        axes = {2: f"(batch, {size})", 3: f"(batch, time, {size})"}.get(dimensions, f"{dimensions} axes")
        raise ValueError(
            f"{name} has shape {tuple(tensor.shape)}, expected {axes} with a last axis of {size}; reshape it, or "
            "build the layer for its size."
        )


def check_tokens(name: str, tokens: Tensor, dimensions: int) -> None:
    """Raise ValueError where token ids are not whole numbers on this many axes."""
    if tokens.dim() != dimensions or tokens.is_floating_point() or tokens.is_complex():
        axes = {2: "(batch, words)", 3: "(batch, memories, words)"}[dimensions]
        raise ValueError(
            f"{name} has shape {tuple(tokens.shape)} and dtype {tokens.dtype}, expected whole numbers, {axes}."
        )
