"""How far off a result is."""

from __future__ import annotations

from torch import Tensor


def rms(error: Tensor) -> Tensor:
    """The root of the mean square: over thousands of examples the largest error is a matter of luck, this is not."""
    return error.square().mean().sqrt()
