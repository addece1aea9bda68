"""Pointing: the answer is a position of the source."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention import Additive, Score, Softmax, Where
from regard.attention.call import Call, Prepared, hide
from regard.attention.prepared import PreparedKeys, prepare_query, spoiled_rows
from regard.attention.shapes import space_of, working_dtype
from regard.attention.wheres.where import Everything
from regard.layers.checks import check_last


def log_weights(
    query: Float[Tensor, "*batch queries query_size"],
    key: Float[Tensor, "*key_batch keys key_size"],
    *,
    score: Score,
    where: Where | None = None,
) -> Float[Tensor, "*batch queries keys"]:
    """Logarithms of softmax weights, exact where the weight itself would round to 0.

    log w_ij = s_ij - log sum_k exp(s_ik) over every k that where shows to i;   -inf for what is hidden

    This is for losses over positions and allocates Tq x Tk numbers. A query that may see nothing has -inf
    everywhere, and gradient 0.

    Args:
        query: what is asked, (..., Tq, D).
        key: what is matched, (..., Tk, Dk).
        score: how well query and key match.
        where: which keys a query may see, and with what prior; None means all.

    Raises:
        ValueError: shapes, dtypes or devices do not fit.

    Example:
        >>> import regard as rg, torch
        >>> from regard.layers import log_weights
        >>> mask = rg.Mask(torch.tensor([[[True, True, False]]]))
        >>> log_weights(torch.zeros(1, 1, 2), torch.zeros(1, 3, 2), score=rg.Dot(), where=mask)
        tensor([[[-0.6931, -0.6931,    -inf]]])

    Source: Vinyals, Fortunato and Jaitly 2015, equation 3.
    """
    factor = score.factor(query.shape[-1])
    call = Call(space_of(query, key), score, where or Everything(), Softmax(), factor=factor)
    score.check(query.shape[-1], key.shape[-1])
    call.where.check(call.space)
    keys = PreparedKeys.of(key, key, score, working_dtype(score, query, key))
    asked = prepare_query(query, keys)
    with torch.autocast(query.device.type, enabled=False):
        logs = _log_weights(call, Prepared(asked.tensor, keys.key, keys.value))
        spoiled = spoiled_rows(call, asked, keys)
        if spoiled is not None:
            logs = logs * spoiled.to(logs.dtype)
    return logs.reshape(*call.space.lead, *logs.shape[2:])


def _log_weights(call: Call, prepared: Prepared) -> Tensor:
    tile = call.space.whole()
    part, seen = prepared.spread(tile), call.where.seen(tile)
    scores = call.score.tile(call.multiplied(part.query), part.key)
    if seen.prior is not None:
        scores = scores + seen.prior
    # The lowest finite score keeps a row without visible keys free of NaN until it is emptied.
    logs = hide(hide(scores, seen, torch.finfo(scores.dtype).min).log_softmax(-1), seen, -torch.inf)
    return logs if seen.factor is None else logs + seen.factor.log()


class Pointer(nn.Module):
    """Point at one of the source's positions.

    log p(i | d) = log softmax over i of v . tanh(W_1 e_i + W_2 d + b)

    What may not be pointed at (padding, places already taken) is hidden by `where` and has log-probability -inf.

    Args:
        query_size: size of d, the states that point.
        key_size: size of e, the positions pointed at.
        hidden_size: size of the hidden layer.
        score: how well d and e match; None means Additive(query_size, key_size, hidden_size).

    Raises:
        ValueError: a size is not positive; inputs of other sizes are given.

    Example:
        >>> import regard as rg, torch
        >>> from regard.layers import Pointer
        >>> taken = torch.tensor([[[False, True, False, False]]])
        >>> Pointer(3, 5, 7)(torch.randn(1, 1, 3), torch.randn(1, 4, 5), ~rg.Mask(taken)).exp()[0, 0, 1]
        tensor(0., grad_fn=<SelectBackward0>)

    Source: Vinyals, Fortunato and Jaitly 2015, equation 3.
    """

    def __init__(self, query_size: int, key_size: int, hidden_size: int, *, score: Score | None = None) -> None:
        super().__init__()
        self.query_size, self.key_size = query_size, key_size
        self.score = Additive(query_size, key_size, hidden_size) if score is None else score

    def forward(
        self,
        query: Float[Tensor, "batch queries query_size"],
        key: Float[Tensor, "batch keys key_size"],
        where: Where | None = None,
    ) -> Float[Tensor, "batch queries keys"]:
        """Log-probability of every position, for every query."""
        check_last("query", query, 3, self.query_size)
        check_last("key", key, 3, self.key_size)
        return log_weights(query, key, score=self.score, where=where)
