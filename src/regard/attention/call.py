"""One attention problem, checked and prepared: what every path is given."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from regard.attention.dropout import Dropout
from regard.attention.scores.score import Score
from regard.attention.space import Space, Tile
from regard.attention.weighings.weighing import Weighing
from regard.attention.wheres.where import Seen, Where


@dataclass(frozen=True)
class Call:
    """The three answers of one call, its dropout, and the space it works on."""

    space: Space
    score: Score
    where: Where
    weigh: Weighing
    dropout: Dropout | None = None

    def learned(self) -> tuple[Tensor, ...]:
        """Tensors besides query, key and value that may need a gradient."""
        return self.score.learned() + self.where.learned() + self.weigh.learned()

    def narrow(self, tile: Tile) -> Tile:
        """The tile without the keys that all of its rows cannot see."""
        return replace(tile, columns=self.where.span(tile.rows, self.space))


@dataclass(frozen=True)
class Prepared:
    """Query, key and value, prepared by the score and lifted to (batch, heads, time, size)."""

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


def tile_weights(call: Call, part: Prepared, tile: Tile, *, exactly: bool = False) -> Tensor:
    """Weights of a tile, (batch, heads, rows, columns), before dropout; `part` is cut and spread."""
    scores = call.score.tile(part.query, part.key)
    seen = call.where.seen(tile)
    if seen.prior is not None:
        scores = scores + seen.prior
    scores = hide(scores, seen, torch.finfo(scores.dtype).min)
    weigh = call.weigh.on(tile)
    weights = hide(weigh.exact(scores) if exactly else weigh.normalise(scores), seen, 0.0)
    return weights if seen.factor is None else weights * seen.factor


def tile_context(call: Call, part: Prepared, tile: Tile, *, exactly: bool = False) -> Tensor:
    """Context of a tile, (batch, heads, rows, value size); `part` is cut but not spread."""
    part = part.spread(tile)
    if not len(tile.columns):
        return part.value.new_zeros((*part.query.shape[:3], part.value.shape[-1]))
    weights = tile_weights(call, part, tile, exactly=exactly)
    if call.dropout is not None:
        weights = weights * call.dropout.factor(tile)
    return weights.to(part.value.dtype) @ part.value
