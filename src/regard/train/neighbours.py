"""What is recommended without learning: what is popular, and what is taken by the same users."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def popularity(taken: Float[Tensor, "users items"]) -> Float[Tensor, " items"]:
    """How many took each item."""
    return taken.sum(0)


def neighbours(taken: Float[Tensor, "users items"], most: int = 100) -> Float[Tensor, "items items"]:
    """Cosines between items by who took them; of each item the largest `most`, the others and itself 0.

    cos(i, j) = |users of i and j| / sqrt(|users of i| |users of j|)

    Args:
        taken: 1 where a user took an item.
        most: neighbours that an item keeps.

    Returns:
        A row of neighbours for each item; an item that nobody took has none.

    Raises:
        ValueError: most is not positive.

    Example:
        >>> neighbours(torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]))[1]
        tensor([0.7071, 0.0000, 0.0000])

    Source: Sarwar et al. 2001, section 3.1.1; of binary data: Deshpande and Karypis 2004, equation 3.
    """
    if most < 1:
        raise ValueError(f"most is {most}, expected at least one neighbour.")
    length = taken.sum(0).sqrt().clamp(min=1)
    cosines = (taken.T @ taken) / (length[:, None] * length)
    cosines.fill_diagonal_(0)
    kept = cosines.topk(min(most, len(cosines)), dim=1)
    return torch.zeros_like(cosines).scatter_(1, kept.indices, kept.values)


def by_neighbours(
    history: Float[Tensor, "users items"], near: Float[Tensor, "items items"]
) -> Float[Tensor, "users items"]:
    """Each item's score for each user: the sum of its cosines with what the user took.

    score(u, i) = sum_{j in N(i), u took j} cos(i, j)

    Source: Deshpande and Karypis 2004, section 4.1.
    """
    return history @ near.T
