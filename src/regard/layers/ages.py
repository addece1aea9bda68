"""How old memories are: what temporal encoding tells apart."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def ages(real: Bool[Tensor, "batch memories"]) -> Int[Tensor, "batch memories"]:
    """How many real memories stand after each; 0 is the last real one, nearest to the question.

    Example:
        >>> import torch
        >>> ages(torch.tensor([[True, True, False]]))
        tensor([[1, 0, 0]])

    Source: Sukhbaatar et al. 2015, section 4.1 (temporal encoding).
    """
    return real.sum(-1, keepdim=True).sub(real.cumsum(-1)).clamp(min=0)


def ages_among_empty(real: Bool[Tensor, "batch memories"], share: float) -> Int[Tensor, "batch memories"]:
    """Ages as if empty memories stood at random places among the real ones: order stays, distances vary.

    Of n real memories, b is drawn from 0 .. ceil(share n), all equally likely, and every set of n places among
    n + b is as likely as any other. Drawn from the default generator, as dropout is.

    Args:
        real: which memories are no padding.
        share: at most how many empty ones there are, for each real one; 0 gives `ages`.

    Raises:
        ValueError: share is negative.

    Example:
        >>> import torch
        >>> ages_among_empty(torch.tensor([[True, True, False]]), 0.0)
        tensor([[1, 0, 0]])

    Source: Sukhbaatar et al. 2015, section 4.1 (learning time invariance by injecting random noise).
    """
    if share < 0:
        raise ValueError(f"share is {share}, expected 0 or more; 0.1 is a tenth.")
    count = real.sum(-1)
    most = (count * share).ceil()
    empty = (torch.rand(len(count), device=real.device) * (most + 1)).long()
    width = real.shape[1] + math.ceil(real.shape[1] * share)
    places = torch.arange(width, device=real.device).expand(len(count), width)
    # A random order of the places that there are; the first of it are those of the real memories.
    drawn = torch.rand(places.shape, device=real.device).masked_fill(places >= (count + empty)[:, None], 2.0)
    taken = drawn.argsort(-1).argsort(-1) < count[:, None]
    rising = places.masked_fill(~taken, width).sort(-1).values
    return rising.gather(-1, ages(real)).masked_fill(~real, 0)
