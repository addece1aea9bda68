"""Positions added to what stands there."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Sinusoidal(nn.Module):
    """Add to each position waves of its own, of wavelengths from 2 pi to 10000 * 2 pi.

    PE(t, 2i) = sin(t / 10000^(2i / D)),   PE(t, 2i + 1) = cos(t / 10000^(2i / D))

    Nothing is learned, and positions may be as long as they come.

    Args:
        size: D, an even number.

    Raises:
        ValueError: size is odd.

    Example:
        >>> import torch
        >>> from regard.layers import Sinusoidal
        >>> Sinusoidal(4)(torch.zeros(1, 2, 4))[0, 0]
        tensor([0., 1., 0., 1.])

    Source: Vaswani et al. 2017, section 3.5.
    """

    rates: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        if size % 2:
            raise ValueError(f"size is {size}, expected an even number: half sines, half cosines.")
        rates = torch.exp(torch.arange(0, size, 2) * (-math.log(10_000.0) / size))
        self.register_buffer("rates", rates, persistent=False)

    def forward(self, inputs: Float[Tensor, "*batch time size"], start: int = 0) -> Tensor:
        """Inputs plus their positions, of which the first is `start`."""
        time = torch.arange(start, start + inputs.shape[-2], device=inputs.device)
        angles = time[:, None] * self.rates
        waves = torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)
        return inputs + waves.to(inputs.dtype)


class Learned(nn.Module):
    """Add to each position a vector of its own, learned.

    y_t = x_t + table[t]

    Args:
        positions: how many positions there are vectors for.
        size: size of a vector.

    Raises:
        ValueError: a size is not positive; inputs reach beyond the last position.

    Example:
        >>> import torch
        >>> from regard.layers import Learned
        >>> Learned(11, 4)(torch.zeros(2, 3, 4), start=8).shape
        torch.Size([2, 3, 4])

    Source: Gehring et al. 2017, section 3.1.
    """

    def __init__(self, positions: int, size: int) -> None:
        super().__init__()
        if positions < 1 or size < 1:
            raise ValueError(f"positions is {positions} and size is {size}, expected both positive.")
        self.table = nn.Parameter(torch.empty(positions, size).normal_(std=0.02))

    def forward(self, inputs: Float[Tensor, "*batch time size"], start: int = 0) -> Tensor:
        """Inputs plus their positions, of which the first is `start`."""
        stop = start + inputs.shape[-2]
        if start < 0 or stop > self.table.shape[0]:
            raise ValueError(
                f"inputs take positions {start} to {stop - 1}, but Learned was built for {self.table.shape[0]}; "
                "build it for the longest input, or cut the input."
            )
        return inputs + self.table[start:stop]
