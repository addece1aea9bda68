"""Plain softmax in float32 and bfloat16, and odd sizes."""

from __future__ import annotations

from dataclasses import replace

import torch

from benchmarks.kernels.attention import Problem, Shown, case
from benchmarks.kernels.case import Aim, Case, Group, Pass, Reach, Scale
from benchmarks.kernels.machine import mkl_takes_avx512

_SHAPES = {
    Scale.FULL: ((8, 8, 128, 64), (4, 8, 512, 64), (1, 8, 2048, 64), (1, 8, 8192, 64)),
    Scale.SMOKE: ((2, 3, 13, 7),),
}
_HEAD_SIZES = {Scale.FULL: (16, 32, 48, 80, 96, 128, 256), Scale.SMOKE: (5,)}
_TIMES = {Scale.FULL: (1, 7, 50, 1000), Scale.SMOKE: (1, 7)}
_HEADS_OF_SIZES = {Scale.FULL: Problem(2, 8, 500, 0), Scale.SMOKE: Problem(2, 3, 11, 0)}
_MANY = {Scale.FULL: Problem(64, 8, 30, 64), Scale.SMOKE: Problem(5, 3, 7, 11)}


def _float32(scale: Scale) -> list[Case]:
    return [case(Problem(*shape, shown), aims=_aims_float32(shape[2])) for shape in _SHAPES[scale] for shown in Shown]


def _as_on_intel(scale: Scale) -> list[Case]:
    """The same, ours and PyTorch's kernel alone, where MKL is as fast as the chip lets it be."""
    why = None if mkl_takes_avx512() else "MKL leaves AVX-512 alone on this chip; see mkl_as_on_intel.c"
    aims = tuple(Aim("SDPA", which, 1.0) for which in Pass)
    found = []
    for one in _float32(scale):
        there = {each.name: each for each in one.contenders}
        two = there["Regard"], replace(there["SDPA"], unfit=why)
        found.append(replace(one, contenders=two, aims=aims))
    return found


def _aims_float32(time: int) -> tuple[Aim, ...]:
    return Aim("SDPA", Pass.FORWARD, 1.9 if time >= 2048 else 1.6), Aim("SDPA", Pass.BOTH, 1.5)


def _bfloat16(scale: Scale) -> list[Case]:
    return [
        case(Problem(*shape, shown, torch.bfloat16), aims=_aims_bfloat16(shape[2]))
        for shape in _SHAPES[scale]
        for shown in Shown
    ]


def _aims_bfloat16(time: int) -> tuple[Aim | Reach, ...]:
    never_below = tuple(Aim(None, which, 0.9) for which in Pass)
    if time < 512:
        return never_below
    against = (("SDPA", 2.0), ("formula", 1.1))
    faster = tuple(Aim(name, which, least) for name, least in against for which in Pass)
    return (*faster, *never_below, *((Reach("matrix", Pass.FORWARD, 0.4),) if time >= 2048 else ()))


def _sizes(scale: Scale) -> list[Case]:
    problems = [replace(_HEADS_OF_SIZES[scale], size=size) for size in _HEAD_SIZES[scale]]
    problems += [Problem(4, 8, time, 64, shown) for time in _TIMES[scale] for shown in (Shown.FULL, Shown.CAUSAL)]
    problems.append(_MANY[scale])
    return [case(one, aims=tuple(Aim(None, which, 1.0) for which in Pass)) for one in problems]


FLOAT32 = Group("softmax", "softmax in float32: full, causal, padded", _float32)
AS_ON_INTEL = Group("as-on-intel", "softmax in float32 where MKL takes AVX-512, on any chip", _as_on_intel)
BFLOAT16 = Group("bfloat16", "the same in bfloat16", _bfloat16)
SIZES = Group("sizes", "head sizes, short times and many small problems", _sizes)
