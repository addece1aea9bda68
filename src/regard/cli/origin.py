"""Where and when a figure was made: machine, versions and date."""

from __future__ import annotations

import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

_PROCESSORS = Path("/proc/cpuinfo")


def origin() -> dict[str, object]:
    """Of what is measured now, as a line of results holds it.

    Example:
        >>> [*origin()]
        ['machine', 'versions', 'date']
    """
    return {
        "machine": machine(),
        "versions": {package: version(package) for package in ("regard", "torch")},
        "date": date.today().isoformat(),
    }


def machine() -> str:
    """The processor's name, its kind, the system, and how many threads PyTorch computes with."""
    import torch

    told = _PROCESSORS.read_text(encoding="utf-8") if _PROCESSORS.exists() else ""
    names = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
    name = names[0] if names else platform.processor()
    parts = dict.fromkeys(part for part in (name, platform.machine(), platform.system()) if part)
    threads = torch.get_num_threads()
    return ", ".join([*parts, f"{threads} thread{'s' if threads > 1 else ''}"])
