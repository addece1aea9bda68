"""Images at many scales, and what stands out from its surround in them."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Maps = Float[Tensor, "batch maps height width"]

# A Gabor filter's wavelength and deviation in pixels; its square reaches three deviations.
PERIOD = 7.0
DEVIATION = PERIOD / 3


def pyramid(maps: Maps, scales: int) -> list[Tensor]:
    """The maps at scale 0, 1, ... each half as high and wide as the one before, odd sizes rounded up.

    Blurred with [1 4 6 4 1] / 16 in both directions, edges repeated, and every second pixel kept.

    Raises:
        ValueError: scales is not positive.

    Example:
        >>> import torch
        >>> from regard.layers.pyramid import pyramid
        >>> [tuple(level.shape[-2:]) for level in pyramid(torch.zeros(1, 1, 11, 8), 3)]
        [(11, 8), (6, 4), (3, 2)]

    Source: Burt and Adelson 1983; Itti, Koch and Niebur 1998, section 2.1.
    """
    if scales < 1:
        raise ValueError(f"scales is {scales}, expected at least one.")
    line = maps.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    kernel = (line[:, None] * line).expand(maps.shape[1], 1, 5, 5)
    levels = [maps]
    for _ in range(scales - 1):
        padded = functional.pad(levels[-1], (2, 2, 2, 2), mode="replicate")
        levels.append(functional.conv2d(padded, kernel, stride=2, groups=maps.shape[1]))
    return levels


def orientations(maps: Float[Tensor, "batch 1 height width"], count: int) -> Maps:
    """How much the image waves in each of `count` directions, (batch, count, height, width), never negative.

    sum over phase 0 and pi / 2 of |maps * gabor(direction, phase)|,   direction = 0, pi / count, ... from the x-axis

    A direction is the one in which brightness changes. Filters have mean 0, so a flat image gives 0.

    Raises:
        ValueError: count is not positive.

    Example:
        >>> import torch
        >>> from regard.layers.pyramid import orientations
        >>> stripes = torch.arange(32.0).mul(2 * torch.pi / 7).sin().expand(1, 1, 32, 32)
        >>> orientations(stripes, 4)[0, :, 16, 16].argmax()
        tensor(0)

    Source: Itti, Koch and Niebur 1998, section 2.1 (Gabor pyramids); the filter's sizes are ours.
    """
    if count < 1:
        raise ValueError(f"count is {count}, expected at least one direction.")
    reach = math.ceil(3 * DEVIATION)
    padded = functional.pad(maps, (reach,) * 4, mode="replicate")
    found = functional.conv2d(padded, _gabors(count, reach).to(maps))
    return found.abs().unflatten(1, (count, 2)).sum(2)


def centre_surround(levels: list[Tensor]) -> list[Tensor]:
    """Differences between fine and coarse scales, at the fine one: six lists of maps.

    |levels[c] - levels[c + d]|,   c = 2, 3, 4,   d = 3, 4

    The coarse one is interpolated linearly to the size of the fine one.

    Raises:
        ValueError: there are fewer than nine scales.

    Example:
        >>> import torch
        >>> from regard.layers.pyramid import centre_surround, pyramid
        >>> levels = pyramid(torch.rand(1, 1, 256, 256), 9)
        >>> [tuple(found.shape[-2:]) for found in centre_surround(levels)]
        [(64, 64), (64, 64), (32, 32), (32, 32), (16, 16), (16, 16)]

    Source: Itti, Koch and Niebur 1998, equation 1.
    """
    if len(levels) < 9:
        raise ValueError(f"there are {len(levels)} scales, expected nine: 0 to 8.")
    found = []
    for centre in (2, 3, 4):
        for delta in (3, 4):
            size = levels[centre].shape[-2:]
            coarse = functional.interpolate(levels[centre + delta], size=size, mode="bilinear", align_corners=False)
            found.append((levels[centre] - coarse).abs())
    return found


def _gabors(count: int, reach: int) -> Tensor:
    """Filters (count x 2, 1, side, side), mean 0 and length 1; the phases of a direction follow each other."""
    line = torch.arange(-reach, reach + 1, dtype=torch.float64)
    down, across = torch.meshgrid(line, line, indexing="ij")
    envelope = torch.exp(-(down**2 + across**2) / (2 * DEVIATION**2))
    filters = []
    for direction in range(count):
        angle = math.pi * direction / count
        along = across * math.cos(angle) + down * math.sin(angle)
        for phase in (0.0, math.pi / 2):
            wave = envelope * torch.cos(2 * math.pi * along / PERIOD + phase)
            wave = wave - envelope * (wave.sum() / envelope.sum())
            filters.append(wave / wave.norm())
    return torch.stack(filters)[:, None]
