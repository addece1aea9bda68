"""Facts about weights by kernels, as an operator: `regard::statistics`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from regard.attention.native.attention import SAVED
from regard.attention.native.lowered import Lowered
from regard.attention.native.operators import address, function, operator
from regard.attention.native.problem import DESCRIBED, STRUCTURE, dense, problem

_WHOLE, _POINTER = ctypes.c_int64, ctypes.c_void_p
# In the order of `Facts` in native/src/facts.hpp.
_TENSORS = ("lse", "maximum", "entropy", "position", "mass", "weight", "index", "pooled", "saved")


class Facts(ctypes.Structure):
    """Where the kernel is to write what is wanted; no address where it is not."""

    _fields_ = [(name, _POINTER) for name in _TENSORS] + [(name, _WHOLE) for name in ("top", "rows", "columns")]


@dataclass(frozen=True)
class Asked:
    """What is wanted: names of facts, how many of each row's largest weights, and the size of an overview.

    `saved` are the rows' numbers, from which any tile of weights can be made again.
    """

    names: frozenset[str]
    top: int = 0
    pooled: tuple[int, int] = (0, 0)

    @property
    def order(self) -> list[str]:
        """The names in the order in which the operator returns them."""
        return [name for name in _TENSORS if name in self.names]


def statistics(query: Tensor, key: Tensor, lowered: Lowered, asked: Asked) -> dict[str, Tensor]:
    """The wanted facts by name."""
    wanted = [name in asked.names for name in _TENSORS]
    found = _statistics(query, key, *lowered, wanted, [asked.top, *asked.pooled])
    return dict(zip(asked.order, found, strict=True))


@cache
def _function() -> Any:
    return function("statistics", STRUCTURE, ctypes.POINTER(Facts))


def _run(query: Tensor, key: Tensor, *described: Any) -> list[Tensor]:
    *call, wanted, sizes = described
    query, key = dense(query), dense(key)
    places = _empty(query, key, wanted, sizes)
    asked, kept = problem(query, key, key, *call)
    _function()(asked, Facts(*(address(place) for place in places), *sizes))
    del kept
    return [place for place in places if place is not None]


def _shapes(query: Tensor, key: Tensor, *described: Any) -> list[Tensor]:
    return [place for place in _empty(query, key, *described[-2:]) if place is not None]


def _empty(query: Tensor, key: Tensor, wanted: Sequence[bool], sizes: Sequence[int]) -> list[Tensor | None]:
    """A tensor for every fact that is wanted, 0 where the kernel adds up."""
    maps, rows = query.shape[:2], query.shape[:3]
    top, *pooled = sizes
    tails: dict[str, tuple[int, ...]] = {
        "mass": (*maps, key.shape[2]),
        "weight": (*rows, top),
        "index": (*rows, top),
        "pooled": (*maps, *pooled),
        "saved": (*rows, SAVED),
    }
    return [
        query.new_zeros(tails.get(name, rows), dtype=torch.int64 if name == "index" else torch.float32)
        if want
        else None
        for name, want in zip(_TENSORS, wanted, strict=True)
    ]


_statistics = operator(
    f"statistics(Tensor query, Tensor key, {DESCRIBED}, bool[] wanted, int[] sizes) -> Tensor[]", _run, _shapes
)
