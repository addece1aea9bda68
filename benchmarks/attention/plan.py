"""Measures every path for every kind of work, and writes the planner's table.

python benchmarks/attention/plan.py [KIND ...]

It writes the table for chips like this one in src/regard/attention/tables, or only the rows of some kinds in it;
about a quarter of an hour, idle.
Paths are timed in turn, round after round, on the same tensors; the median of 9 rounds counts.
"""

from __future__ import annotations

import itertools
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
from regard.attention.measured import file_name
from regard.attention.native.library import kernels

TABLE = Path(__file__).parents[2] / "src" / "regard" / "attention" / "tables" / file_name()
ROUNDS = 9
# Seconds that a round of one path lasts at least: a single short call tells how cold the caches were.
ROUND = 0.01
# Queries, keys, and maps that make about as much work of each.
SIZES = ((30, 30, 512), (128, 128, 64), (512, 512, 32), (2048, 2048, 8), (8192, 8192, 1))
# From 2,048 on the order of the paths does not change, and these are measured for several sizes of head.
SHORTER = SIZES[:-1]
HEADS = (32, 64, 128)
STEPS = ((1, 25, 32), (1, 512, 64), (1, 8192, 8), (1, 32768, 8))


@dataclass(frozen=True)
class Kind:
    """A kind of work: the paths that can serve it, and how it is asked for."""

    name: str
    paths: tuple[str, ...]
    ask: Callable[..., torch.Tensor]
    sizes: tuple[tuple[int, int, int], ...] = SIZES
    dtypes: tuple[torch.dtype, ...] = (torch.float32, torch.bfloat16)
    heads: tuple[int, ...] = (64,)
    group: int = 1


def _plain(*tensors: torch.Tensor, path: str) -> torch.Tensor:
    return rg.attend(*tensors, path=path)


def _causal(*tensors: torch.Tensor, path: str) -> torch.Tensor:
    return rg.attend(*tensors, where=rg.Causal(), path=path)


def _padded(*tensors: torch.Tensor, path: str) -> torch.Tensor:
    return rg.attend(*tensors, where=rg.Lengths(torch.tensor([tensors[1].shape[-2] * 3 // 4])), path=path)


def _product(*tensors: torch.Tensor, path: str) -> torch.Tensor:
    return rg.attend(*tensors, where=rg.Causal() + rg.Alibi(torch.tensor(0.1)), path=path)


ADDITIVE = {size: rg.Additive(size, size, size) for size in (64, 256)}


def _other(*tensors: torch.Tensor, path: str) -> torch.Tensor:
    return rg.attend(*tensors, score=ADDITIVE[tensors[0].shape[-1]], path=path)


# Additive scores are float32 work whatever the inputs are, and blocks take minutes for the longest.
ALWAYS = (torch.float32,)
KINDS = (
    Kind("plain", ("sdpa", "native", "blockwise"), _plain, SHORTER, heads=HEADS),
    Kind("causal", ("sdpa", "native", "blockwise"), _causal, SHORTER, heads=HEADS),
    Kind("padded", ("sdpa", "native", "blockwise"), _padded, SHORTER, heads=HEADS),
    Kind("plain step", ("sdpa", "native", "blockwise"), _plain, STEPS),
    Kind("grouped step", ("sdpa", "native", "blockwise"), _plain, STEPS, group=4),
    Kind("product", ("native", "blockwise"), _product),
    Kind("product step", ("native", "blockwise"), _product, STEPS),
    Kind("other", ("native", "blockwise"), _other, SIZES[:-1], ALWAYS),
    Kind("other step", ("native", "blockwise"), _other, STEPS, ALWAYS, heads=(256,)),
)


def milliseconds(kind: Kind, path: str, tensors: list[torch.Tensor], trained: bool) -> float:
    """Of one call, the mean of as many as last a round."""
    calls, begun = 0, time.perf_counter()
    while not calls or time.perf_counter() - begun < ROUND:
        if trained:
            context = kind.ask(*tensors, path=path)
            torch.autograd.grad(context, tensors, torch.ones_like(context))
        else:
            with torch.no_grad():
                kind.ask(*tensors, path=path)
        calls += 1
    return 1e3 * (time.perf_counter() - begun) / calls


def row(kind: Kind, dtype: torch.dtype, size: int, queries: int, keys: int, maps: int) -> dict[str, object]:
    torch.manual_seed(0)
    memory = (1, maps // kind.group, keys, size)
    shapes = ((1, maps, queries, size), memory, memory)
    tensors = [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]
    found = {}
    for name, trained in (("forward", False), ("both", True)):
        times: dict[str, list[float]] = {path: [] for path in kind.paths}
        for _ in range(ROUNDS + 1):
            for path in kind.paths:
                times[path].append(milliseconds(kind, path, tensors, trained))
        found[name] = {path: round(median(each[1:]), 4) for path, each in times.items()}
    named = {"kind": kind.name, "dtype": str(dtype).removeprefix("torch."), "size": size}
    return {**named, "cells": queries * keys, **found}


def chip() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    tiles = ", AMX" if torch.cpu._is_amx_tile_supported() else ""
    return f"{name}, {kernels().level}{tiles}, {torch.get_num_threads()} threads"


def main(names: list[str]) -> None:
    chosen = [kind for kind in KINDS if not names or kind.name in names]
    rows = [] if not names else [one for one in json.loads(TABLE.read_text())["rows"] if one["kind"] not in names]
    for kind in chosen:
        for dtype, size, sizes in itertools.product(kind.dtypes, kind.heads, kind.sizes):
            rows.append(row(kind, dtype, size, *sizes))
            print(json.dumps(rows[-1]), flush=True)
    versions = {"torch": torch.__version__, "python": platform.python_version(), "date": date.today().isoformat()}
    found = {"command": "python benchmarks/attention/plan.py", "chip": chip(), **versions, "rows": rows}
    TABLE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
