"""How a kernel becomes an operator of PyTorch that a compiler and an exporter can follow."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from regard.attention.native.library import kernels, missing
from regard.attention.tracing import transformed

_LIBRARY = torch.library.Library("regard", "FRAGMENT")
_NAMES = {torch.float32: "f32", torch.float64: "f64"}


def serves(*tensors: Tensor) -> bool:
    """Whether there are kernels for tensors of this kind, and nobody wants to look inside of them."""
    kinds = {(tensor.device.type, tensor.dtype) for tensor in tensors}
    return (
        missing() is None and len(kinds) == 1 and kinds <= {("cpu", dtype) for dtype in _NAMES} and not transformed()
    )


def operator(schema: str, run: Callable[..., Any], fake: Callable[..., Any]) -> Callable[..., Any]:
    """Define `regard::name(...) -> ...` with what it does on a CPU and which shapes it returns.

    Defined also where there are no kernels, so that an exported program can be loaded; calling it there fails.
    """
    name = schema.split("(")[0]
    _LIBRARY.define(schema)
    _LIBRARY.impl(name, run, "CPU")
    torch.library.register_fake(f"regard::{name}", fake, lib=_LIBRARY)
    found: Callable[..., Any] = getattr(torch.ops.regard, name).default
    return found


def like(*places: int) -> Callable[..., Any]:
    """The fake of an operator that returns tensors like those of its arguments."""

    def shapes(*given: Tensor) -> Tensor | tuple[Tensor, ...]:
        found = tuple(given[place].new_empty(given[place].shape) for place in places)
        return found if len(found) > 1 else found[0]

    return shapes


def differentiable(name: str, keep: Callable[..., None], backward: Callable[..., Any]) -> None:
    """Tell autograd the derivative of `regard::name`: what to keep of inputs and output, and the gradients."""
    torch.library.register_autograd(f"regard::{name}", backward, setup_context=keep, lib=_LIBRARY)


def function(name: str, *arguments: Any) -> Callable[..., int]:
    """A function of the library, told the types of its arguments; it releases the GIL while it runs.

    Raises:
        RuntimeError: there is no library.
    """
    loaded = kernels().loaded
    if loaded is None:
        raise RuntimeError(f"there are no kernels: {kernels().missing}.")
    found = getattr(loaded, f"regard_{name}")
    found.argtypes, found.restype = list(arguments), ctypes.c_int
    return found


def kernel(name: str, dtype: torch.dtype, *arguments: Any) -> Callable[..., int]:
    """The function of a kernel that has one for each dtype."""
    return function(f"{name}_{_NAMES[dtype]}", *arguments)


def address(tensor: Tensor | None) -> int:
    """Where a tensor's numbers begin; 0, which is nowhere, for none."""
    return 0 if tensor is None else tensor.data_ptr()
