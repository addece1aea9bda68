"""Keys prepared once and asked many times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.call import Call
from regard.attention.module import joined
from regard.attention.prepared import PreparedKeys, context_of, prepare_query, weights_of
from regard.attention.scores.dot import Dot
from regard.attention.scores.score import Score, as_score
from regard.attention.shapes import check_value, space_of, space_over, working_dtype
from regard.attention.space import Space, Tile
from regard.attention.weighings.softmax import Softmax
from regard.attention.weighings.weighing import Weighing
from regard.attention.wheres.where import EVERYTHING, Seen, Simple, Where


@dataclass(frozen=True)
class Answer:
    """What a memory answers: the context, and the weights it was read with.

    after: the weighing of the next query, where it hangs on this one (Carried weighings); None means the same.
    """

    context: Tensor
    weights: Tensor
    after: Weighing | None = None


class Memory:
    """Keys and values prepared once and asked many times: decoder loops, caches, memory networks.

    ask(query)  =  attend(query, key, value, score=score, where=where)

    The score's work on keys (for Additive, their projection) is done when they enter. A memory never changes:
    `append`, `select` and `trim` give a new one, so a search can branch. Gradients flow into key and value.

    With a window, `memory.append(key, value).trim()` holds no more keys than the window: a ring buffer. Prefixes of
    different lengths enter padded, with `append(key, value, lengths)`; what is appended later stands behind all.

    Args:
        key: what is matched, (..., Tk, Dk).
        value: what is read, (..., Tk, Dv).
        score: how well query and key match.
        where: which keys may be seen, in every question.

    Raises:
        ValueError: shapes, dtypes or devices do not fit.

    Example:
        >>> import regard as rg, torch
        >>> memory = rg.Memory(torch.randn(2, 5, 4), torch.randn(2, 5, 3))
        >>> memory.ask(torch.randn(2, 1, 4)).shape
        torch.Size([2, 1, 3])

    Source: Weston, Chopra and Bordes 2015 (a memory that is asked).
    """

    def __init__(
        self,
        key: Float[Tensor, "*batch keys key_size"],
        value: Float[Tensor, "*batch keys value_size"],
        *,
        score: Score | Callable[[Tensor, Tensor], Tensor] = Dot(),
        where: Where | None = None,
    ) -> None:
        check_value(key, value)
        space_of(key, key)
        scored = as_score(score)
        self._keys = PreparedKeys.of(key, value, scored, working_dtype(scored, key, value))
        self._where = where
        self._real: Tensor | None = None
        self._forgotten = 0

    def __len__(self) -> int:
        return self._keys.key.shape[-2]

    def ask(
        self,
        query: Float[Tensor, "*batch queries query_size"],
        weigh: Weighing = Softmax(),
        where: Where | None = None,
    ) -> Float[Tensor, "*batch queries value_size"]:
        """Context of the queries; `where` is joined with the memory's own.

        Raises:
            ValueError: the query does not fit the keys.
        """
        call = self._call(query, weigh.drawn(None), where)
        return context_of(call, prepare_query(query, self._keys), self._keys, None)

    def answer(
        self,
        query: Float[Tensor, "*batch queries query_size"],
        weigh: Weighing = Softmax(),
        where: Where | None = None,
    ) -> Answer:
        """Context and weights of a few queries, for steps of a search and for pictures.

        The weights are Tq x Tk numbers, so ask with few queries at a time.

        Raises:
            ValueError: the query does not fit the keys.
        """
        weigh = weigh.drawn(None)
        call = self._call(query, weigh, where)
        weights, after = weights_of(call, prepare_query(query, self._keys), self._keys)
        value = self._keys.value.reshape(*self._keys.lead, *self._keys.value.shape[-2:])
        if self._keys.bad_value is not None:
            return Answer(self.ask(query, weigh, where), weights, after)
        if self._keys.lead != call.space.lead:
            value = value.repeat_interleave(call.space.heads // call.space.key_heads, dim=-3)
        return Answer(weights.to(value.dtype) @ value, weights, after)

    def append(
        self,
        key: Float[Tensor, "*batch keys key_size"],
        value: Float[Tensor, "*batch keys value_size"],
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> Memory:
        """A memory with more keys at the end, of which each sequence has the first `lengths` and the rest is padding.

        Padding is never seen, whatever the memory's where says.

        Raises:
            ValueError: shapes or sizes differ from those of the memory; there is not one length for each sequence.
        """
        check_value(key, value)
        old = self._keys
        if tuple(key.shape[:-2]) != old.lead or key.shape[-1] != old.key_size:
            raise ValueError(
                f"key has shape {tuple(key.shape)}, expected {(*old.lead, 'any', old.key_size)}: the sizes of "
                "the memory it joins."
            )
        new = PreparedKeys.of(key, value, old.score, old.value.dtype, start=self._forgotten + len(self))
        grown = self._with(
            old._replace(
                key=torch.cat((old.key, new.key), dim=-2),
                value=torch.cat((old.value, new.value), dim=-2),
                bad_key=_cat(old.bad_key, new.bad_key, old.key, new.key, old.key_size),
                bad_value=_cat(old.bad_value, new.bad_value, old.value, new.value, value.shape[-1]),
            ),
            self._where,
        )
        grown._real = self._real_with(key.shape[-2], lengths)
        return grown

    def _real_with(self, count: int, lengths: Tensor | None) -> Tensor | None:
        """Which keys are no padding, (batch, keys), with `count` more at the end."""
        if self._real is None and lengths is None:
            return None
        batch, device = self._keys.lead[:1], self._keys.key.device
        if not batch or (lengths is not None and tuple(lengths.shape) != batch):
            shape = None if lengths is None else tuple(lengths.shape)
            raise ValueError(
                f"lengths has shape {shape}, and the memory's keys have leading sizes {self._keys.lead}; expected "
                "one length for each sequence of a batch."
            )
        held = torch.ones((*batch, len(self)), dtype=torch.bool, device=device) if self._real is None else self._real
        places = torch.arange(count, device=device).expand(*batch, count)
        return torch.cat((held, places < count if lengths is None else places < lengths[:, None]), -1)

    def after(self, weights: Float[Tensor, "*batch queries keys"]) -> Memory:
        """The same memory for the next query, its score told where the last one looked (see LocationAware)."""
        return self._with(self._keys._replace(score=self._keys.score.after(weights)), self._where)

    def trim(self, queries: int = 1) -> Memory:
        """A memory without the first keys that none of its last `queries` positions, nor any later one, can see.

        Positions go on counting as if nothing had been forgotten.

        Raises:
            ValueError: the memory's where counts keys from the first one, such as Causal("start").
        """
        where, old = self._where, self._keys
        if where is None:
            return self
        # A query of a position is a row of a square map that ends with the last key.
        space = Space(old.lead, old.key.shape[1], len(self), len(self), old.key.device)
        first = where.span(range(max(0, len(self) - queries), len(self)), space).start
        if first == 0:
            return self
        keys = old._replace(
            key=old.key[:, :, first:],
            value=old.value[:, :, first:],
            bad_key=None if old.bad_key is None else old.bad_key[:, :, first:],
            bad_value=None if old.bad_value is None else old.bad_value[:, :, first:],
        )
        trimmed = self._with(keys, where.without_first(first))
        trimmed._real = None if self._real is None else self._real[:, first:]
        trimmed._forgotten += first
        return trimmed

    def select(self, index: Int[Tensor, " chosen"]) -> Memory:
        """A memory of the chosen rows of the first axis, as beam search reorders its hypotheses.

        Raises:
            ValueError: the memory has no batch axis.
        """
        old = self._keys
        if not old.lead:
            raise ValueError(
                f"select needs a batch axis, but the memory's keys have shape "
                f"{(old.key.shape[-2], old.key_size)}; add one with key[None]."
            )
        if len(old.lead) > 2:
            raise ValueError(
                f"select needs keys of shape (batch, time, size) or (batch, heads, time, size), but they have "
                f"the leading sizes {old.lead}."
            )
        keys = old._replace(
            lead=(index.shape[0], *old.lead[1:]),
            key=old.key.index_select(0, index),
            value=old.value.index_select(0, index),
            bad_key=None if old.bad_key is None else old.bad_key.index_select(0, index),
            bad_value=None if old.bad_value is None else old.bad_value.index_select(0, index),
        )
        chosen = self._with(keys, None if self._where is None else self._where.select(index))
        chosen._real = None if self._real is None else self._real.index_select(0, index)
        return chosen

    def _with(self, keys: PreparedKeys, where: Where | None) -> Memory:
        memory = object.__new__(Memory)
        memory._keys, memory._where = keys, where
        memory._real, memory._forgotten = self._real, self._forgotten
        return memory

    def _padding(self) -> Where | None:
        return None if self._real is None else _Real(self._real[:, None, None, :])

    def _call(self, query: Tensor, weigh: Weighing, where: Where | None) -> Call:
        call = Call(
            space_over(query, (*self._keys.lead, len(self), self._keys.key_size)),
            self._keys.score,
            joined(joined(self._where, where), self._padding()) or EVERYTHING,
            weigh,
            factor=self._keys.score.factor(query.shape[-1]),
        )
        call.where.check(call.space)
        return call


@dataclass(frozen=True, eq=False)
class _Real(Where):
    """Padding is not seen: a boolean for each key, (batch, 1, 1, keys)."""

    keys: Tensor

    def seen(self, tile: Tile) -> Seen:
        return Seen(tile.cut(self.keys))

    def simple(self, space: Space) -> Simple:
        return Simple(keys=self.keys)


def _cat(old_bad: Tensor | None, new_bad: Tensor | None, old: Tensor, new: Tensor, size: int) -> Tensor | None:
    if old_bad is None and new_bad is None:
        return None
    none = torch.zeros((), dtype=torch.bool, device=old.device)
    left = none.expand(*old.shape[:-1], size) if old_bad is None else old_bad
    right = none.expand(*new.shape[:-1], size) if new_bad is None else new_bad
    return torch.cat((left, right), dim=-2)
