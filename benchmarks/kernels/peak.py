"""Peak memory of one call in a process of its own.

python -m benchmarks.kernels.peak GROUP CASE CONTENDER PASS SCALE THREADS

What is counted is the highest resident memory of a call less what was resident before it, when everything was
imported and made and a first call had filled every cache, less what the call gives.
"""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.kernels.case import Case, Contender, Pass, Scale
from benchmarks.kernels.groups import group
from benchmarks.kernels.timing import mode_of, pass_of

# Less than this in all tensors of a case cannot be told from what a process takes by itself.
SMALLEST = 2**20
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_ROOT = Path(__file__).parents[2]


def peak_mebibytes(name: str, case: Case, contender: Contender, which: Pass, scale: Scale) -> float | None:
    """What one call takes beside its inputs and what it gives; None where that cannot be measured.

    Where the process that measures fails, as for want of memory, standard error says so.
    """
    touched = sum(tensor.numel() * tensor.element_size() for tensor in case.tensors())
    if touched < SMALLEST or not _CLEAR.exists():
        return None
    words = (name, case.name, contender.name, which.name, scale.name, str(torch.get_num_threads()))
    command = [sys.executable, "-m", "benchmarks.kernels.peak", *words]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        print(f"memory of {contender.name} in {case.name} is not known: {last}", file=sys.stderr)
        return None
    return float(json.loads(done.stdout.splitlines()[-1]))


def main(words: list[str]) -> None:
    """Measure the call that the words name, and print its MiB."""
    name, case_name, contender_name, which, scale, threads = words
    torch.set_num_threads(int(threads))
    case = next(one for one in group(name).cases(Scale[scale]) if one.name == case_name)
    contender = next(one for one in case.contenders if one.name == contender_name)
    print(json.dumps(round(_above(case, contender, Pass[which]), 1)))


def _above(case: Case, contender: Contender, which: Pass) -> float:
    with mode_of(which):
        return _above_in_mode(pass_of(contender, which, case.tensors()))


def _above_in_mode(call: Callable[[], list[Tensor]]) -> float:
    call()
    gc.collect()
    # Memory that was freed but not given back would hide what the next call takes.
    ctypes.CDLL(None).malloc_trim(0)
    _CLEAR.write_text("5", encoding="utf-8")
    before = _resident("VmRSS")
    made = call()
    kept = sum(tensor.numel() * tensor.element_size() for tensor in made) / 2**20
    return max(0.0, _resident("VmHWM") - before - kept)


def _resident(field: str) -> float:
    lines = _STATUS.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


if __name__ == "__main__":
    main(sys.argv[1:])
