"""A gaze over a map: the winner takes all, and is then left alone."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def fixations(
    saliency: Float[Tensor, "batch height width"], count: int, radius: float | None = None
) -> Float[Tensor, "batch count 2"]:
    """Where to look first, second and so on.

    l_n = argmax over places not inhibited of saliency;   inhibit all places less than `radius` from l_n

    Locations are (x, y) from -1 to 1 as in `crops`: the middle of the winning cell. Of equal cells the upper, then
    the left one wins. Inhibition of return lasts, and once all is inhibited the rest of the locations are NaN.
    This is the outcome of the paper's network of neurons, not its course in time.

    Args:
        saliency: (batch, height, width).
        count: number of fixations.
        radius: in cells; None means a sixth of the shorter side.

    Raises:
        ValueError: saliency has another shape; count or radius is not positive.

    Example:
        >>> import torch
        >>> from regard.layers import fixations
        >>> fixations(torch.tensor([[[0.0, 3.0, 2.0, 1.0]]]), count=2, radius=1.5)
        tensor([[[-0.2500,  0.0000],
                 [ 0.7500,  0.0000]]])

    Source: Itti, Koch and Niebur 1998, section 2.2; Koch and Ullman 1985.
    """
    if saliency.dim() != 3 or 0 in saliency.shape[1:]:
        raise ValueError(f"saliency has shape {tuple(saliency.shape)}, expected (batch, height, width).")
    height, width = saliency.shape[1:]
    radius = min(height, width) / 6 if radius is None else radius
    if count < 1 or not radius > 0:
        raise ValueError(f"count is {count} and radius is {radius}, expected both positive.")
    left = saliency.detach().clone()
    down = torch.arange(height, device=left.device)[:, None]
    across = torch.arange(width, device=left.device)
    found = []
    for _ in range(count):
        value, place = left.flatten(1).max(-1)
        row, column = (place // width)[:, None, None], (place % width)[:, None, None]
        near = (down - row).square() + (across - column).square() < radius**2
        left = left.masked_fill(near, -torch.inf)
        found.append(
            _location(place, height, width, left.dtype).masked_fill(torch.isneginf(value)[:, None], torch.nan)
        )
    return torch.stack(found, dim=1)


def _location(place: Tensor, height: int, width: int, dtype: torch.dtype) -> Tensor:
    middle = torch.stack(((place % width + 0.5) / width, (place // width + 0.5) / height), dim=-1)
    return (2 * middle - 1).to(dtype)
