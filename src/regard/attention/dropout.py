"""Dropout that is computed from positions instead of stored."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regard.attention.space import Tile

_STEPS = ((16, 0x7FEB352D), (15, 0x846CA68B - (1 << 32)))


@dataclass(frozen=True, eq=False)
class Dropout:
    """Drop weights at a rate; the same cell falls for the same seed on every path and in the backward.

    kept(n, i, j)  =  hash(seed, n, i, j) >= rate,   n counting batch x heads;   kept weights grow by 1 / (1 - rate)
    """

    rate: float
    seed: int | Tensor

    def factor(self, tile: Tile) -> Tensor:
        """0 or 1 / (1 - rate) for every cell of the tile, (batch, heads, rows, columns), float32."""
        kept = _cells(self.seed, tile) >= int(self.rate * (1 << 31))
        return kept / (1 - self.rate)


def uniform(seed: int | Tensor, tile: Tile) -> Tensor:
    """A number above 0 and below 1 for every cell of a tile, (batch, heads, rows, columns), float32.

    It depends on seed and position alone. The numbers are odd multiples of 2^-24, which float32 holds exactly: none
    is 0 or 1, and their mean is 1/2.
    """
    return ((_cells(seed, tile) >> 8).float() + 0.5) * 2.0**-23


def _cells(seed: int | Tensor, tile: Tile) -> Tensor:
    """31 random bits for every cell of a tile."""
    space = tile.space
    batch = torch.arange(tile.batch.start, tile.batch.stop, device=space.device)[:, None]
    heads = torch.arange(tile.heads.start, tile.heads.stop, device=space.device)[None, :]
    maps = _mix((batch * space.heads + heads).int() + seed)
    rows = _mix(maps[:, :, None, None] + tile.row_index().int())
    return _mix(rows + tile.column_index().int()).bitwise_and_(0x7FFFFFFF)


def _mix(number: Tensor) -> Tensor:
    """Scramble 32-bit integers so that neighbours share nothing (an xor-shift-multiply hash)."""
    for shift, factor in _STEPS:
        # One new tensor a step, and the rest in place: of all that dropout does, fresh memory costs most.
        number = (number >> shift).bitwise_and_((1 << (32 - shift)) - 1).bitwise_xor_(number).mul_(factor)
    return (number >> 16).bitwise_and_(0xFFFF).bitwise_xor_(number)


def draw(rate: float, generator: torch.Generator | None) -> Dropout | None:
    """A fresh dropout for one call, or None where nothing is dropped."""
    check_rate(rate)
    if rate == 0:
        return None
    return Dropout(rate, drawn_seed(generator))


def drawn_seed(generator: torch.Generator | None) -> Tensor:
    """A seed from a generator, a whole number without axes; it stays a tensor, so that a compiler can follow it."""
    device = generator.device if generator is not None else None
    return torch.randint(1 << 31, (), generator=generator, device=device).int()


def check_rate(rate: float) -> None:
    """Raise ValueError where a rate of dropout is none."""
    if not 0 <= rate < 1:
        raise ValueError(f"dropout is {rate}, expected a rate of at least 0 and below 1.")
