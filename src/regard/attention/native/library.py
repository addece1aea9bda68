"""The shared library of kernels: one file for each instruction-set level, of which the chip's best is loaded."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from regard.attention import native

# From what every chip has to the widest.
LEVELS = ("baseline", "avx2", "avx512")
NONE = "none"


@dataclass(frozen=True)
class Kernels:
    """The loaded library and its level; or why there is none."""

    level: str | None
    loaded: ctypes.CDLL | None
    missing: str | None


@cache
def kernels() -> Kernels:
    """The library for this chip, or for the level that the environment variable REGARD_ISA names ("none" for none).

    Raises:
        ValueError: REGARD_ISA names a level that does not exist, was not built, or that the chip does not have.
    """
    wanted = os.environ.get("REGARD_ISA")
    if wanted == NONE:
        return Kernels(None, None, "REGARD_ISA is 'none'")
    if wanted is not None and wanted not in LEVELS:
        raise ValueError(f"REGARD_ISA is {wanted!r}, expected one of {', '.join((*LEVELS, NONE))}.")
    plain = _file("baseline")
    if plain is None:
        return Kernels(None, None, "this installation was built without a C++ compiler")
    first = ctypes.CDLL(str(plain))
    first.regard_best_level.restype = ctypes.c_char_p
    best = first.regard_best_level().decode()
    if wanted is not None and LEVELS.index(wanted) > LEVELS.index(best):
        raise ValueError(f"REGARD_ISA is {wanted!r}, but the best level of this chip is {best!r}.")
    level = wanted or best
    path = _file(level)
    if path is None:
        raise ValueError(f"REGARD_ISA is {wanted!r}, but there is no library for that level beside {plain}.")
    return Kernels(level, ctypes.CDLL(str(path)), None)


@torch.compiler.assume_constant_result
def missing() -> str | None:
    """Why there are no kernels; None where there are."""
    return kernels().missing


def _file(level: str) -> Path | None:
    """The library of a level, in any folder that holds this package; an editable installation has two."""
    found = (Path(folder) / f"libregard_{level}.so" for folder in native.__path__)
    return next((path for path in found if path.exists()), None)
