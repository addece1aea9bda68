"""Keys and values prepared once, and asked: what `attend` does once and `Memory` many times."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regard.attention.call import Call, Prepared
from regard.attention.finite import Clean, clean, poison
from regard.attention.paths.reference import reference_weights
from regard.attention.plan import Path, run
from regard.attention.precision import as_chosen
from regard.attention.scores.score import Score
from regard.attention.shapes import lift
from regard.attention.space import Space
from regard.attention.weighings.weighing import Carried, Weighing


@dataclass(frozen=True)
class PreparedKeys:
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
        keys, values = clean(key), clean(value)
        prepared = lift(score.prepare_key(keys.tensor.to(dtype), start))
        if prepared.is_floating_point():
            prepared = prepared.to(dtype)
        return PreparedKeys(
            tuple(key.shape[:-2]),
            key.shape[-1],
            score,
            prepared,
            lift(values.tensor).to(dtype),
            None if keys.bad is None else lift(keys.bad),
            None if values.bad is None else lift(values.bad),
        )


def prepare_query(query: Tensor, keys: PreparedKeys) -> Clean:
    """Queries as the score wants them, lifted and free of NaN.

    Raises:
        ValueError: the score cannot match queries and keys of these sizes.
    """
    keys.score.check(query.shape[-1], keys.key_size)
    found = clean(query)
    prepared = lift(keys.score.prepare_query(found.tensor.to(keys.value.dtype))).to(keys.value.dtype)
    return Clean(prepared, None if found.bad is None else lift(found.bad))


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
