"""The general attention function: match, normalise, sum."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention.call import Call, Prepared
from regard.attention.dropout import Dropout, check_rate, draw
from regard.attention.finite import Clean
from regard.attention.plan import Path, Plan, plan_of
from regard.attention.prepared import PreparedKeys, context_of, prepare, weights_of
from regard.attention.scores.dot import Dot
from regard.attention.scores.score import Score, as_score
from regard.attention.shapes import check_value, space_of, working_dtype
from regard.attention.short import short
from regard.attention.weighings.softmax import Softmax
from regard.attention.weighings.weighing import Weighing
from regard.attention.wheres.where import EVERYTHING, Where

AnyScore = Score | Callable[[Tensor, Tensor], Tensor]
_DOT, _SOFTMAX = Dot(), Softmax()


def attend(
    query: Float[Tensor, "*batch queries query_size"],
    key: Float[Tensor, "*key_batch keys key_size"],
    value: Float[Tensor, "*key_batch keys value_size"],
    *,
    score: AnyScore = _DOT,
    where: Where | None = None,
    weigh: Weighing = _SOFTMAX,
    dropout: float = 0.0,
    generator: torch.Generator | None = None,
    path: Path | None = None,
) -> Float[Tensor, "*batch queries value_size"]:
    """Read from values what the queries ask of the keys.

    context_i = sum_j w_ij value_j,   w_i = weigh(score(query_i, key_j) for every j that where shows to i)

    Four-dimensional tensors are (batch, heads, time, size). Fewer key heads than query heads means grouped
    queries: query head h reads key head h // (Hq // Hk). True in a mask means "may be seen". A query that may
    see nothing gets context 0. What is hidden cannot leak, not even NaN. Memory grows with Tq + Tk, except on
    the path "reference".

    Args:
        query: what is asked, (..., Tq, D).
        key: what is matched, (..., Tk, Dk).
        value: what is read, (..., Tk, Dv).
        score: how well query and key match; also any function of a query tile and a key tile.
        where: which keys a query may see, and with what prior; None means all.
        weigh: how scores become weights.
        dropout: rate at which weights are dropped; the rest grow by 1 / (1 - dropout).
        generator: source of the seeds of dropout and of weighings that draw; None means PyTorch's default generator.
        path: a path by name, for tests and teaching; None lets `explain` choose.

    Returns:
        The context, (..., Tq, Dv).

    Raises:
        ValueError: shapes, dtypes or devices do not fit; the path cannot serve the call.

    Example:
        >>> import regard as rg, torch
        >>> query, key, value = torch.randn(2, 3, 8), torch.randn(2, 5, 8), torch.randn(2, 5, 4)
        >>> rg.attend(query, key, value, where=rg.Lengths(torch.tensor([5, 2]))).shape
        torch.Size([2, 3, 4])

    Source: Bahdanau, Cho and Bengio 2015, equations 5 and 6; Vaswani et al. 2017, equation 1.
    """
    if score is _DOT and weigh is _SOFTMAX and path is None and dropout == 0.0:
        context = short(query, key, value, where)
        if context is not None:
            return context
    drawn, dropped = weigh.drawn(generator), draw(dropout, generator)
    return context_of(*prepare_call(query, key, value, score, where, drawn, dropped), path)


def weights(
    query: Float[Tensor, "*batch queries query_size"],
    key: Float[Tensor, "*key_batch keys key_size"],
    *,
    score: AnyScore = Dot(),
    where: Where | None = None,
    weigh: Weighing = Softmax(),
) -> Float[Tensor, "*batch queries keys"]:
    """The weights themselves, for looking, teaching and tests; this allocates Tq x Tk numbers.

    w_i = weigh(score(query_i, key_j) for every j that where shows to i)

    Shapes and conventions are those of `attend`; the result is (..., Hq, Tq, Tk).

    Raises:
        ValueError: shapes, dtypes or devices do not fit.

    Example:
        >>> import regard as rg, torch
        >>> rg.weights(torch.zeros(1, 2), torch.zeros(4, 2))
        tensor([[0.2500, 0.2500, 0.2500, 0.2500]])

    Source: Bahdanau, Cho and Bengio 2015, equation 6.
    """
    return weights_of(*prepare_call(query, key, key, score, where, weigh.drawn(None), None))[0]


def explain(
    query: Float[Tensor, "*batch queries query_size"],
    key: Float[Tensor, "*key_batch keys key_size"],
    value: Float[Tensor, "*key_batch keys value_size"],
    *,
    score: AnyScore = Dot(),
    where: Where | None = None,
    weigh: Weighing = Softmax(),
    dropout: float = 0.0,
) -> Plan:
    """Say which path `attend` takes for these arguments, why, and what it costs.

    Raises:
        ValueError: shapes, dtypes or devices do not fit.

    Example:
        >>> import regard as rg, torch
        >>> tensor = torch.zeros(1, 8, 512, 64, dtype=torch.float64)
        >>> rg.explain(tensor, tensor, tensor, where=rg.Causal()).path
        'sdpa'
    """
    check_rate(dropout)
    dropped = Dropout(dropout, 0) if dropout else None
    call, asked, keys = prepare_call(query, key, value, score, where, weigh, dropped)
    return plan_of(call, Prepared(asked.tensor, keys.key, keys.value))


def prepare_call(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score: AnyScore,
    where: Where | None,
    weigh: Weighing,
    dropout: Dropout | None,
) -> tuple[Call, Clean, PreparedKeys]:
    """Check the arguments of a call and prepare its queries and keys.

    Raises:
        ValueError: shapes, dtypes or devices do not fit.
    """
    space = space_of(query, key)
    check_value(key, value)
    scored = as_score(score)
    scored.check(query.shape[-1], key.shape[-1])
    factor = scored.factor(query.shape[-1])
    call = Call(space, scored, EVERYTHING if where is None else where, weigh, dropout, factor)
    call.where.check(space)
    return call, *prepare(query, key, value, scored, working_dtype(scored, query, key, value))
