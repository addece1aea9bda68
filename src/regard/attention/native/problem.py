"""One attention problem as the kernels read it: the structures of native/src/problem.hpp."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from struct import Struct
from typing import Any

import torch
from torch import Tensor

from regard.attention.native.operators import address

# The dtypes that the kernels read, and their numbers there.
DTYPES = {torch.float32: 0, torch.bfloat16: 1}
# How an operator is told all but query, key and value: the fields of `Lowered`.
DESCRIBED = (
    "Tensor[] tensors, Tensor? learned, Tensor? number, Tensor? seed, int[] steps, float[] numbers, int[] kinds, "
    "float[] settings"
)
# A structure is packed at once as bytes, which costs a tenth of filling it field by field. P: an address, q: a whole
# number, d: a real one; all are eight bytes wide, so that nothing lies between them.
STRUCTURE = ctypes.c_char_p
_STRIDED = Struct("P3q")
_PROBLEM = Struct("10q" + 3 * "P3q" + "qddqqPPqPPqddP3qqPPqd")


def dense(tensor: Tensor) -> Tensor:
    """The tensor with its last axis dense."""
    return tensor if tensor.stride()[-1] == 1 or tensor.shape[-1] == 1 else tensor.contiguous()


def strided(tensor: Tensor) -> bytes:
    """`Strided`: a dense tensor of four axes; the caller keeps it alive."""
    return _STRIDED.pack(tensor.data_ptr(), *tensor.stride()[:3])


def addresses(tensors: Sequence[Tensor | None]) -> array[int]:
    """Where the numbers of tensors begin, as an array that the caller keeps alive."""
    return array("Q", map(address, tensors))


def matched_size(key: Tensor, kinds: Sequence[int]) -> int:
    """How many numbers of a key are matched; what stands behind them, such as its place, is not."""
    return kinds[4] or key.shape[-1]


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
) -> tuple[bytes, Any]:
    """`Problem`: sizes, tensors and the three answers; and what has to live as long as it."""
    scale, softcap, temperature, alpha, rate = settings
    matching, rule, most, noise, _size, channels, taps = kinds
    code, reals, places = array("q", steps), array("d", numbers), addresses(tensors)
    batch, heads, queries, query_size = query.shape
    _batch, key_heads, keys, _key_size = key.shape
    found = _PROBLEM.pack(
        *(batch, heads, key_heads, queries, keys, matched_size(key, kinds), query_size, value.shape[3]),
        *(DTYPES[query.dtype], torch.get_num_threads()),
        *(query.data_ptr(), *query.stride()[:3]),
        *(key.data_ptr(), *key.stride()[:3]),
        *(value.data_ptr(), *value.stride()[:3]),
        *(matching, scale, softcap, channels, taps, address(learned)),
        *(code.buffer_info()[0], len(code), places.buffer_info()[0], reals.buffer_info()[0]),
        *(rule, temperature, alpha, address(number), *row_strides(number), most),
        *(0 if noise < 0 else tensors[noise].data_ptr(), address(seed), int(rate * (1 << 31)), 1 / (1 - rate)),
    )
    return found, (code, reals, places, query, key, value, tensors, learned, number, seed)


def row_strides(number: Tensor | None) -> tuple[int, ...]:
    """Strides of a dense tensor (batch, heads, queries, 1), 0 where there is one entry for all."""
    if number is None:
        return 0, 0, 0
    return tuple(0 if size == 1 else step for size, step in zip(number.shape[:3], number.stride()[:3], strict=True))
