"""What the machine gives at best: matrix products, exponentials and copying, measured with PyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.kernels.case import Ceiling, Scale, Work


@dataclass(frozen=True)
class Ceilings:
    """Operations, exponentials and bytes in a second; copied bytes count twice, read and written."""

    float32: float
    bfloat16: float
    exponentials: float
    bytes: float

    def matrix(self, dtype: torch.dtype) -> float:
        """Operations in a second of a matrix product in this dtype."""
        return self.bfloat16 if dtype == torch.bfloat16 else self.float32

    def fractions(self, work: Work, dtype: torch.dtype, seconds: float) -> dict[Ceiling, float]:
        """Which part of each ceiling a pass of this work in this time reaches."""
        return {
            "matrix": work.flops / seconds / self.matrix(dtype),
            "exp": work.exponentials / seconds / self.exponentials,
            "copy": work.bytes / seconds / self.bytes,
        }


@dataclass(frozen=True)
class _Sizes:
    side: int
    chunk: int
    copied: int
    runs: int


# A chunk of 64 Ki numbers stays in every second-level cache; a copy of 2**26 leaves every third-level one.
_SIZES = {Scale.FULL: _Sizes(2048, 1 << 16, 1 << 26, 7), Scale.SMOKE: _Sizes(128, 1 << 12, 1 << 16, 2)}


def measured(scale: Scale) -> Ceilings:
    """The ceilings of this machine with the threads that are set."""
    sizes = _SIZES[scale]
    chunk, out = torch.randn(2, sizes.chunk).unbind()
    source, target = torch.ones(2, sizes.copied).unbind()
    repeats = 64
    exponentials = _best(lambda: [torch.exp(chunk, out=out) for _ in range(repeats)], sizes.runs)
    copied = _best(lambda: target.copy_(source), sizes.runs)
    return Ceilings(
        float32=_products(sizes, torch.float32),
        bfloat16=_products(sizes, torch.bfloat16),
        exponentials=repeats * sizes.chunk / exponentials,
        bytes=2 * source.numel() * source.element_size() / copied,
    )


def _products(sizes: _Sizes, dtype: torch.dtype) -> float:
    left, right, out = (torch.randn(sizes.side, sizes.side, dtype=dtype) for _ in range(3))
    return 2 * sizes.side**3 / _best(lambda: torch.mm(left, right, out=out), sizes.runs)


def _best(call: Callable[[], Tensor | list[Tensor]], runs: int) -> float:
    """Seconds of the fastest run after one to warm up: a ceiling is not a median."""
    call()
    found = []
    for _ in range(runs):
        begun = time.perf_counter()
        call()
        found.append(time.perf_counter() - begun)
    return min(found)
