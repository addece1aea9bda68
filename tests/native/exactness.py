"""How a kernel is held against the plain code: by what that loses in the same dtype against float64."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from regard.attention.native.library import LEVELS, kernels

Run = Callable[..., Tensor]

needs_kernels = pytest.mark.skipif(kernels().loaded is None, reason="this installation has no kernels")


def rms(error: Tensor) -> Tensor:
    """The root of the mean square: over thousands of examples the largest error is a matter of luck, this is not."""
    return error.square().mean().sqrt()


def with_gradients(run: Run, tensors: Sequence[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """The result and the gradients of all tensors, computed in a dtype."""
    leaves = [tensor.detach().to(dtype).requires_grad_() for tensor in tensors]
    found = run(*leaves)
    outer = torch.randn(found.shape, generator=torch.Generator().manual_seed(99), dtype=torch.float64)
    grads = torch.autograd.grad(found, leaves, outer.to(dtype), allow_unused=True, materialize_grads=True)
    return [tensor.detach() for tensor in (found, *grads)]


def assert_as_exact(found: Run, plain: Run, tensors: Sequence[Tensor], dtype: torch.dtype = torch.float32) -> None:
    """At most twice the error of the plain code, plus a few roundings of the largest number that is met."""
    truth = with_gradients(plain, tensors, torch.float64)
    allowed = with_gradients(plain, tensors, dtype)
    # In float64 the truth has an error like that of what it judges.
    roundings = 512 if dtype == torch.float64 else 8
    met = 1 + max(tensor.abs().max() for tensor in tensors if tensor.numel())
    for one, other, exact in zip(with_gradients(found, tensors, dtype), allowed, truth, strict=True):
        if not exact.numel():
            continue
        budget = 2 * (other - exact).abs().max() + roundings * torch.finfo(dtype).eps * (met + exact.abs().max())
        assert torch.isfinite(one).all()
        worst = (one - exact).abs().max()
        assert worst <= budget, f"an error of {worst:.2e}, allowed are {budget:.2e}"


def levels() -> tuple[str, ...]:
    """What else REGARD_ISA may say on this machine, beside what it says now."""
    level = kernels().level
    return () if level is None else LEVELS[: LEVELS.index(level)]


def assert_passes_at(level: str, file: str, chosen: str = "not level") -> None:
    """A file's chosen tests pass, none of them skipped, in a process of its own: a level is chosen once."""
    variables = {**os.environ, "REGARD_ISA": level}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-k", chosen, file]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout
