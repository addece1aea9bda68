"""The short way through `attend`: at the smallest calls, the long way's looks cost more than the attention."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from regard.attention.call import Call, Prepared
from regard.attention.native.finite import all_finite
from regard.attention.paths import sdpa
from regard.attention.plan import measured
from regard.attention.scores.dot import Dot
from regard.attention.space import Space
from regard.attention.tracing import transformed, wants_gradient
from regard.attention.weighings.softmax import Softmax
from regard.attention.wheres.causal import Causal
from regard.attention.wheres.where import EVERYTHING, Where

# Numbers of a tensor up to which this is worth it where PyTorch's kernel is the fastest: it takes a third of the long
# way's time at 14,000, five sixths at 131,000, and all of it at 262,000.
_MOST = 1 << 17
# The same where another path is: of two paths that take as long, this one is left at 10,000.
_LEAST = 1 << 13


def short(query: Tensor, key: Tensor, value: Tensor, where: Where | None) -> Tensor | None:
    """Context of a plain softmax over all keys, or all up to now; None: the long way decides.

    For small and finite tensors in float32 on a CPU; all else, errors too, is the long way's.
    """
    # A compiler does not follow what is remembered.
    if torch.compiler.is_compiling() or not (where is None or type(where) is Causal):
        return None
    call = _call(query.shape, key.shape, value.shape, where, wants_gradient(query, key, value))
    if call is None:
        return None
    if query.dtype is not torch.float32 or key.dtype is not torch.float32 or value.dtype is not torch.float32:
        return None
    # Other tensors than plain dense ones on a CPU that nobody follows are not told to be finite.
    if torch.is_autocast_enabled("cpu") or transformed() or not all_finite(query, key, value):
        return None
    return sdpa.sdpa(call, Prepared(query, key, value))


@lru_cache(maxsize=256)
def _call(query: torch.Size, key: torch.Size, value: torch.Size, where: Where | None, trained: bool) -> Call | None:
    """The call, if its sizes fit without grouping, are small and not 0, and PyTorch's kernel serves it best."""
    fit = len(query) == 4 and key == value and query[:2] == key[:2] and query[3] == key[3]
    if not (fit and 0 < query.numel() <= _MOST and 0 < key.numel() <= _MOST):
        return None
    score, space = Dot(), Space(tuple(query[:2]), key[1], query[2], key[2], torch.device("cpu"))
    call = Call(space, score, EVERYTHING if where is None else where, Softmax(), factor=score.factor(query[3]))
    if call.simple is None:
        return None
    return call if max(query.numel(), key.numel()) <= _LEAST or _is_fastest(call, query[3], trained) else None


def _is_fastest(call: Call, size: int, trained: bool) -> bool:
    """Whether PyTorch's kernel was the fastest for work like this."""
    row = measured(call, None, torch.float32, size)
    return row is not None and row.fastest(("sdpa", "native", "blockwise"), trained) == "sdpa"
