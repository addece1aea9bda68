"""Peak memory of one long row of heads: what forward and backward need beside inputs, outputs and gradients.

python benchmarks/attention/memory.py                                every case, each in a process of its own
python benchmarks/attention/memory.py --only Chain --length 4096     one case

Batch 1, one head, size 64, float32. What is counted is the highest resident memory of the process less what was
resident before the call, when everything was imported and the inputs were made, less the context and the gradients.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch

import regard as rg

SIZE, GOAL = 64, 150.0


@dataclass(frozen=True)
class Case:
    """What is learned, of a length, and the answers of a call that learns it."""

    weigh: Callable[..., rg.Weighing] = rg.Softmax
    where: Callable[..., rg.Where | None] = lambda *learned: None
    learned: Callable[[int], tuple[torch.Tensor, ...]] = lambda length: ()
    dropout: float = 0.0
    path: str | None = None


CASES = {
    "Softmax": Case(),
    "Softmax-blocks": Case(path="blockwise"),
    "Softmax-sink": Case(lambda sink: rg.Softmax(sink=sink), learned=lambda length: (torch.zeros(1, 1, 1),)),
    "Sparsemax": Case(rg.Sparsemax),
    "Entmax": Case(rg.Entmax),
    "Entmax-2.5": Case(lambda: rg.Entmax(2.5)),
    "Entmax-learned": Case(rg.Entmax, learned=lambda length: (torch.full((1, 1, 1), 1.5),)),
    "TopK": Case(lambda: rg.TopK(8)),
    "Sigmoid": Case(rg.Sigmoid),
    "Argmax": Case(rg.Argmax),
    "Gumbel": Case(rg.Gumbel),
    "Gumbel-hard": Case(lambda: rg.Gumbel(hard=True)),
    "Bernoulli": Case(rg.Bernoulli),
    "Chain": Case(rg.Chain, learned=lambda length: (torch.zeros(2, 2),)),
    "Monotonic": Case(rg.Monotonic),
    "Monotonic-chunks": Case(lambda: rg.Monotonic(8)),
    "dropout": Case(dropout=0.1),
    "RelativeBias": Case(lambda _: rg.Softmax(), rg.RelativeBias, lambda length: (torch.zeros(1, 257),)),
    "Bias": Case(lambda _: rg.Softmax(), rg.Bias, lambda length: (torch.zeros(1, 1, length),)),
}


def resident(field: str) -> float:
    """VmRSS (now) or VmHWM (the most so far) of this process, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def measure(name: str, length: int) -> dict[str, object]:
    case = CASES[name]
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 1, length, SIZE, requires_grad=True) for _ in range(3))
    learned = [tensor.requires_grad_() for tensor in case.learned(length)]
    before, begun = resident("VmRSS"), time.perf_counter()
    context = rg.attend(
        query,
        key,
        value,
        weigh=case.weigh(*learned),
        where=case.where(*learned),
        dropout=case.dropout,
        path=case.path,
    )
    forward = time.perf_counter() - begun
    context.sum().backward()
    seconds = time.perf_counter() - begun
    made = [context, *(leaf.grad for leaf in (query, key, value, *learned))]
    kept = sum(tensor.numel() * tensor.element_size() for tensor in made if tensor is not None) / 2**20
    above = resident("VmHWM") - before - kept
    return {
        "case": name,
        "length": length,
        "peak_mib": round(above, 1),
        "holds": above <= GOAL,
        "forward_s": round(forward, 1),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=CASES, action="append", help="a case; may be given more than once")
    parser.add_argument("--length", type=int, default=16_384, help="queries and keys")
    parser.add_argument("--here", action="store_true", help="measure in this process, which then serves one case")
    settings = parser.parse_args()
    names = settings.only or list(CASES)
    if settings.here:
        print(json.dumps(measure(names[0], settings.length)), flush=True)
        return
    versions = {"torch": torch.__version__, "python": platform.python_version(), "date": date.today().isoformat()}
    print(json.dumps({"command": " ".join(sys.argv), **versions, "threads": torch.get_num_threads()}), flush=True)
    for name in names:
        command = [sys.executable, __file__, "--here", "--only", name, "--length", str(settings.length)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
