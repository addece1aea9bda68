"""How steeply each head of ALiBi falls with distance."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from regard.layers.checks import check_sizes


def alibi_slopes(heads: int) -> Float[Tensor, " heads"]:
    """Slopes of attention with linear biases: head h adds -slope_h * distance to its scores.

    slope_h = 2^(-8h / H),   h = 1 ... H

    where H is a power of two. For other H: the slopes of the largest power of two P below H, and then every second
    slope of 2P heads, from the first.

    Args:
        heads: H, the number of query heads.

    Raises:
        ValueError: heads is not positive.

    Example:
        >>> from regard.layers import alibi_slopes
        >>> alibi_slopes(3)
        tensor([0.0625, 0.0039, 0.2500])

    Source: Press, Smith and Lewis 2022, section 3; other numbers of heads as in the authors' program.
    """
    check_sizes(heads=heads)
    power = 1 << (heads.bit_length() - 1)
    return torch.cat((_powers(power), _powers(2 * power)[0::2][: heads - power]))


def _powers(heads: int) -> Tensor:
    return 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)
