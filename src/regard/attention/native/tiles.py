"""Weights of chosen cells by kernels: any rectangle of the maps from the numbers of its rows, or whole rows."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from regard.attention.call import Call, Prepared
from regard.attention.native.lowered import Lowered, served
from regard.attention.native.operators import function, operator
from regard.attention.native.problem import DESCRIBED, STRUCTURE, dense, problem
from regard.attention.native.statistics import Asked, statistics


def row_numbers(call: Call, prepared: Prepared) -> Tensor:
    """The number of every row from which its weights follow, (batch, heads, Tq, 4), in one pass over the scores.

    Raises:
        ValueError: the kernels cannot serve the call.
    """
    found = statistics(prepared.query, prepared.key, _told(call, prepared), Asked(frozenset({"saved"})))
    return found["saved"]


def tile(call: Call, prepared: Prepared, saved: Tensor, rows: range, columns: range) -> Tensor:
    """Weights of a rectangle of every map, (batch, heads, rows, columns), in float32, before dropout.

    Args:
        call: the three answers.
        prepared: query and key.
        saved: what `row_numbers` found for the same call.
        rows: queries, neighbours.
        columns: keys, neighbours.

    Raises:
        ValueError: the kernels cannot serve the call, or the rectangle is not within the map.
    """
    space = call.space
    for name, span, size in (("rows", rows, space.queries), ("columns", columns, space.keys)):
        if span.step != 1 or not 0 <= span.start < span.stop <= size:
            raise ValueError(f"{name} is {span}, expected neighbours within range(0, {size}), at least one.")
    bounds = [rows.start, rows.stop, columns.start, columns.stop]
    found: Tensor = _tile(prepared.query, prepared.key, *_told(call, prepared), saved, bounds)
    return found


def chosen_rows(query: Tensor, key: Tensor, found: Lowered, rows: Sequence[int]) -> Tensor:
    """Weights of whole rows, (batch, heads, rows, Tk), in float32."""
    weights: Tensor = _rows(query, key, *found, list(rows))
    return weights


def _told(call: Call, prepared: Prepared) -> Lowered:
    found = served(call, prepared.query.dtype)
    if isinstance(found, str):
        raise ValueError(f"call cannot be served by our kernels: {found}. Use regard.weights.")
    return found


@cache
def _functions() -> tuple[Any, Any]:
    whole, pointer, asked = ctypes.c_int64, ctypes.c_void_p, STRUCTURE
    return (
        function("tile", asked, pointer, whole, whole, whole, whole, pointer),
        function("rows", asked, pointer, whole, pointer),
    )


def _run_tile(query: Tensor, key: Tensor, *described: Any) -> Tensor:
    *call, saved, (first, last, left, right) = described
    query, key, saved = dense(query), dense(key), saved.contiguous()
    weights = query.new_empty((*query.shape[:2], last - first, right - left), dtype=torch.float32)
    asked, kept = problem(query, key, key, *call)
    _functions()[0](asked, saved.data_ptr(), first, last - first, left, right - left, weights.data_ptr())
    del kept
    return weights


def _run_rows(query: Tensor, key: Tensor, *described: Any) -> Tensor:
    *call, rows = described
    query, key = dense(query), dense(key)
    weights = query.new_empty((*query.shape[:2], len(rows), key.shape[2]), dtype=torch.float32)
    asked, kept = problem(query, key, key, *call)
    _functions()[1](asked, (ctypes.c_int64 * len(rows))(*rows), len(rows), weights.data_ptr())
    del kept
    return weights


def _tile_shape(query: Tensor, _key: Tensor, *described: Any) -> Tensor:
    first, last, left, right = described[-1]
    return query.new_empty((*query.shape[:2], last - first, right - left), dtype=torch.float32)


def _rows_shape(query: Tensor, key: Tensor, *described: Any) -> Tensor:
    return query.new_empty((*query.shape[:2], len(described[-1]), key.shape[2]), dtype=torch.float32)


_tile = operator(
    f"tile(Tensor query, Tensor key, {DESCRIBED}, Tensor saved, int[] bounds) -> Tensor", _run_tile, _tile_shape
)
_rows = operator(f"rows(Tensor query, Tensor key, {DESCRIBED}, int[] rows) -> Tensor", _run_rows, _rows_shape)
