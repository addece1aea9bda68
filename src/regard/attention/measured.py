"""What each path costs on a CPU, as measured: the planner's table."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

import torch

Path = Literal["reference", "sdpa", "native", "blockwise"]


@dataclass(frozen=True)
class Measured:
    """Milliseconds of every path for one kind of work, on the chip and at the time that the table names.

    kind: "plain", "causal" and "padded" are what PyTorch's kernel serves, "product" any other inner product, "other"
    any other score; "plain step", "product step" and "other step" are those of a few queries, and "grouped step" a
    plain one where heads share keys. size: of a query. cells: queries times keys of one map. forward and both: by
    path, without and with the backward pass.
    """

    chip: str
    kind: str
    dtype: str
    size: int
    cells: int
    forward: dict[str, float]
    both: dict[str, float]

    def fastest(self, able: Sequence[Path], trained: bool) -> Path:
        """The fastest of the paths that can serve the work; one that was not measured comes last."""
        times = self.both if trained else self.forward
        return min(able, key=lambda path: times.get(path, math.inf))


@cache
def table() -> dict[tuple[str, str], tuple[Measured, ...]]:
    """The rows that benchmarks/attention/plan.py has written for chips like this one, by kind and dtype."""
    found = json.loads(files("regard.attention").joinpath("tables", file_name()).read_text())
    return by_kind_and_dtype(Measured(found["chip"], **row) for row in found["rows"])


def file_name() -> str:
    """The table of a chip: with matrix tiles for 16 bits (AMX), PyTorch's own kernel is another one than without."""
    return "tiles.json" if torch.cpu._is_amx_tile_supported() else "vectors.json"


def by_kind_and_dtype(rows: Iterable[Measured]) -> dict[tuple[str, str], tuple[Measured, ...]]:
    """Rows of one kind and dtype together, in their order."""
    grouped: dict[tuple[str, str], tuple[Measured, ...]] = {}
    for row in rows:
        grouped[row.kind, row.dtype] = (*grouped.get((row.kind, row.dtype), ()), row)
    return grouped


@lru_cache(maxsize=1024)
def nearest(kind: str, dtype: torch.dtype, size: int, cells: int) -> Measured | None:
    """The row of this kind and dtype nearest by ratio, in size and then in cells; None where there is none."""
    rows = table().get((kind, str(dtype).removeprefix("torch.")), ())
    return min(rows, key=lambda row: (_apart(row.size, size), _apart(row.cells, cells)), default=None)


def _apart(one: int, other: int) -> float:
    return abs(math.log(one / max(other, 1)))
