"""What a figure was measured on: the chip, its instructions, threads and versions."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PACKAGES = (
    "regard",
    "torch",
    "numpy",
    "entmax",
    "pytorch-crf",
    "torch-struct",
    "local-attention",
    "x-transformers",
)
_TOLD = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "asimd", "bf16", "sve")


@dataclass(frozen=True)
class Machine:
    """A machine and the software on it."""

    model: str
    vendor: str
    isa: str
    flags: tuple[str, ...]
    threads: int
    versions: dict[str, str | None]
    date: str

    @property
    def name(self) -> str:
        """The kind of chip, by which results of one are kept apart from those of another."""
        maker = {"GenuineIntel": "intel", "AuthenticAMD": "amd"}.get(self.vendor, platform.machine().lower())
        return f"{maker}-{'amx' if 'amx_bf16' in self.flags else self.isa.lower()}"

    @property
    def note(self) -> str:
        """How this chip's BLAS bears on ratios to PyTorch's attention in float32."""
        if "Intel" in self.vendor:
            return "Intel: MKL takes its fastest instructions by itself, so PyTorch's float32 is not held back here."
        if "AMD" in self.vendor and mkl_takes_avx512():
            return "AMD, but MKL was made to take AVX-512, so PyTorch's float32 is not held back here."
        if "AMD" in self.vendor:
            return (
                "AMD: MKL takes its AVX2 instructions, which halves PyTorch's float32 on a chip with AVX-512; "
                "ratios to it would be lower on an Intel chip."
            )
        return "neither Intel nor AMD: PyTorch's float32 is what its own BLAS gives here."


def this_machine() -> Machine:
    """The machine this runs on."""
    told = _lscpu()
    flags = set(told.get("Flags", "").split())
    return Machine(
        model=told.get("Model name", platform.processor() or platform.machine()),
        vendor=told.get("Vendor ID", "unknown"),
        isa=torch.backends.cpu.get_cpu_capability(),
        flags=tuple(flag for flag in _TOLD if flag in flags),
        threads=torch.get_num_threads(),
        versions={"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        date=date.today().isoformat(),
    )


def mkl_takes_avx512() -> bool:
    """Whether MKL takes AVX-512 where the chip has it: on Intel's, and where it was made to (mkl_as_on_intel.c)."""
    chip = _lscpu()
    has = "avx512f" in chip.get("Flags", "").split()
    return has and ("Intel" in chip.get("Vendor ID", "") or "mkl_as_on_intel" in os.environ.get("LD_PRELOAD", ""))


def free_gibibytes() -> float:
    """Memory that a process may still take; without limit where the system does not tell."""
    told = Path("/proc/meminfo")
    if not told.exists():
        return float("inf")
    lines = dict(line.split(":", 1) for line in told.read_text(encoding="utf-8").splitlines())
    return int(lines["MemAvailable"].split()[0]) / 2**20


@cache
def _lscpu() -> dict[str, str]:
    if shutil.which("lscpu") is None:
        return {}
    done = subprocess.run(["lscpu"], capture_output=True, text=True, check=True, env={"LC_ALL": "C"})
    pairs = (line.partition(":") for line in done.stdout.splitlines())
    return {name.strip(): value.strip() for name, _colon, value in pairs}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
