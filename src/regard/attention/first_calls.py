"""The first calls of MKL's vector functions, made while nobody computes beside them."""

from __future__ import annotations

import torch

# Those that ATen hands to MKL.
FUNCTIONS = (
    torch.acos,
    torch.asin,
    torch.atan,
    torch.cos,
    torch.erf,
    torch.erfc,
    torch.erfinv,
    torch.exp,
    torch.expm1,
    torch.log,
    torch.log10,
    torch.log1p,
    torch.log2,
    torch.sin,
    torch.sqrt,
    torch.tan,
    torch.tanh,
)


def call_first() -> None:
    """Let MKL choose its kernels.

    MKL chooses one when a function is called for the first time. Where several threads do that at once, as in the
    first `exp` of a process, some may compute it with a kernel for little accuracy, whatever was asked for: weights
    were wrong by 1.5e-4 in 11 of 60 fresh processes of two threads, and in none of 50 after a first call by one.

    Source: PyTorch's issue 188792 (MKL 2024.2; not seen from 2025.0 on).
    """
    for dtype in (torch.float32, torch.float64):
        one = torch.zeros(1, dtype=dtype)
        for function in FUNCTIONS:
            function(one)
