"""Which path a call takes, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import torch
from torch import Tensor

from regard.attention.call import Call, Prepared
from regard.attention.native.library import kernels
from regard.attention.paths import sdpa
from regard.attention.paths.blockwise import CELLS, blockwise
from regard.attention.paths.reference import reference

Path = Literal["reference", "sdpa", "blockwise"]
PATHS: tuple[Path, ...] = get_args(Path)


@dataclass(frozen=True)
class Plan:
    """Which path will run and why; what it costs; what would make it faster.

    flops: floating-point operations of the forward pass, hidden cells included.
    bytes: memory beyond the inputs in the forward pass.
    """

    path: Path
    reason: str
    flops: int
    bytes: int
    faster: str

    def __str__(self) -> str:
        return (
            f"path    {self.path}: {self.reason}\n"
            f"work    {self.flops / 1e9:.3g} GFLOP forward\n"
            f"memory  {self.bytes / 2**20:.3g} MiB beside the inputs\n"
            f"faster  {self.faster}"
        )


def decide(call: Call, prepared: Prepared, path: Path | None) -> tuple[Path, str]:
    """The path of a call and the rule that chose it.

    1. A path that was asked for is taken, or refused with the reason.
    2. PyTorch's kernel, where it can serve the call linearly in memory, in the dtypes where it is faster: all but
       16 bits on a CPU without tiles in hardware (AMX), as benchmarks/attention/blockwise.py measures.
    3. Blocks of queries for all the rest.
    """
    refused = sdpa.refusal(call, prepared)
    if path is not None:
        if path not in PATHS:
            raise ValueError(f"path is {path!r}, expected one of {', '.join(PATHS)}, or None to have it chosen.")
        if path == "sdpa" and refused is not None:
            raise ValueError(f"path is 'sdpa', but PyTorch's kernel cannot serve this call: {refused}.")
        return path, "asked for"
    if refused is None and prepared.query.device.type != "cpu":
        return "sdpa", "a plain softmax, and PyTorch's kernel is the fastest on this device"
    if refused is None and (prepared.query.dtype in (torch.float32, torch.float64) or _multiplies_tiles()):
        return "sdpa", "a plain softmax, and PyTorch's kernel is the fastest for this dtype on this chip"
    if refused is None:
        return "blockwise", "a plain softmax in 16 bits, for which blocks are faster than PyTorch's kernel"
    return "blockwise", refused


@cache
def _multiplies_tiles() -> bool:
    """Whether the CPU multiplies 16-bit tiles in hardware, which PyTorch's kernel uses."""
    return torch.cpu._is_amx_tile_supported()


def run(call: Call, prepared: Prepared, path: Path | None) -> Tensor:
    """Context by the path that was asked for or chosen."""
    return _RUN[decide(call, prepared, path)[0]](call, prepared)


_RUN: dict[Path, Callable[[Call, Prepared], Tensor]] = {
    "reference": reference,
    "sdpa": sdpa.sdpa,
    "blockwise": blockwise,
}


def plan_of(call: Call, prepared: Prepared) -> Plan:
    """The plan of a call."""
    path, reason = decide(call, prepared, None)
    space, width = call.space, call.width(prepared)
    cells = space.problems * space.queries * space.keys
    size = prepared.query.shape[-1] if call.score.is_inner_product else width
    flops = 2 * cells * (size + prepared.value.shape[-1])
    each = prepared.query.element_size()
    context = space.problems * space.queries * prepared.value.shape[-1]
    held = 0 if path == "sdpa" else min(cells * width, CELLS) * 2
    faster = _faster(call, path)
    if prepared.query.device.type == "cpu" and kernels().missing is not None:
        faster += f"; native kernels are missing: {kernels().missing}"
    return Plan(path, reason, flops, (context + held) * each, faster)


def _faster(call: Call, path: Path) -> str:
    if path == "sdpa":
        return "nothing that keeps the result: this is the fastest path there is here"
    if not call.score.is_inner_product:
        return "a score that is an inner product (Dot, Bilinear) costs a fraction of this one"
    return "a window or shorter blocks of keys, where the task allows it"
