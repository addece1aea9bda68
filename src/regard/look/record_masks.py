"""Masks that many layers share, looked at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from regard.look.sight import Sight
from regard.look.sight_found import narrowed, of_bias, of_mask


class _Known(NamedTuple):
    """A mask that was looked at, kept alive so that no other takes its address."""

    mask: Tensor
    queries: int
    version: int
    sight: Sight


class Masks:
    """What masks say, with the last few remembered: a model gives all of its layers the same one or two."""

    def __init__(self, most: int = 3) -> None:
        self._most = most
        self._known: list[_Known] = []
        # Where a mask of numbers was made of a mask of booleans, which each layer may do anew.
        self._origin = WeakTensorKeyDictionary()

    def made(self, mask: Tensor, origin: Tensor) -> None:
        """Note that a mask of numbers says what booleans say: 0 where True, hidden where not."""
        self._origin[mask] = origin

    def sight(self, mask: Tensor, queries: int, keys: int) -> Sight:
        """What a mask of booleans (True = seen) or of numbers to add says; rows count from position 0."""
        origin = self._origin.get(mask)
        mask = mask if origin is None else origin
        for known in self._known:
            if _same(known, mask, queries):
                return known.sight
        cells = narrowed(mask.detach()).cpu()
        cells = cells.expand(*cells.shape[:3], keys) if cells.shape[-1] == 1 else cells
        if cells.dtype == torch.bool:
            sight = of_mask(cells, queries)
        else:
            sight = of_bias(cells, queries, torch.arange(queries))
        self._known = [*self._known[-self._most + 1 :], _Known(mask, queries, _version(mask), sight)]
        return sight


def _same(known: _Known, mask: Tensor, queries: int) -> bool:
    def described(each: Tensor) -> tuple[object, ...]:
        return each.data_ptr(), each.shape, each.stride(), each.dtype, each.device

    alike = described(known.mask) == described(mask)
    return alike and (known.queries, known.version) == (queries, _version(mask))


def _version(mask: Tensor) -> int:
    """How often the tensor was written to, where PyTorch counts that."""
    return 0 if mask.is_inference() else mask._version
