"""One vector from many: attention with one query for each sequence."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention import Answer, Dot, Memory, Score, Softmax, Weighing, Where
from regard.layers.checks import check_last, check_sizes
from regard.layers.hidden import without_hidden


def pool(
    query: Float[Tensor, "*batch query_size"],
    key: Float[Tensor, "batch time key_size"],
    value: Float[Tensor, "batch time size"],
    *,
    score: Score = Dot(scale=1.0),
    where: Where | None = None,
    weigh: Weighing = Softmax(),
) -> Answer:
    """Read each sequence with one query, the same for all or one each.

    context = sum_j w_j value_j,   w = weigh(score(query, key_j) for every j that where shows)

    Args:
        query: (query_size,) for all sequences, or (batch, query_size).
        key: what is matched.
        value: what is read.
        score: how well query and key match.
        where: which keys may be seen: Lengths, or Mask(tensor (batch, 1, time)).
        weigh: how scores become weights.

    Returns:
        The context, (batch, size), and the weights, (batch, time).

    Raises:
        ValueError: shapes do not fit.

    Example:
        >>> import torch
        >>> from regard.layers import pool
        >>> pool(torch.zeros(3), torch.randn(2, 5, 3), torch.randn(2, 5, 4)).context.shape
        torch.Size([2, 4])

    Source: Yang et al. 2016, equations 6 and 7.
    """
    if query.dim() not in (1, 2) or key.dim() != 3:
        raise ValueError(
            f"query has shape {tuple(query.shape)} and key {tuple(key.shape)}, expected (size,) or (batch, size), "
            "and (batch, time, size)."
        )
    queries = query.expand(key.shape[0], query.shape[-1])[:, None] if query.dim() == 1 else query[:, None]
    answer = Memory(key, value, score=score, where=where).answer(queries, weigh)
    return Answer(answer.context[:, 0], answer.weights[:, 0])


class Pool(nn.Module):
    """Read a sequence by how salient its positions are, without being asked anything.

    u_t = tanh(W h_t + b),   a = weigh(u_t . u_w),   context = sum_t a_t h_t

    The context vector u_w is a query that is learned. A sequence without visible positions gives 0.

    Args:
        size: size of h.
        hidden_size: size of u.
        weigh: how scores become weights.

    Raises:
        ValueError: a size is not positive; inputs of another size are given.

    Example:
        >>> import regard as rg, torch
        >>> from regard.layers import Pool
        >>> answer = Pool(4, 7)(torch.randn(2, 5, 4), rg.Lengths(torch.tensor([5, 0])))
        >>> answer.context[1]
        tensor([0., 0., 0., 0.], grad_fn=<SelectBackward0>)

    Source: Yang et al. 2016, equations 5 to 7.
    """

    def __init__(self, size: int, hidden_size: int, *, weigh: Weighing = Softmax()) -> None:
        super().__init__()
        check_sizes(size=size, hidden_size=hidden_size)
        self.hidden = nn.Linear(size, hidden_size)
        self.query = learned_query(hidden_size)
        self.weigh = weigh

    def forward(self, inputs: Float[Tensor, "batch time size"], where: Where | None = None) -> Answer:
        """Context (batch, size) and weights (batch, time)."""
        check_last("inputs", inputs, 3, self.hidden.in_features)
        inputs = without_hidden(inputs, where, 1)
        return pool(self.query, self.hidden(inputs).tanh(), inputs, where=where, weigh=self.weigh)


def learned_query(size: int) -> nn.Parameter:
    """A query that is learned, drawn from U(-1/sqrt(size), 1/sqrt(size))."""
    bound = 1.0 / math.sqrt(size)
    return nn.Parameter(torch.empty(size).uniform_(-bound, bound))
