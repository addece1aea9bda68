"""Co-attention over several levels of one input, such as words, phrases and the whole question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention import Where
from regard.layers.checks import check_last, check_sizes
from regard.layers.parallel_co_attention import CoAttended


@dataclass(frozen=True)
class CoAttendedLevels:
    """The vector that joins all levels, (batch, hidden_size), and what was read at each level."""

    joined: Tensor
    levels: tuple[CoAttended, ...]


class CoAttention(nn.Module):
    """Co-attend one input with each level of another, and join what is read from the lowest level up.

    h_1 = tanh(W_1 (l_1 + r_1)),   h_k = tanh(W_k [l_k + r_k; h_(k-1)])

    l_k and r_k are the contexts that level k read of both inputs; W_k has a bias. Levels are given from the
    lowest (words) to the highest (the whole question).

    Args:
        levels: a co-attention for each level: ParallelCoAttention, AlternatingCoAttention, or any module called
            as level(left, right, left_where, right_where) that returns a CoAttended.
        size: size of both inputs; they are added, so it is one.
        hidden_size: size of h.

    Raises:
        ValueError: there are no levels; a size is not positive; inputs of other sizes or another number of
            levels are given.

    Example:
        >>> import torch
        >>> from regard.layers import CoAttention, ParallelCoAttention
        >>> co_attention = CoAttention([ParallelCoAttention(5, 5, 11) for _ in range(3)], size=5, hidden_size=7)
        >>> words, phrases, question = torch.randn(3, 2, 3, 5)
        >>> co_attention(torch.randn(2, 13, 5), [words, phrases, question]).joined.shape
        torch.Size([2, 7])

    Source: Lu et al. 2016, section 3.4, equation 7.
    """

    def __init__(self, levels: Sequence[nn.Module], size: int, hidden_size: int) -> None:
        super().__init__()
        check_sizes(levels=len(levels), size=size, hidden_size=hidden_size)
        self.size = size
        self.levels = nn.ModuleList(levels)
        below = [0] + [hidden_size] * (len(levels) - 1)
        self.joins = nn.ModuleList(nn.Linear(size + lower, hidden_size) for lower in below)

    def forward(
        self,
        left: Float[Tensor, "batch left_time size"],
        right: Sequence[Float[Tensor, "batch right_time size"]],
        left_where: Where | None = None,
        right_where: Where | None = None,
    ) -> CoAttendedLevels:
        """What all levels of the right input and the left input say together."""
        if len(right) != len(self.levels):
            raise ValueError(
                f"right has {len(right)} levels, expected {len(self.levels)}: one for each co-attention."
            )
        check_last("left", left, 3, self.size)
        for place, level in enumerate(right):
            check_last(f"right[{place}]", level, 3, self.size)
        seen = tuple(
            attention(left, level, left_where, right_where)
            for attention, level in zip(self.levels, right, strict=True)
        )
        joined: Tensor | None = None
        for join, level in zip(self.joins, seen, strict=True):
            both = level.left.context + level.right.context
            joined = join(both if joined is None else torch.cat((both, joined), dim=-1)).tanh()
        assert joined is not None
        return CoAttendedLevels(joined, seen)
