"""One map of a record: weights of any rectangle, sums over squares of cells, and a base from which to zoom out."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from threading import Lock

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention import Wanted
from regard.look.attended import CELLS, Attended, log_weights_of, row_sums, seen_of
from regard.look.facts import facts, padded


class Sinks(Enum):
    """Whether the first key and a learned sink are shown, or left out and the rest normalised anew."""

    KEPT = "kept"
    LEFT_OUT = "left-out"


class Pooling(Enum):
    """What a cell of several weights is: the sum over its keys of the mean over its queries, or the largest."""

    SUM = "sum"
    MAX = "max"


# A base has at most this many cells along an axis, and the highest zoom that is found from weights directly.
_BASE, DIRECT = 4096, 4


class Map:
    """One map of one attention.

    Args:
        one: the attention.
        batch: sequence.
        head: query head.
        sinks: whether sinks are shown.
    """

    def __init__(self, one: Attended, batch: int, head: int, sinks: Sinks) -> None:
        self.one, self.batch, self.head, self._sinks = one, batch, head, sinks
        self._bases: dict[Pooling, Tensor] = {}
        # One thread builds what others then find.
        self._building = Lock()
        if sinks is Sinks.LEFT_OUT:
            alone = _alone(one, batch, head)
            sight = alone.sight.without_key(0, alone.keys)
            # Rows are normalised anew when they are first asked for.
            self.one = replace(alone, sink=None, sight=sight, lse=torch.full_like(alone.lse, torch.nan))
            self.batch = self.head = 0

    @property
    def bytes(self) -> int:
        """Memory of what is remembered."""
        return sum(base.nbytes for base in self._bases.values())

    def weights(self, rows: Tensor, columns: range) -> Float[Tensor, "rows columns"]:
        """Weights of chosen rows and neighbouring columns."""
        return self.log_weights(rows, columns).exp_().float()

    def log_weights(self, rows: Tensor, columns: range) -> Float[Tensor, "rows columns"]:
        """Their logarithms, -inf where hidden."""
        self._normalise(rows)
        return log_weights_of(self.one, self.batch, self.head, rows, columns)

    def row_numbers(self) -> Float[Tensor, " queries"]:
        """The logarithm of what each row is divided by."""
        self._normalise(torch.arange(self.one.queries))
        return self.one.lse[self.batch, self.head]

    def pooled(self, rows: range, columns: range, zoom: int, pooling: Pooling) -> Float[Tensor, "down across"]:
        """Cells of 2**zoom rows and columns; both ranges begin at a cell's edge."""
        size = 1 << zoom
        if zoom == 0:
            return self.weights(torch.arange(rows.start, rows.stop), columns)
        if zoom <= DIRECT or zoom < self.base_zoom:
            return self._summed(rows, columns, size, pooling)
        base, step = self._base(pooling), 1 << (zoom - self.base_zoom)
        across = range(columns.start >> self.base_zoom, -(-columns.stop >> self.base_zoom))
        down = range(rows.start >> self.base_zoom, -(-rows.stop >> self.base_zoom))
        cells = base[down.start : down.stop, across.start : across.stop]
        return _coarser(cells, step, pooling, self._rows_of_cells(down))

    def glanced(self, rows: range, columns: range, zoom: int, most: int) -> Float[Tensor, "down across"]:
        """The same sums as `pooled`, with the mean over only `most` rows of each cell, evenly spread."""
        size = 1 << zoom
        count = min(most, size)
        starts = torch.arange(rows.start, rows.stop, size)
        lengths = (rows.stop - starts).clamp(max=size)
        places = (torch.arange(count) + 0.5) / count
        chosen = (starts[:, None] + (places * lengths[:, None]).long()).flatten()
        found = [_narrow(part, size) for part in self._parts(chosen, columns)]
        return torch.cat(found).unflatten(0, (-1, count)).mean(1)

    @property
    def base_zoom(self) -> int:
        """The zoom of the base, from which all higher ones are found."""
        longest = max(self.one.queries, self.one.keys)
        return max(0, (-(-longest // _BASE) - 1).bit_length())

    def _parts(self, rows: Tensor, columns: range) -> list[Tensor]:
        return [self.weights(part, columns) for part in rows.split(max(1, CELLS // len(columns)))]

    def _normalise(self, rows: Tensor) -> None:
        """Find the numbers of rows that are not known yet, where sinks are left out."""
        if self._sinks is Sinks.KEPT:
            return
        numbers = self.one.lse[0, 0]
        missing = rows[numbers[rows].isnan()]
        if len(missing):
            numbers[missing] = row_sums(self.one, 0, 0, missing).float()

    def _base(self, pooling: Pooling) -> Tensor:
        with self._building:
            if pooling not in self._bases:
                size = 1 << self.base_zoom
                if pooling is Pooling.SUM:
                    self._bases[pooling] = self._base_by_kernels(size)
                else:
                    whole = range(self.one.queries), range(self.one.keys)
                    self._bases[pooling] = self._summed(*whole, size, pooling)
            return self._bases[pooling]

    def _base_by_kernels(self, size: int) -> Tensor:
        # The kernels cut a map into equal cells, so it is filled up to a multiple of a cell's size.
        down, across = -(-self.one.queries // size), -(-self.one.keys // size)
        whole = padded(_alone(self.one, self.batch, self.head), down * size, across * size)
        pooled = facts(whole, 0, 0, Wanted(pooled=(down, across))).pooled
        assert pooled is not None
        return pooled[0, 0] * size / self._rows_of_cells(range(down))[:, None]

    def _rows_of_cells(self, down: range) -> Tensor:
        size = 1 << self.base_zoom
        return (self.one.queries - torch.arange(down.start, down.stop) * size).clamp(max=size).float()

    def _summed(self, rows: range, columns: range, size: int, pooling: Pooling) -> Tensor:
        down, across = -(-len(rows) // size), -(-len(columns) // size)
        found = torch.zeros((down, across))
        step = max(1, CELLS // max(1, len(columns)))
        # A power of two, so that a step is whole cells or a whole part of one.
        step = 1 << (step.bit_length() - 1)
        for start in range(rows.start, rows.stop, step):
            part = torch.arange(start, min(start + step, rows.stop))
            seen = seen_of(self.one, self.batch, self.head, part, columns)
            left = columns.start + (seen.start - columns.start) // size * size
            if not len(seen):
                continue
            cells = _gathered(self.weights(part, range(left, seen.stop)), size, pooling)
            first, column = (start - rows.start) // size, (left - columns.start) // size
            here = found[first : first + len(cells), column : column + cells.shape[1]]
            here.copy_(here + cells if pooling is Pooling.SUM else torch.maximum(here, cells))
        if pooling is Pooling.MAX:
            return found
        return found / (len(rows) - torch.arange(down) * size).clamp(max=size)[:, None]


def _alone(one: Attended, batch: int, head: int) -> Attended:
    """One map by itself."""
    key_head = head // (one.heads // one.key_heads)
    return replace(
        one,
        query=one.query[batch : batch + 1, head : head + 1],
        key=one.key[batch : batch + 1, key_head : key_head + 1],
        lse=one.lse[batch : batch + 1, head : head + 1],
        sink=None if one.sink is None else one.sink[head : head + 1],
        sight=one.sight.alone(batch, head),
    )


def _gathered(weights: Tensor, size: int, pooling: Pooling) -> Tensor:
    """Sums, or the largest, of cells of size x size; the last may be smaller."""
    # Fewer rows than a cell has are a part of one.
    high = min(size, 1 << (len(weights) - 1).bit_length())
    down = _reduced(_filled(weights, high), high, 0, pooling)
    return _reduced(_filled(down.T, size).T, size, 1, pooling)


def _filled(cells: Tensor, size: int) -> Tensor:
    more = -len(cells) % size
    return torch.nn.functional.pad(cells, (0, 0, 0, more)) if more else cells


def _reduced(cells: Tensor, size: int, axis: int, pooling: Pooling) -> Tensor:
    apart = cells.unflatten(axis, (-1, size))
    return apart.sum(axis + 1) if pooling is Pooling.SUM else apart.amax(axis + 1)


def _narrow(weights: Tensor, size: int) -> Tensor:
    return _reduced(_filled(weights.T, size).T, size, 1, Pooling.SUM)


def _coarser(cells: Tensor, step: int, pooling: Pooling, rows: Tensor) -> Tensor:
    """Cells of step x step cells; `rows` says how many rows each row of cells stands for."""
    if step == 1:
        return cells.clone()
    if pooling is Pooling.MAX:
        return _gathered(cells, step, pooling)
    sums = _narrow(_reduced(_filled(cells * rows[:, None], step), step, 0, pooling), step)
    return sums / _reduced(_filled(rows[:, None], step), step, 0, Pooling.SUM)
