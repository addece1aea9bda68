"""The short way through `attend`: at the smallest calls, the long way's looks cost more than the attention."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from regard.attention.native.finite import all_finite
from regard.attention.tracing import wants_gradient

# Numbers of a tensor up to which this is worth it: it takes a third of the long way's time at 14,000, five sixths at
# 131,000, and all of it at 262,000.
_MOST = 1 << 17


def short(query: Tensor, key: Tensor, value: Tensor) -> Tensor | None:
    """Context of a plain softmax over all keys where PyTorch's kernel serves it; None: the long way decides.

    For small and finite tensors in float32 on a CPU that want no gradient; all else, errors too, is the long way's.
    """
    # A compiler does not follow what is remembered.
    if (
        torch.compiler.is_compiling()
        or not _small(query.shape, key.shape, value.shape)
        or wants_gradient(query, key, value)
    ):
        return None
    if query.dtype is not torch.float32 or key.dtype is not torch.float32 or value.dtype is not torch.float32:
        return None
    # Other tensors than plain dense ones on a CPU that nobody follows are not told to be finite.
    if torch.is_autocast_enabled("cpu") or not all_finite(query, key, value):
        return None
    return scaled_dot_product_attention(query, key, value)


@lru_cache(maxsize=256)
def _small(query: torch.Size, key: torch.Size, value: torch.Size) -> bool:
    """Whether sizes belong together without grouping, and are small and not empty."""
    fit = len(query) == 4 and key == value and query[:2] == key[:2] and query[3] == key[3]
    return fit and 0 < query.numel() <= _MOST and 0 < key.numel() <= _MOST
