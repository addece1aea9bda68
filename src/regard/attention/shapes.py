"""Checking the tensors of a call and bringing them to four dimensions."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from regard.attention.scores.score import Score
from regard.attention.space import Space


def space_of(query: Tensor, key: Tensor) -> Space:
    """The space that queries (..., Tq, D) and keys (..., Tk, Dk) span.

    Raises:
        ValueError: a tensor lacks its last two axes, is not floating point, lies elsewhere, or has leading
            sizes that do not fit.
    """
    _check_tensor("query", query)
    _check_tensor("key", key)
    if key.device != query.device:
        raise ValueError(f"key is on {key.device} and query on {query.device}; move one of them.")
    return space_over(query, key.shape)


def space_over(query: Tensor, key_sizes: tuple[int, ...]) -> Space:
    """The space that queries (..., Tq, D) span with keys of sizes (..., Tk, Dk) on the same device.

    Raises:
        ValueError: query lacks its last two axes or is not floating point; leading sizes do not fit.
    """
    _check_tensor("query", query)
    # A compiler may not know the sizes, and does not follow what is remembered.
    found = _space.__wrapped__ if torch.compiler.is_compiling() else _space
    return found(query.shape, key_sizes, query.device)


@lru_cache(maxsize=256)
def _space(query: tuple[int, ...], key: tuple[int, ...], device: torch.device) -> Space:
    lead, key_lead = tuple(query[:-2]), tuple(key[:-2])
    key_heads = key_lead[-1] if len(lead) > 1 and len(key_lead) == len(lead) else 1
    grouped = len(lead) > 1 and len(key_lead) == len(lead) and lead[:-1] == key_lead[:-1]
    if key_lead != lead and not (grouped and key_heads > 0 and lead[-1] % key_heads == 0):
        raise ValueError(
            f"key has leading sizes {key_lead} and query has {lead}; they must be equal, or differ only in "
            "heads with the query's a multiple of the key's. Expand the smaller tensor."
        )
    return Space(lead, key_heads, query[-2], key[-2], device)


def check_value(key: Tensor, value: Tensor) -> None:
    """Raise ValueError where values do not belong to the keys."""
    _check_tensor("value", value)
    if value.shape != key.shape and value.shape[:-1] != key.shape[:-1]:
        raise ValueError(
            f"value has shape {tuple(value.shape)} and key {tuple(key.shape)}; all sizes but the last must be "
            "equal: one value for each key."
        )
    if value.device != key.device:
        raise ValueError(f"value is on {value.device} and key on {key.device}; move one of them.")


def lift(tensor: Tensor) -> Tensor:
    """(..., time, size) as (batch, heads, time, size)."""
    if tensor.dim() == 4:
        return tensor
    if tensor.dim() == 3:
        return tensor[:, None]
    if tensor.dim() == 2:
        return tensor[None, None]
    return tensor.flatten(0, -4)


def working_dtype(score: Score, *tensors: Tensor) -> torch.dtype:
    """The dtype a call computes in: the widest given, or autocast's where that is on and the score bears it.

    The gradient of an additive score's query is a sum over keys that almost cancels: in 16 bits rounding drowns
    it, and an optimiser that normalises would then follow noise. So autocast narrows inner products only.
    """
    device = tensors[0].device.type
    dtype = tensors[0].dtype
    for tensor in tensors[1:]:
        if tensor.dtype != dtype:
            dtype = torch.promote_types(dtype, tensor.dtype)
    if not torch.is_autocast_enabled(device):
        return dtype
    if dtype != torch.float64 and score.is_inner_product:
        return torch.get_autocast_dtype(device)
    return torch.promote_types(dtype, torch.float32)


def _check_tensor(name: str, tensor: Tensor) -> None:
    if tensor.dim() < 2:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected at least (time, size).")
    if not tensor.is_floating_point():
        raise ValueError(f"{name} has dtype {tensor.dtype}, expected a floating-point dtype; use .float().")
