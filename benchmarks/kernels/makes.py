"""How contenders are built from functions of a case's tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.kernels.case import Answer, Call, Contender, Make, Pass, Result, Side
from regard.attention.plan import PATHS

Function = Callable[..., Result]


def plain(function: Function) -> Make:
    """Call a function of the case's tensors as it is."""

    def make(*tensors: Tensor) -> Call:
        return partial(function, *tensors)

    return make


def compiled(function: Function) -> Make:
    """Compile a function for the sizes of the case's tensors."""

    def make(*tensors: Tensor) -> Call:
        return partial(torch.compile(function, fullgraph=True, dynamic=False), *tensors)

    return make


def regard(
    make: Make, *paths: str, passes: tuple[Pass, ...] = tuple(Pass), answer: Answer = Answer.SAME
) -> tuple[Contender, ...]:
    """Ours: the path that the plan chooses, then paths by name; `make` takes the path and the case's tensors.

    A path that this version does not have keeps its line, with the reason.
    """
    named = [
        Contender(
            f"Regard, {path}",
            partial(make, path),
            Side.OURS,
            passes,
            answer,
            unfit=None if path in PATHS else f"this version has no path {path!r}",
        )
        for path in paths
    ]
    return Contender("Regard", partial(make, None), Side.OURS, passes, answer), *named


def filled(*shape: int, seed: int, dtype: torch.dtype = torch.float32, scale: float = 1.0) -> nn.Parameter:
    """Normal numbers that are learned, the same ones for a seed."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(shape, generator=generator, dtype=torch.float32) * scale
    return nn.Parameter(numbers.to(dtype))
