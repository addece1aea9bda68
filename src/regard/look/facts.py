"""Facts about one whole recorded map, by the kernels that find facts about attention."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from regard.attention import Dot, Softmax, Statistics, Wanted, Where, statistics
from regard.attention.native.terms import OPEN, Code, Program, Step, strided
from regard.attention.space import Space, Tile
from regard.attention.wheres.where import Kind, Seen
from regard.look.sight import Sight, keys_of, own

if TYPE_CHECKING:
    from regard.look.attended import Attended


def facts(one: Attended, batch: int, head: int, wanted: Wanted) -> Statistics:
    """What `regard.statistics` finds in one map; its tensors have leading sizes (1, 1).

    Rows are normalised anew, by the same scores.
    """
    query = one.query[batch, head][None, None]
    key = one.key[batch, head // (one.heads // one.key_heads)][None, None]
    if query.dtype in (torch.float16, torch.bfloat16):
        query, key = query.float(), key.float()
    weigh = Softmax(sink=None if one.sink is None else float(one.sink[head]))
    score = Dot(scale=one.scale, softcap=one.softcap)
    with torch.no_grad():
        return statistics(query, key, wanted, score=score, where=_Seen(one.sight, one.rows, batch, head), weigh=weigh)


def stacked(one: Attended, wanted: Wanted) -> list[list[Statistics]]:
    """The facts of every map: of each sequence, of each head."""
    return [[facts(one, batch, head, wanted) for head in range(one.heads)] for batch in range(one.batch)]


def padded(one: Attended, queries: int, keys: int) -> Attended:
    """The same maps with hidden keys and empty rows behind, so that there are so many of both."""
    rows, columns = queries - one.queries, keys - one.keys
    sight, last = one.sight, int(one.rows[-1])
    first = torch.zeros((1, 1, one.queries), dtype=torch.int32) if sight.first is None else sight.first
    stop = torch.full((1, 1, one.queries), one.keys, dtype=torch.int32) if sight.stop is None else sight.stop

    def longer(tensor: Tensor | None, axis: int, more: int) -> Tensor | None:
        if tensor is None or tensor.shape[axis] == 1:
            return tensor
        shape = [more if place == axis else size for place, size in enumerate(tensor.shape)]
        return torch.cat((tensor, tensor.new_zeros(shape)), axis)

    return replace(
        one,
        query=torch.nn.functional.pad(one.query, (0, 0, 0, rows)),
        key=torch.nn.functional.pad(one.key, (0, 0, 0, columns)),
        rows=torch.cat((one.rows, torch.arange(last + 1, last + 1 + rows))),
        sight=replace(
            sight,
            first=torch.nn.functional.pad(first, (0, rows)),
            stop=torch.nn.functional.pad(stop, (0, rows)),
            shown=None if sight.shown is None else torch.nn.functional.pad(sight.shown, (0, columns)),
            mask=longer(longer(sight.mask, 2, rows), 3, columns),
            bias=longer(longer(sight.bias, 2, rows), 3, columns),
        ),
    )


@dataclass(frozen=True, eq=False)
class _Seen(Where):
    """What the rows of one recorded map see, as the algebra asks it."""

    sight: Sight
    position: Tensor
    batch: int
    head: int

    def seen(self, tile: Tile) -> Seen:
        rows = torch.arange(tile.rows.start, tile.rows.stop)
        told = (self.position[rows], rows, tile.columns, self.batch, self.head)
        visible, prior = self.sight.visible(*told), self.sight.prior(*told)
        shape = (len(tile.rows), len(tile.columns))
        return Seen(
            None if visible is None else visible.expand(shape)[None, None],
            None if prior is None else prior.expand(shape)[None, None],
        )

    @property
    def kind(self) -> Kind:
        return Kind.MASK if self.sight.bias is None and self.sight.relative is None else Kind.PRIOR

    def program(self, space: Space) -> Program | None:
        sight, shift = self.sight, int(self.position[0])
        if int(self.position[-1]) - shift != len(self.position) - 1:
            return None
        program = Program()
        if sight.left is not None or sight.right is not None:
            low = -OPEN if sight.left is None else shift - sight.left
            program = _with(program, Step(Code.BAND, (low, OPEN if sight.right is None else shift + sight.right)))
        if sight.first is not None and sight.stop is not None:
            ends = tuple(self._own(each).long().contiguous() for each in (sight.first, sight.stop))
            program = _with(program, Step(Code.SPANS, ends))
        for mask in (None if sight.shown is None else self._shown(sight.shown), self._cells(sight.mask)):
            if mask is not None:
                program = _with(program, Step(Code.MASK, strided(mask, 4)))
        bias = self._cells(sight.bias)
        priors = () if bias is None else (Step(Code.BIAS, strided(bias.float(), 4)),)
        if sight.relative is not None:
            priors = (*priors, self._table(sight.relative, shift))
        return Program(program.conditions, priors)

    def _table(self, relative: Tensor, shift: int) -> Step:
        """Numbers by distance, as many to the left as to the right."""
        line, nearest = self._own(relative).float(), self.sight.nearest
        radius = max(abs(nearest), abs(nearest + len(line) - 1))
        table = line.new_zeros(2 * radius + 1)
        table[radius + nearest : radius + nearest + len(line)] = line
        return Step(Code.TABLE, (table, 0, radius, shift))

    def _own(self, tensor: Tensor) -> Tensor:
        return own(tensor, self.batch, self.head)

    def _shown(self, shown: Tensor) -> Tensor:
        return keys_of(shown, self.batch)[None, None, None]

    def _cells(self, cells: Tensor | None) -> Tensor | None:
        return None if cells is None else self._own(cells)[None, None]


def _with(program: Program, step: Step) -> Program:
    return program.both(Program((step,)))
