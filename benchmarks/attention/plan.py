"""Measures every path for every kind of work, and writes the planner's table.

python benchmarks/attention/plan.py            writes src/regard/attention/measured.json; about five minutes, idle

Paths are timed in turn, round after round, on the same tensors; the median of 9 rounds counts.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

import torch

import regard as rg
from regard.attention.native.library import kernels

TABLE = Path(__file__).parents[2] / "src" / "regard" / "attention" / "measured.json"
ROUNDS = 9
# Queries and keys, and maps that make about as much work of each.
SIZES = ((1, 512, 64), (30, 30, 512), (128, 128, 64), (512, 512, 32), (2048, 2048, 8), (8192, 8192, 1))


@dataclass(frozen=True)
class Kind:
    """A kind of work: the paths that can serve it, and how it is asked for."""

    name: str
    paths: tuple[str, ...]
    ask: Callable[..., torch.Tensor]
    size: int = 64


def _plain(*tensors: torch.Tensor, path: str) -> torch.Tensor:
    return rg.attend(*tensors, path=path)


def _product(*tensors: torch.Tensor, path: str) -> torch.Tensor:
    return rg.attend(*tensors, where=rg.Causal() + rg.Alibi(torch.tensor(0.1)), path=path)


ADDITIVE = rg.Additive(64, 64, 64)


def _other(*tensors: torch.Tensor, path: str) -> torch.Tensor:
    return rg.attend(*tensors, score=ADDITIVE, path=path)


KINDS = (
    Kind("plain", ("sdpa", "native", "blockwise"), _plain),
    Kind("product", ("native", "blockwise"), _product),
    Kind("other", ("native", "blockwise"), _other),
)


def milliseconds(kind: Kind, path: str, tensors: list[torch.Tensor], trained: bool) -> float:
    begun = time.perf_counter()
    if trained:
        context = kind.ask(*tensors, path=path)
        torch.autograd.grad(context, tensors, torch.ones_like(context))
    else:
        with torch.no_grad():
            kind.ask(*tensors, path=path)
    return 1e3 * (time.perf_counter() - begun)


def row(kind: Kind, dtype: torch.dtype, queries: int, keys: int, maps: int) -> dict[str, object]:
    torch.manual_seed(0)
    shapes = ((1, maps, queries, kind.size), (1, maps, keys, kind.size), (1, maps, keys, kind.size))
    tensors = [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]
    found = {}
    for name, trained in (("forward", False), ("both", True)):
        times: dict[str, list[float]] = {path: [] for path in kind.paths}
        for _ in range(ROUNDS + 1):
            for path in kind.paths:
                times[path].append(milliseconds(kind, path, tensors, trained))
        found[name] = {path: round(median(each[1:]), 4) for path, each in times.items()}
    return {"kind": kind.name, "dtype": str(dtype).removeprefix("torch."), "cells": queries * keys, **found}


def chip() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    tiles = ", AMX" if torch.cpu._is_amx_tile_supported() else ""
    return f"{name}, {kernels().level}{tiles}, {torch.get_num_threads()} threads"


def main() -> None:
    rows = []
    for kind in KINDS:
        for dtype in (torch.float32, torch.bfloat16):
            for queries, keys, maps in SIZES:
                # Additive scores are float32 work whatever the inputs are, and blocks take minutes for the longest.
                if kind.name == "other" and (dtype != torch.float32 or queries * keys > 2048 * 2048):
                    continue
                rows.append(row(kind, dtype, queries, keys, maps))
                print(json.dumps(rows[-1]), flush=True)
    versions = {"torch": torch.__version__, "python": platform.python_version(), "date": date.today().isoformat()}
    found = {"command": " ".join(sys.argv), "chip": chip(), **versions, "rows": rows}
    TABLE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
