"""The shared library of kernels: one file for each instruction-set level, of which the chip's best is loaded."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from regard.attention import native

# From what every chip has to the widest.
LEVELS = ("baseline", "avx2", "avx512", "avx512_bf16", "amx")
NONE = "none"
# What the functions of a library and the structs they take are counted by; the libraries' own is in api.hpp.
INTERFACE = 2
NOT_BUILT = (
    "this installation holds none; get a C++ compiler (g++, clang or the package ziglang) and install Regard again"
)


@dataclass(frozen=True)
class Kernels:
    """The loaded library and its level; or why there is none."""

    level: str | None
    loaded: ctypes.CDLL | None
    missing: str | None


@cache
def kernels() -> Kernels:
    """The library for this chip, or for the level that the environment variable REGARD_ISA names ("none" for none).

    Libraries lie beside this package, or in the folder that REGARD_NATIVE names, and then nowhere else. Both
    variables are read once in a process.

    Raises:
        ValueError: REGARD_ISA names a level that does not exist, was not built, or that the chip does not have; or
            REGARD_NATIVE names a folder without libraries.
    """
    wanted = os.environ.get("REGARD_ISA")
    if wanted == NONE:
        return Kernels(None, None, "REGARD_ISA is 'none'")
    if wanted is not None and wanted not in LEVELS:
        raise ValueError(f"REGARD_ISA is {wanted!r}, expected one of {', '.join((*LEVELS, NONE))}.")
    plain = _file("baseline")
    if plain is None:
        return Kernels(
            None, None, NOT_BUILT if sys.platform == "linux" else f"they are for Linux, not {sys.platform}"
        )
    try:
        level = level_for(wanted, _best(ctypes.CDLL(str(plain))))
        if wanted is None:  # what the compiler could not build is passed over
            level = next(each for each in LEVELS[LEVELS.index(level) :: -1] if _file(each) is not None)
        path = _file(level)
        if path is None:
            raise ValueError(f"REGARD_ISA is {wanted!r}, but there is no library for that level beside {plain}.")
        return _fitting(level, ctypes.CDLL(str(path)))
    except OSError as error:  # such as a library that was built on a newer system
        return Kernels(None, None, f"their library cannot be loaded: {error}")


def _fitting(level: str, library: ctypes.CDLL) -> Kernels:
    """The library, unless other Python code than this was written for it: then a call could read wild memory."""
    found = library.regard_interface() if hasattr(library, "regard_interface") else 0
    if found == INTERFACE:
        return Kernels(level, library, None)
    return Kernels(
        None,
        None,
        f"{library._name} is of another version (interface {found}, this Regard needs {INTERFACE}): "
        "install Regard again, or run `make setup` in a checkout",
    )


def level_for(wanted: str | None, best: str) -> str:
    """The level to load on a chip whose best one is `best`.

    Raises:
        ValueError: the chip does not have the wanted level.
    """
    if wanted is not None and LEVELS.index(wanted) > LEVELS.index(best):
        raise ValueError(
            f"REGARD_ISA is {wanted!r}, but the best level of this chip is {best!r}: ask for that or less."
        )
    return wanted or best


def _best(library: ctypes.CDLL) -> str:
    library.regard_best_level.restype = ctypes.c_char_p
    found: bytes = library.regard_best_level()
    return found.decode()


@torch.compiler.assume_constant_result
def missing() -> str | None:
    """Why there are no kernels; None where there are."""
    return kernels().missing


def _file(level: str) -> Path | None:
    """The library of a level, if there is one."""
    found = (folder / f"libregard_{level}.so" for folder in _folders())
    return next((path for path in found if path.exists()), None)


def _folders() -> list[Path]:
    """Where libraries may lie: beside this package, which an editable installation has in two folders."""
    named = os.environ.get("REGARD_NATIVE")
    if named is None:
        return [Path(folder) for folder in native.__path__]
    if not (Path(named) / "libregard_baseline.so").exists():
        raise ValueError(
            f"REGARD_NATIVE is {named!r}, expected a folder that holds libregard_baseline.so: "
            "build the kernels there, or unset the variable."
        )
    return [Path(named)]
