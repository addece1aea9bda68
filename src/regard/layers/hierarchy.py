"""Pooling from the bottom up: words to sentences, sentences to a document, and on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention import Answer, Mask, Softmax, Weighing
from regard.layers.checks import check_sizes
from regard.layers.pool import Pool


@dataclass(frozen=True)
class Nested:
    """What a hierarchy read: the context of the whole, (batch, size), and the answer of every level, top first.

    Level k has weights (batch, n_1, ..., n_k), which sum to one over n_k, and contexts (batch, n_1, ..., n_(k-1),
    size): one of each group.
    """

    context: Tensor
    levels: tuple[Answer, ...]


class Hierarchy(nn.Module):
    """Pool the lowest groups to one vector each, then groups of those, until one is left.

    u = tanh(W_k h + b_k),   a = weigh(u . u_k within a group),   h of the group = sum a h

    With two levels: words make sentences, sentences the document. An empty group gives 0 and is hidden from the
    level above; a wholly empty input gives 0. Where an encoder is wanted between levels, put a Pool on each side
    of it instead.

    Args:
        size: size of the vectors.
        hidden_size: size of u.
        levels: number of levels; each has parameters of its own.
        weigh: how scores become weights.

    Raises:
        ValueError: a size or levels is not positive; inputs or masks have other shapes, or masks are not boolean.

    Example:
        >>> import torch
        >>> from regard.layers import Hierarchy
        >>> words = torch.randn(2, 3, 7, 5)
        >>> sentence_is_real, word_is_real = torch.ones(2, 3).bool(), torch.ones(2, 3, 7).bool()
        >>> read = Hierarchy(5, 11, levels=2)(words, [sentence_is_real, word_is_real])
        >>> read.context.shape, [tuple(level.weights.shape) for level in read.levels]
        (torch.Size([2, 5]), [(2, 3), (2, 3, 7)])

    Source: Yang et al. 2016, equations 5 to 10.
    """

    def __init__(self, size: int, hidden_size: int, levels: int, *, weigh: Weighing = Softmax()) -> None:
        super().__init__()
        check_sizes(size=size, hidden_size=hidden_size, levels=levels)
        self.size = size
        self.pools = nn.ModuleList(Pool(size, hidden_size, weigh=weigh) for _ in range(levels))

    def forward(self, inputs: Float[Tensor, "batch *levels size"], masks: Sequence[Bool[Tensor, "*upper"]]) -> Nested:
        """The context of the whole and what every level read.

        Inputs are (batch, n_1, ..., n_L, size); masks[k] is (batch, n_1, ..., n_(k+1)), True for what is real.
        """
        check_nested(inputs, masks, len(self.pools), self.size)
        answers: list[Answer] = []
        for pool, real in zip(reversed(self.pools), reversed(visible(masks)), strict=True):
            groups = real.shape[:-1]
            answer = pool(inputs.flatten(0, -3), Mask(real.flatten(0, -2)[:, None]))
            answers.insert(0, Answer(answer.context.reshape(*groups, self.size), answer.weights.reshape(real.shape)))
            inputs = answers[0].context
        return Nested(inputs, tuple(answers))


def visible(masks: Sequence[Bool[Tensor, "*levels"]]) -> list[Tensor]:
    """The masks of all levels without the groups in which nothing is real."""
    found = [masks[-1]]
    for mask in reversed(masks[:-1]):
        found.insert(0, mask & found[0].any(-1))
    return found


def check_nested(inputs: Tensor, masks: Sequence[Tensor], levels: int, size: int) -> None:
    """Raise ValueError where inputs or masks do not have this many levels."""
    if inputs.dim() != levels + 2 or inputs.shape[-1] != size:
        raise ValueError(
            f"inputs has shape {tuple(inputs.shape)}, expected (batch, {levels} axes of levels, {size})."
        )
    wanted = [tuple(inputs.shape[: level + 2]) for level in range(levels)]
    have = [tuple(mask.shape) for mask in masks]
    if have != wanted or any(mask.dtype != torch.bool for mask in masks):
        raise ValueError(
            f"masks have shapes {have} and dtypes {[mask.dtype for mask in masks]}, expected {wanted}, all "
            "torch.bool with True for what is real."
        )
