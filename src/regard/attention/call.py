"""One attention problem, checked and prepared: what every path is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from regard.attention.dropout import Dropout
from regard.attention.native.lowered import Lowered, lowered
from regard.attention.scores.score import Score
from regard.attention.space import Space, Tile
from regard.attention.weighings.weighing import Carried, Weighing
from regard.attention.wheres.where import Seen, Simple, Where


@dataclass(frozen=True)
class Call:
    """The three answers of one call, its dropout, and the space it works on.

    Queries are prepared but for their `factor`, see `Score.bare_query`: who computes with them multiplies.
    """

    space: Space
    score: Score
    where: Where
    weigh: Weighing
    dropout: Dropout | None = None
    factor: float = 1.0

    def multiplied(self, query: Tensor) -> Tensor:
        """Queries times their factor."""
        return query if self.factor == 1.0 else query * self.factor

    def learned(self) -> tuple[Tensor, ...]:
        """Tensors besides query, key and value that may need a gradient."""
        return self.score.learned() + self.where.learned() + self.weigh.learned()

    @cached_property
    def lowered(self) -> Lowered | str:
        """The call in terms of our kernels, or why they cannot serve it."""
        return lowered(self)

    @cached_property
    def simple(self) -> Simple | None:
        """The where as other kernels know it; None where it cannot be said like that."""
        return self.where.simple(self.space)

    def width(self, prepared: Prepared) -> int:
        """Numbers held at once for one cell of a tile."""
        return self.score.width(prepared.key.shape[-1]) + self.weigh.width - 1

    def narrow(self, tile: Tile) -> Tile:
        """The tile without the keys that all of its rows cannot see; a carry needs all keys."""
        if isinstance(self.weigh, Carried):
            return tile
        return replace(tile, columns=self.where.span(tile.rows, self.space))


class Prepared(NamedTuple):
    """Query, key and value, prepared by the score and lifted to (batch, heads, time, size); see `Call.factor`."""

    query: Tensor
    key: Tensor
    value: Tensor

    def cut(self, tile: Tile) -> Prepared:
        """The queries of a tile, and the keys and values that they read; key heads are not repeated yet."""
        keys = (between(tile.batch), tile.key_heads, between(tile.columns))
        return Prepared(self.query[tile.index], self.key[keys], self.value[keys])

    def spread(self, tile: Tile) -> Prepared:
        """Keys and values of a cut repeated for the query heads that share them."""
        if tile.space.key_heads == tile.space.heads:
            return self
        group = tile.space.heads // tile.space.key_heads
        served = [head // group - tile.key_heads.start for head in tile.heads]
        index = torch.tensor(served, device=self.key.device)
        return Prepared(self.query, self.key.index_select(1, index), self.value.index_select(1, index))


def between(span: range) -> slice:
    """A range as a slice."""
    return slice(span.start, span.stop)


def hide(tensor: Tensor, seen: Seen, filler: float) -> Tensor:
    """Fill the hidden cells of a tile."""
    return tensor if seen.visible is None else tensor.masked_fill(~seen.visible, filler)


def shown(seen: Seen, scores: Tensor) -> Tensor:
    """Which cells of a tile may be seen, in the shape of its scores."""
    visible = torch.ones((), dtype=torch.bool, device=scores.device) if seen.visible is None else seen.visible
    return visible.expand(scores.shape)


def spoil(cells: Tensor, visible: Tensor, spoiled: Tensor | None, tile: Tile) -> Tensor:
    """The cells of a tile, those that may be seen times the factor of their row, (batch, heads, Tq, 1)."""
    if spoiled is None:
        return cells
    return torch.where(visible, cells * spoiled[tile.index].to(cells.dtype), cells)


def tile_step(
    call: Call, part: Prepared, tile: Tile, carry: Tensor | None, *, exactly: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Weights of a tile, (batch, heads, rows, columns), before dropout, and what passes to the rows after it.

    `part` is cut and spread. Without a carry the rows are the first.
    """
    return weighed(call, *tile_scores(call, part, tile), tile, carry, exactly=exactly)


def weighed(
    call: Call, scores: Tensor, seen: Seen, tile: Tile, carry: Tensor | None, *, exactly: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Weights from the scores that `tile_scores` gives, and the carry."""
    weigh = call.weigh.on(tile)
    if isinstance(weigh, Carried):
        follow = weigh.exact_stream if exactly else weigh.stream
        weights, carry = follow(scores, weigh.start(scores) if carry is None else carry)
    else:
        weights = weigh.exact(scores) if exactly else weigh.normalise(scores)
    weights = hide(weights, seen, 0.0)
    return (weights if seen.factor is None else weights * seen.factor), carry


def tile_scores(call: Call, part: Prepared, tile: Tile) -> tuple[Tensor, Seen]:
    """Scores of a tile with their priors, hidden cells at the lowest finite number, and what may be seen."""
    scores = call.score.tile(call.multiplied(part.query), part.key)
    seen = call.where.seen(tile)
    if seen.prior is not None:
        scores = scores + seen.prior
    return hide(scores, seen, torch.finfo(scores.dtype).min), seen


def tile_context(
    call: Call, part: Prepared, tile: Tile, carry: Tensor | None = None, *, exactly: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Context of a tile, (batch, heads, rows, value size), and the carry; `part` is cut but not spread."""
    part = part.spread(tile)
    if not len(tile.columns):
        return part.value.new_zeros((*part.query.shape[:3], part.value.shape[-1])), carry
    weights, carry = tile_step(call, part, tile, carry, exactly=exactly)
    if call.dropout is not None:
        weights = weights * call.dropout.factor(tile)
    return weights.to(part.value.dtype) @ part.value, carry
