"""What draws the eye before anything is sought: bottom-up saliency."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from regard.layers.pyramid import Maps, centre_surround, orientations, pyramid

SCALES = 9

# A filter sums some 200 numbers; what they differ by in a flat image must not be taken for a feature.
_ROUNDINGS = 256

Image = Float[Tensor, "batch 3 height width"]


@dataclass(frozen=True)
class Features:
    """Feature maps, six of each kind, (batch, kinds, height, width) at the scale of their centre.

    intensity: 1 kind. colour: 2, red against green and blue against yellow. orientation: one for each direction.
    """

    intensity: list[Tensor]
    colour: list[Tensor]
    orientation: list[Tensor]


@dataclass(frozen=True)
class Saliency:
    """Saliency and the three conspicuity maps it is made of, each (batch, height / 16, width / 16), rounded up."""

    saliency: Tensor
    intensity: Tensor
    colour: Tensor
    orientation: Tensor


class SaliencyMap(nn.Module):
    """How much each place of an image stands out in intensity, colour and orientation.

    intensity   = sum over c, s of N(I(c, s))
    colour      = sum over c, s of N(RG(c, s)) + N(BY(c, s))
    orientation = sum over directions of N(sum over c, s of N(O(c, s, direction)))
    saliency    = (N(intensity) + N(colour) + N(orientation)) / 3

    with N of `promote`, c = 2, 3, 4 and s = c + 3, c + 4: 42 maps with four directions. Sums are taken at scale 4.
    Nothing is learned, and all is differentiable almost everywhere. Images are red, green and blue from 0 to 1; any
    other positive scale of brightness gives the same saliency.

    Args:
        directions: number of orientations; the paper takes 4.

    Raises:
        ValueError: directions is not positive; the image is not floating-point (batch, 3, height, width) with both
            sides at least 128, below which the coarsest scales would be less than a pixel.

    Example:
        >>> import torch
        >>> from regard.layers import SaliencyMap
        >>> image = torch.zeros(1, 3, 128, 160)
        >>> image[:, :, 64:72, 32:40] = 1.0
        >>> found = SaliencyMap()(image).saliency
        >>> found.shape, divmod(int(found.argmax()), 10)
        (torch.Size([1, 8, 10]), (4, 2))

    Source: Itti, Koch and Niebur 1998, equations 1 to 8.
    """

    def __init__(self, directions: int = 4) -> None:
        super().__init__()
        if directions < 1:
            raise ValueError(f"directions is {directions}, expected at least one.")
        self.directions = directions

    def forward(self, image: Image) -> Saliency:
        """The saliency of each place, and what it is made of."""
        found = feature_maps(image, self.directions)
        intensity = _summed(found.intensity)
        colour = _summed(found.colour).sum(1, keepdim=True)
        orientation = promote(_summed(found.orientation)).sum(1, keepdim=True)
        saliency = (promote(intensity) + promote(colour) + promote(orientation)) / 3
        return Saliency(saliency.squeeze(1), intensity.squeeze(1), colour.squeeze(1), orientation.squeeze(1))


def feature_maps(image: Image, directions: int = 4) -> Features:
    """Centre-surround differences of intensity, colour opponency and orientation.

    I(c, s) = |I(c) - I(s)|,   O(c, s, d) = |O(c, d) - O(s, d)|
    RG(c, s) = |(R(c) - G(c)) - (R(s) - G(s))|,   BY(c, s) = |(B(c) - Y(c)) - (B(s) - Y(s))|

    The brightest number of an image counts as 1. I = (r + g + b) / 3. r, g and b are divided by I where it exceeds
    a tenth of its maximum, and are 0 elsewhere. Then, with 0 for what is negative, R = r - (g + b) / 2,
    G = g - (r + b) / 2, B = b - (r + g) / 2 and Y = min(r, g) - b.

    The paper prints the surround of colour as G(s) - R(s), by which red on green, where its double-opponent cells
    answer most, would give 0. Here it is a difference like the others, as in Walther and Koch 2006.

    Raises:
        ValueError: see `SaliencyMap`.

    Example:
        >>> import torch
        >>> from regard.layers import feature_maps
        >>> found = feature_maps(torch.rand(1, 3, 128, 128))
        >>> sum(maps.shape[1] for maps in found.intensity + found.colour + found.orientation)
        42

    Source: Itti, Koch and Niebur 1998, equations 1 to 4; Walther and Koch 2006.
    """
    _check(image)
    brightest = image.amax((1, 2, 3), keepdim=True)
    image = image / torch.where(brightest > 0, brightest, 1)
    intensity = pyramid(image.mean(1, keepdim=True), SCALES)
    opponents = pyramid(_opponents(image, intensity[0]), SCALES)
    oriented = [orientations(level, directions) for level in intensity]
    return Features(
        centre_surround(intensity),
        centre_surround(opponents),
        centre_surround(oriented),
    )


def promote(maps: Maps) -> Maps:
    """N: let a map with one strong peak through, and quieten one with many alike.

    N(x) = x' (1 - m)^2,   x' = (x - min) / (max - min),   m = mean of the local maxima of x' other than its highest

    A local maximum is not less than its eight neighbours and more than one of them. A flat map becomes 0: one whose
    numbers differ, in maps of the order of one, by no more than rounding does.

    Raises:
        ValueError: maps are not (batch, maps, height, width).

    Example:
        >>> import torch
        >>> from regard.layers.saliency import promote
        >>> promote(torch.tensor([[[[4.0, 0.0, 0.0, 2.0]]]]))
        tensor([[[[0.2500, 0.0000, 0.0000, 0.1250]]]])

    Source: Itti, Koch and Niebur 1998, section 2.2.
    """
    if maps.dim() != 4:
        raise ValueError(f"maps have shape {tuple(maps.shape)}, expected (batch, maps, height, width).")
    lowest, highest = maps.amin((-2, -1), keepdim=True), maps.amax((-2, -1), keepdim=True)
    spread = highest - lowest
    varies = spread > _ROUNDINGS * torch.finfo(maps.dtype).eps
    scaled = torch.where(varies, maps - lowest, 0) / torch.where(varies, spread, 1)
    found = scaled.detach()
    above = functional.max_pool2d(found, 3, stride=1, padding=1)
    below = -functional.max_pool2d(-found, 3, stride=1, padding=1)
    peaks = (found == above) & (found > below)
    first = functional.one_hot(found.flatten(-2).argmax(-1), found[0, 0].numel()).view_as(found).bool()
    others = peaks & ~first
    mean = (scaled * others).sum((-2, -1), keepdim=True) / others.sum((-2, -1), keepdim=True).clamp(min=1)
    return scaled * (1 - mean).square()


def _opponents(image: Tensor, intensity: Tensor) -> Tensor:
    """Red less green and blue less yellow, (batch, 2, height, width)."""
    bright = intensity > intensity.amax((-2, -1), keepdim=True) / 10
    # At least where nothing is divided, the divisor must not be 0: its gradient would be NaN.
    hue = torch.where(bright, image / torch.where(bright, intensity, 1), 0)
    r, g, b = hue.unbind(1)
    red, green, blue = (r - (g + b) / 2).relu(), (g - (r + b) / 2).relu(), (b - (r + g) / 2).relu()
    yellow = ((r + g) / 2 - (r - g).abs() / 2 - b).relu()
    return torch.stack((red - green, blue - yellow), dim=1)


def _summed(features: list[Tensor]) -> Tensor:
    """The promoted maps reduced to scale 4 and added; the last two are at that scale."""
    size = features[-1].shape[-2:]
    return torch.stack([functional.interpolate(promote(maps), size=size, mode="area") for maps in features]).sum(0)


def _check(image: Tensor) -> None:
    fits = image.dim() == 4 and image.shape[1] == 3 and image.is_floating_point()
    if not fits or min(image.shape[-2:]) < 128:
        raise ValueError(
            f"image has shape {tuple(image.shape)} and dtype {image.dtype}, expected floating-point (batch, 3, "
            "height, width) with both sides at least 128; enlarge it."
        )
