"""A glimpse of an image: sharp where one looks, coarse around."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.layers.checks import check_sizes

Image = Float[Tensor, "batch channels height width"]
Location = Float[Tensor, "batch 2"]


def crops(
    image: Image, location: Location, size: int, scales: int
) -> Float[Tensor, "batch scales channels size size"]:
    """Square crops around a location, each twice as wide as the one before and as many numbers.

    crop_k covers size * 2^k pixels a side, averaged over squares of 2^k x 2^k

    A location is (x, y) from -1 to 1: (-1, -1) is the upper left corner of the image, (0, 0) its middle. Between
    pixels the image is interpolated linearly, outside of it is 0. The result is differentiable in the image and in
    the location, the latter once: it is linear in pieces.

    Args:
        image: (batch, channels, height, width).
        location: (batch, 2).
        size: numbers a side of each crop; the first crop has pixels as they are.
        scales: number of crops.

    Raises:
        ValueError: image or location have other shapes; size or scales is not positive.

    Example:
        >>> import torch
        >>> from regard.layers import crops
        >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
        >>> crops(image, torch.zeros(1, 2), size=2, scales=2)[0, :, 0].tolist()
        [[[5.0, 6.0], [9.0, 10.0]], [[2.5, 4.5], [10.5, 12.5]]]

    Source: Mnih et al. 2014, section 3.1 (the glimpse sensor).
    """
    _check(image, location)
    if size < 1 or scales < 1:
        raise ValueError(f"size is {size} and scales is {scales}, expected both positive.")
    return torch.stack([_crop(image, location, size, 1 << scale) for scale in range(scales)], dim=1)


class Glimpse(nn.Module):
    """Look at an image around a location, and join what is there with where it is.

    h_g = max(0, W_g crops + b_g),   h_l = max(0, W_l location + b_l),   g = max(0, W_1 h_g + W_2 h_l + b)

    Args:
        channels: channels of an image.
        size: numbers a side of each crop.
        scales: number of crops, see `crops`.
        hidden_size: size of h_g and h_l; the paper takes 128.
        output_size: size of g; the paper takes 256.

    Raises:
        ValueError: a size is not positive; image or location have other shapes.

    Example:
        >>> import torch
        >>> from regard.layers import Glimpse
        >>> glimpse = Glimpse(channels=3, size=8, scales=2, hidden_size=16, output_size=32)
        >>> glimpse(torch.rand(2, 3, 28, 30), torch.zeros(2, 2)).shape
        torch.Size([2, 32])

    Source: Mnih et al. 2014, section 4 (glimpse network).
    """

    def __init__(self, channels: int, size: int, scales: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        check_sizes(channels=channels, size=size, scales=scales, hidden_size=hidden_size, output_size=output_size)
        self.size, self.scales = size, scales
        self.what = nn.Linear(scales * channels * size * size, hidden_size)
        self.where = nn.Linear(2, hidden_size)
        self.from_what = nn.Linear(hidden_size, output_size)
        self.from_where = nn.Linear(hidden_size, output_size, bias=False)

    def forward(self, image: Image, location: Location) -> Float[Tensor, "batch output_size"]:
        """What is seen at the location."""
        seen = crops(image, location, self.size, self.scales).flatten(1)
        if seen.shape[1] != self.what.in_features:
            raise ValueError(
                f"image has {image.shape[1]} channels, but Glimpse was built for "
                f"{self.what.in_features // (self.scales * self.size**2)}."
            )
        what, where = self.what(seen).relu(), self.where(location).relu()
        return (self.from_what(what) + self.from_where(where)).relu()


def _crop(image: Tensor, location: Tensor, size: int, factor: int) -> Tensor:
    height, width = image.shape[-2:]
    pixels = size * factor
    offsets = torch.arange(pixels, dtype=image.dtype, device=image.device) - (pixels - 1) / 2
    location = location.to(image.dtype)
    across = location[:, :1] + offsets * (2 / width)
    down = location[:, 1:] + offsets * (2 / height)
    grid = torch.stack((across[:, None, :].expand(-1, pixels, -1), down[:, :, None].expand(-1, -1, pixels)), dim=-1)
    sampled = nn.functional.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return nn.functional.avg_pool2d(sampled, factor)


def _check(image: Tensor, location: Tensor) -> None:
    if image.dim() != 4 or not image.is_floating_point():
        raise ValueError(
            f"image has shape {tuple(image.shape)} and dtype {image.dtype}, expected floating-point (batch, "
            "channels, height, width)."
        )
    if tuple(location.shape) != (image.shape[0], 2):
        raise ValueError(
            f"location has shape {tuple(location.shape)}, expected {(image.shape[0], 2)}: x and y for each image."
        )
