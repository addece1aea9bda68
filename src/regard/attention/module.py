"""Attention as a module, so that it has a name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.attend import attend
from regard.attention.dropout import check_rate
from regard.attention.scores.dot import Dot
from regard.attention.scores.score import Score
from regard.attention.weighings.softmax import Softmax
from regard.attention.weighings.weighing import Weighing
from regard.attention.wheres.where import Where


class Attention(nn.Module):
    """`attend` as a module: it owns a score's parameters and has a name inside of a model.

    context = attend(query, key, value, score, where, weigh, dropout while training)

    Args:
        score: how well query and key match.
        where: which keys a query may see, always; more can be given with each call.
        weigh: how scores become weights.
        dropout: rate at which weights are dropped while training.

    Raises:
        ValueError: dropout is not a rate; see `attend` for the call.

    Example:
        >>> import regard as rg, torch
        >>> attention = rg.Attention(score=rg.Additive(4, 6, 8))
        >>> attention(torch.zeros(2, 3, 4), torch.zeros(2, 5, 6), torch.zeros(2, 5, 6)).shape
        torch.Size([2, 3, 6])
    """

    def __init__(
        self,
        score: Score | Callable[[Tensor, Tensor], Tensor] = Dot(),
        where: Where | None = None,
        weigh: Weighing = Softmax(),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_rate(dropout)
        self.score, self.where, self.weigh, self.dropout = score, where, weigh, dropout

    def forward(
        self,
        query: Float[Tensor, "*batch queries query_size"],
        key: Float[Tensor, "*key_batch keys key_size"],
        value: Float[Tensor, "*key_batch keys value_size"],
        where: Where | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "*batch queries value_size"]:
        """Context of the queries; `where` is joined with the module's own."""
        dropout = self.dropout if self.training else 0.0
        both = joined(self.where, where)
        return attend(
            query,
            key,
            value,
            score=self.score,
            where=both,
            weigh=self.weigh,
            dropout=dropout,
            generator=generator,
        )


def joined(left: Where | None, right: Where | None) -> Where | None:
    """What both show; None shows everything."""
    if left is None or right is None:
        return right if left is None else left
    return left & right
