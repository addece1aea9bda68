"""One attention problem as the kernels read it: the structures of native/src/problem.hpp."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

_WHOLE, _POINTER, _REAL = ctypes.c_int64, ctypes.c_void_p, ctypes.c_double
_DTYPES = {torch.float32: 0, torch.bfloat16: 1}
DTYPES = tuple(_DTYPES)
# How an operator is told all but query, key and value: the fields of `Lowered`.
DESCRIBED = (
    "Tensor[] tensors, Tensor? learned, Tensor? number, Tensor? seed, int[] steps, float[] numbers, int[] kinds, "
    "float[] settings"
)


_SIZES = ("batch", "heads", "key_heads", "queries", "keys", "size", "query_size", "value_size")


class Strided(ctypes.Structure):
    """A tensor (batch, heads, rows, size) whose last axis is dense."""

    _fields_ = [("data", _POINTER), ("batch", _WHOLE), ("head", _WHOLE), ("row", _WHOLE)]


class RowNumber(ctypes.Structure):
    """A number for every row; no data where all rows have the same."""

    _fields_ = [("data", _POINTER), ("batch", _WHOLE), ("head", _WHOLE), ("row", _WHOLE)]


class Problem(ctypes.Structure):
    """Sizes, tensors and the three answers."""

    _fields_ = [
        *((name, _WHOLE) for name in _SIZES),
        ("dtype", _WHOLE),
        ("threads", _WHOLE),
        ("query", Strided),
        ("key", Strided),
        ("value", Strided),
        ("score", _WHOLE),
        ("softcap", _REAL),
        ("channels", _WHOLE),
        ("taps", _WHOLE),
        ("learned", _POINTER),
        ("steps", _POINTER),
        ("step_count", _WHOLE),
        ("tensors", _POINTER),
        ("numbers", _POINTER),
        ("rule", _WHOLE),
        ("temperature", _REAL),
        ("alpha", _REAL),
        ("number", RowNumber),
        ("most", _WHOLE),
        ("noise", _POINTER),
        ("seed", _POINTER),
        ("dropped", _WHOLE),
        ("kept", _REAL),
    ]


def dense(tensor: Tensor) -> Tensor:
    """The tensor with its last axis dense."""
    return tensor if tensor.stride(-1) == 1 or tensor.shape[-1] == 1 else tensor.contiguous()


def strided(tensor: Tensor) -> Strided:
    """A dense tensor of four axes; the caller keeps it alive."""
    return Strided(tensor.data_ptr(), *tensor.stride()[:3])


def pointers(tensors: Sequence[Tensor | None]) -> Any:
    """Addresses of tensors, as an array that the caller keeps alive."""
    return (_POINTER * len(tensors))(*(None if tensor is None else tensor.data_ptr() for tensor in tensors))


def problem(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    tensors: Sequence[Tensor],
    learned: Tensor | None,
    number: Tensor | None,
    seed: Tensor | None,
    steps: Sequence[int],
    numbers: Sequence[float],
    kinds: Sequence[int],
    settings: Sequence[float],
) -> tuple[Problem, Any]:
    """The structure, and what has to live as long as it."""
    softcap, temperature, alpha, rate = settings
    matching, rule, most, noise, size, channels, taps = kinds
    code, reals, places = (_WHOLE * len(steps))(*steps), (_REAL * len(numbers))(*numbers), pointers(tensors)
    row_number = RowNumber() if number is None else RowNumber(number.data_ptr(), *row_strides(number))
    found = Problem(
        *query.shape[:2],
        key.shape[1],
        query.shape[2],
        key.shape[2],
        size or key.shape[3],
        query.shape[3],
        value.shape[3],
        _DTYPES[query.dtype],
        torch.get_num_threads(),
        strided(query),
        strided(key),
        strided(value),
        matching,
        softcap,
        channels,
        taps,
        None if learned is None else learned.data_ptr(),
        ctypes.addressof(code),
        len(steps),
        ctypes.addressof(places),
        ctypes.addressof(reals),
        rule,
        temperature,
        alpha,
        row_number,
        most,
        None if noise < 0 else tensors[noise].data_ptr(),
        None if seed is None else seed.data_ptr(),
        int(rate * (1 << 31)),
        1 / (1 - rate),
    )
    return found, (code, reals, places, query, key, value, tensors, learned, number, seed)


def row_strides(number: Tensor) -> tuple[int, ...]:
    """Strides of a dense tensor (batch, heads, queries, 1), 0 where there is one entry for all."""
    return tuple(0 if size == 1 else step for size, step in zip(number.shape[:3], number.stride()[:3], strict=True))
