"""Which path a call takes, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from regard.attention.call import Call, Prepared
from regard.attention.measured import Measured, nearest
from regard.attention.measured import Path as Path
from regard.attention.native.library import missing
from regard.attention.paths import native, sdpa
from regard.attention.paths.blockwise import CELLS, blockwise
from regard.attention.paths.reference import reference
from regard.attention.tracing import wants_gradient

PATHS: tuple[Path, ...] = get_args(Path)
# Queries up to which a call is a step of a search or of a recurrence, where reading the memory is all of the work.
STEP = 4


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
    2. On other devices than a CPU: PyTorch's kernel where it can serve the call linearly in memory, else blocks.
    3. On a CPU: of the paths that can serve the call, the one that was fastest for work like it on a chip like it
       (measured.py), and blocks of queries where no other can.
    """
    if path is not None:
        _check(call, prepared, path)
        return path, "asked for"
    refused = sdpa.refusal(call, prepared)
    if not prepared.query.is_cpu:
        plain = "a plain softmax, and PyTorch's kernel is the fastest on this device"
        return ("sdpa", plain) if refused is None else ("blockwise", refused)
    if refused is not None and (why := native.refusal(call, prepared)) is not None:
        return "blockwise", f"{refused}; {why}"
    return _fastest(call, prepared, refused)


def _check(call: Call, prepared: Prepared, path: Path) -> None:
    if path not in PATHS:
        raise ValueError(f"path is {path!r}, expected one of {', '.join(PATHS)}, or None to have it chosen.")
    if path == "sdpa" and (why := sdpa.refusal(call, prepared)) is not None:
        raise ValueError(f"path is 'sdpa', but PyTorch's kernel cannot serve this call: {why}.")
    if path == "native" and (why := native.refusal(call, prepared)) is not None:
        raise ValueError(f"path is 'native', but our kernels cannot serve this call: {why}.")


def _fastest(call: Call, prepared: Prepared, refused: str | None) -> tuple[Path, str]:
    """The fastest path of a call on a CPU that our kernels can serve, or PyTorch's own, which `refused` is about."""
    if torch.compiler.is_compiling():
        # A compiler reads no table; what it is told holds for sizes that it may not know.
        return ("sdpa", "a plain softmax") if refused is None else ("native", refused)
    able: list[Path] = ["blockwise", "native"]
    able += ["sdpa"] if refused is None else []
    trained = wants_gradient(prepared.query, prepared.key, prepared.value)
    row = measured(call, refused, prepared.query.dtype, prepared.query.shape[-1])
    if row is None:
        # What was not measured: float64, which our kernels do not serve.
        return ("sdpa", "a plain softmax") if refused is None else ("native", refused)
    path = row.fastest(able, trained)
    # Asked last, as it costs more than a small problem; where PyTorch's kernel refused, ours have been asked.
    if path == "native" and refused is None and native.refusal(call, prepared) is not None:
        path = row.fastest([other for other in able if other != "native"], trained)
    return path, f"the fastest for work like this where it was measured ({row.chip})" + (
        f"; {refused}" if refused is not None else ""
    )


def measured(call: Call, refused: str | None, dtype: torch.dtype, size: int) -> Measured | None:
    """What was measured of work like it; `refused` is why PyTorch's kernel cannot serve it, None where it can."""
    return nearest(_kind(call, refused), dtype, size, call.space.queries * call.space.keys)


def _kind(call: Call, refused: str | None) -> str:
    """What the work is called in the table."""
    if refused is not None:
        kind = "product" if call.score.is_inner_product else "other"
        return f"{kind} step" if call.space.queries <= STEP else kind
    if call.space.queries <= STEP:
        return "plain step" if call.space.heads == call.space.key_heads else "grouped step"
    where = call.simple
    assert where is not None
    return "causal" if where.causal else "plain" if where.keys is None else "padded"


def run(call: Call, prepared: Prepared, path: Path | None) -> Tensor:
    """Context by the path that was asked for or chosen."""
    return _RUN[decide(call, prepared, path)[0]](call, prepared)


_RUN: dict[Path, Callable[[Call, Prepared], Tensor]] = {
    "reference": reference,
    "sdpa": sdpa.sdpa,
    "native": native.native,
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
    why = missing()
    if prepared.query.device.type == "cpu" and why is not None:
        faster += f"; native kernels are missing: {why}"
    return Plan(path, reason, flops, (context + held) * each, faster)


def _faster(call: Call, path: Path) -> str:
    if path == "sdpa":
        return "nothing that keeps the result: this is the fastest path there is here"
    if not call.score.is_inner_product:
        return "a score that is an inner product (Dot, Bilinear) costs a fraction of this one"
    return "a window or shorter blocks of keys, where the task allows it"
