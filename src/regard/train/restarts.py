"""Several networks trained side by side, of which one is kept."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor


def losses_of_each(
    logits: Float[Tensor, "batch restarts classes"], wanted: Int[Tensor, " batch"]
) -> Float[Tensor, "batch restarts"]:
    """Cross-entropy of every example by every network.

    Their sum over networks gives each the gradient that it has alone, as none depends on another's weights.

    Example:
        >>> import torch
        >>> losses_of_each(torch.zeros(1, 2, 4), torch.tensor([3]))
        tensor([[1.3863, 1.3863]])
    """
    restarts = logits.shape[1]
    each = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), wanted.repeat_interleave(restarts), reduction="none"
    )
    return each.view(-1, restarts)


def best_restart(errors: Sequence[float], losses: Sequence[float]) -> int:
    """The network of the fewest errors in training, and of those the one of the lowest loss.

    Example:
        >>> best_restart([0.2, 0.1, 0.1], [0.3, 0.9, 0.5])
        2

    Source: Sukhbaatar et al. 2015, section 4.2 (the lowest training error of ten).
    """
    return min(range(len(errors)), key=lambda place: (errors[place], losses[place]))
