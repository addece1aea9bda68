"""Keys and values prepared once, and asked: what `attend` does once and `Memory` many times."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from regard.attention.call import Call, Prepared
from regard.attention.finite import Clean, clean, clean_all, poison
from regard.attention.paths.reference import reference_weights
from regard.attention.plan import Path, run
from regard.attention.precision import as_chosen, in_dtype
from regard.attention.scores.score import Score
from regard.attention.shapes import lift
from regard.attention.space import Space
from regard.attention.weighings.weighing import Carried, Weighing


class PreparedKeys(NamedTuple):
    """Keys as the score wants them and their values, lifted to four dimensions and free of NaN.

    `lead` and `key_size` are the leading sizes and the last size that the caller's keys had.
    """

    lead: tuple[int, ...]
    key_size: int
    score: Score
    key: Tensor
    value: Tensor
    bad_key: Tensor | None
    bad_value: Tensor | None

    @staticmethod
    def of(key: Tensor, value: Tensor, score: Score, dtype: torch.dtype, start: int = 0) -> PreparedKeys:
        """Prepare keys (..., Tk, Dk) and values (..., Tk, Dv); the first key has position `start`."""
        keys, values = clean_all(key, value)
        return _keys(keys, values, score, dtype, start)


def prepare_query(query: Tensor, keys: PreparedKeys) -> Clean:
    """Queries as the score wants them but for its factor, lifted and free of NaN.

    Raises:
        ValueError: the score cannot match queries and keys of these sizes.
    """
    keys.score.check(query.shape[-1], keys.key_size)
    return _query(clean(query), keys)


def prepare(
    query: Tensor, key: Tensor, value: Tensor, score: Score, dtype: torch.dtype
) -> tuple[Clean, PreparedKeys]:
    """Queries and keys that the score has found to fit, prepared together: one look at all of their numbers."""
    asked, key_found, value_found = clean_all(query, key, value)
    keys = _keys(key_found, value_found, score, dtype)
    return _query(asked, keys), keys


def _keys(key: Clean, value: Clean, score: Score, dtype: torch.dtype, start: int = 0) -> PreparedKeys:
    prepared = lift(score.prepare_key(in_dtype(key.tensor, dtype), start))
    if prepared.is_floating_point():
        prepared = in_dtype(prepared, dtype)
    *lead, _count, size = key.tensor.shape
    return PreparedKeys(
        tuple(lead),
        size,
        score,
        prepared,
        in_dtype(lift(value.tensor), dtype),
        None if key.bad is None else lift(key.bad),
        None if value.bad is None else lift(value.bad),
    )


def _query(query: Clean, keys: PreparedKeys) -> Clean:
    dtype = keys.value.dtype
    prepared = in_dtype(lift(keys.score.bare_query(in_dtype(query.tensor, dtype))), dtype)
    return Clean(prepared, None if query.bad is None else lift(query.bad))


def spoiled_rows(call: Call, query: Clean, keys: PreparedKeys) -> Tensor | None:
    """NaN for queries with a score that is not finite and 1 for the others, (batch, heads, Tq, 1); None for all 1."""
    if query.bad is None and keys.bad_key is None:
        return None
    return poison(call, query.bad, keys.bad_key, None)


def context_of(call: Call, query: Clean, keys: PreparedKeys, path: Path | None) -> Tensor:
    """Context (*lead, Tq, Dv) of prepared queries."""
    space = call.space
    if space.problems * space.queries * space.keys == 0:
        return query.tensor.new_zeros((*space.lead, space.queries, keys.value.shape[-1]))
    with as_chosen(space.device.type):
        context = run(call, Prepared(query.tensor, keys.key, keys.value), path)
        context = _poisoned(context, call, query.bad, keys.bad_key, keys.bad_value)
    return _as_given(context, space)


def weights_of(call: Call, query: Clean, keys: PreparedKeys) -> tuple[Tensor, Weighing | None]:
    """Weights (*lead, Tq, Tk) of prepared queries, and the weighing of the queries after them if it is another."""
    space = call.space
    if space.problems * space.queries * space.keys == 0:
        return query.tensor.new_zeros((*space.lead, space.queries, space.keys)), None
    with as_chosen(space.device.type):
        weights, carry = reference_weights(call, Prepared(query.tensor, keys.key, keys.value))
        weights = _poisoned(weights, call, query.bad, keys.bad_key, None)
    after = (
        call.weigh.after(_as_given(carry, space)) if isinstance(call.weigh, Carried) and carry is not None else None
    )
    return _as_given(weights, space), after


def _poisoned(tensor: Tensor, call: Call, query: Tensor | None, key: Tensor | None, value: Tensor | None) -> Tensor:
    if query is None and key is None and value is None:
        return tensor
    return tensor * poison(call, query, key, value).to(tensor.dtype)


def _as_given(tensor: Tensor, space: Space) -> Tensor:
    """(batch, heads, ...) with the leading sizes the caller used."""
    return tensor if len(space.lead) == 2 else tensor.reshape(*space.lead, *tensor.shape[2:])
