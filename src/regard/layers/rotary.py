"""Positions as rotations: what two of them do to an inner product depends on their distance alone."""

from __future__ import annotations

from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Layout(Enum):
    """Which two numbers of a vector are rotated together."""

    INTERLEAVED = "interleaved"  # numbers 2i and 2i + 1, as in the paper
    HALVES = "halves"  # numbers i and i + D / 2, as in GPT-NeoX and LLaMA checkpoints


class Rotary(nn.Module):
    """Rotate queries and keys by angles that grow with their positions.

    (x_a, x_b) at position t  ->  (x_a cos u - x_b sin u,  x_a sin u + x_b cos u),   u = t * base^(-2i / D)

    Pair i is (2i, 2i + 1) or (i, i + D / 2), by the layout. Rotate queries and keys, not values:
    rotated(q, m) . rotated(k, n) depends on m and n through m - n alone. Angles are computed in float32 or wider.

    Args:
        size: D, the size of one head, an even number.
        layout: which numbers make a pair.
        base: the longest wavelength is nearly 2 pi times base.

    Raises:
        ValueError: size is odd or base is not positive; inputs have another size.

    Example:
        >>> import torch
        >>> from regard.layers import Rotary
        >>> Rotary(2)(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
        tensor([[1.0000, 0.0000],
                [0.5403, 0.8415]])

    Source: Su et al. 2021, equations 15 and 34.
    """

    def __init__(self, size: int, layout: Layout = Layout.INTERLEAVED, base: float = 10_000.0) -> None:
        super().__init__()
        if size < 2 or size % 2:
            raise ValueError(f"size is {size}, expected an even number: it is rotated in pairs.")
        if not base > 0:
            raise ValueError(f"base is {base}, expected a positive number.")
        self.size, self.layout, self.base = size, layout, base

    def forward(self, inputs: Float[Tensor, "*batch time size"], start: int = 0) -> Float[Tensor, "*batch time size"]:
        """Inputs rotated; the first position is `start`, which may be negative."""
        if inputs.shape[-1] != self.size:
            raise ValueError(f"inputs have size {inputs.shape[-1]}, but Rotary was built for size {self.size}.")
        dtype = torch.promote_types(inputs.dtype, torch.float32)
        angles = self._angles(start, inputs.shape[-2], dtype, inputs.device)
        cosine, sine = angles.cos(), angles.sin()
        first, second = self._apart(inputs.to(dtype))
        rotated = (first * cosine - second * sine, first * sine + second * cosine)
        return self._joined(*rotated).to(inputs.dtype)

    def extra_repr(self) -> str:
        return f"size={self.size}, layout={self.layout}, base={self.base}"

    def _angles(self, start: int, time: int, dtype: torch.dtype, device: torch.device) -> Tensor:
        steps = torch.arange(0, self.size, 2, dtype=dtype, device=device)
        positions = torch.arange(start, start + time, dtype=dtype, device=device)
        return positions[:, None] * self.base ** (-steps / self.size)

    def _apart(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        if self.layout is Layout.HALVES:
            first, second = inputs.chunk(2, dim=-1)
            return first, second
        return inputs[..., 0::2], inputs[..., 1::2]

    def _joined(self, first: Tensor, second: Tensor) -> Tensor:
        if self.layout is Layout.HALVES:
            return torch.cat((first, second), dim=-1)
        return torch.stack((first, second), dim=-1).flatten(-2)
