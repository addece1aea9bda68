"""Sights joined row after row, and said as briefly as they can be."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from regard.look.sight import Sight


def taken(sight: Sight, rows: Tensor, heads: Tensor) -> Sight:
    """The sight of some of the rows and heads."""

    def some(tensor: Tensor | None, queries: int | None) -> Tensor | None:
        if tensor is None:
            return None
        tensor = tensor if tensor.shape[1] == 1 else tensor[:, heads]
        return tensor if queries is None or tensor.shape[queries] == 1 else tensor.index_select(queries, rows)

    return replace(
        sight,
        first=some(sight.first, 2),
        stop=some(sight.stop, 2),
        mask=some(sight.mask, 2),
        bias=some(sight.bias, 2),
        relative=some(sight.relative, None),
    )


def moved(sight: Sight, offset: int, keys: int) -> Sight:
    """The same sight where `offset` keys come before those that it knows; there are `keys` then."""
    if offset == 0:
        return sight
    lead = keys - offset
    return replace(
        sight,
        first=None if sight.first is None else sight.first + offset,
        stop=None if sight.stop is None else sight.stop + offset,
        shown=None if sight.shown is None else _padded(sight.shown, offset, lead, True),
        mask=None if sight.mask is None else _padded(sight.mask, offset, lead, False),
        bias=None if sight.bias is None else _padded(sight.bias, offset, lead, 0.0),
    )


def joined(parts: list[Sight], queries: list[int], keys: int) -> Sight | None:
    """One sight of all rows, in this order; None where their hidden keys contradict each other."""
    if len(parts) == 1:
        return parts[0]
    shown = _same_shown(parts, keys)
    relative = _same_relative(parts)
    if shown is None or relative is None:
        return None
    line, nearest = relative
    return Sight(
        first=_rows([part.first for part in parts], queries, None, 0),
        stop=_rows([part.stop for part in parts], queries, None, 0),
        shown=None if bool(shown.all()) else shown,
        mask=_rows([part.mask for part in parts], queries, keys, True),
        bias=_rows([part.bias for part in parts], queries, keys, 0.0),
        relative=line,
        nearest=nearest,
    )


def brief(sight: Sight, position: Int[Tensor, " queries"], keys: int) -> Sight:
    """The same sight with a band in the place of ranges, where a band says the same; no unknown distances."""
    line = None if sight.relative is None else sight.relative.nan_to_num()
    sight = replace(sight, relative=line)
    if sight.first is None or sight.stop is None:
        return sight
    wanted = _effective(sight.first, sight.stop, sight.shown, keys)
    filled = wanted[1] > wanted[0]
    open_right, open_left = bool((sight.stop >= keys).all()), bool((sight.first <= 0).all())
    right = [None] if open_right else [int((sight.stop - 1 - position)[filled].max()) if filled.any() else 0]
    left = [None] if open_left else [None, int((position - sight.first)[filled].max()) if filled.any() else 0]
    for ahead in (None, *right):
        for behind in left:
            first = torch.zeros_like(position) if behind is None else position - behind
            stop = torch.full_like(position, keys) if ahead is None else position + ahead + 1
            found = _effective(first[None, None].clamp(0, keys), stop[None, None].clamp(0, keys), sight.shown, keys)
            if all(bool((have == want).all()) for have, want in zip(found, wanted, strict=True)):
                return replace(sight, left=behind, right=ahead, first=None, stop=None)
    return sight


def _effective(first: Tensor, stop: Tensor, shown: Tensor | None, keys: int) -> tuple[Tensor, Tensor]:
    """Ranges drawn in to keys that are shown; 0 and 0 where nothing is left."""
    first, stop = first.long(), stop.long()
    if shown is not None:
        place = torch.arange(keys)
        after = place.where(shown, keys).flip(-1).cummin(-1).values.flip(-1)
        before = (place + 1).where(shown, 0).cummax(-1).values
        after = torch.cat((after, after.new_full((len(after), 1), keys)), -1)
        before = torch.cat((before.new_zeros((len(before), 1)), before), -1)
        first, stop = (_looked_up(table, at) for table, at in ((after, first), (before, stop)))
    empty = stop <= first
    return first.masked_fill(empty, 0), stop.masked_fill(empty, 0)


def _looked_up(table: Tensor, at: Tensor) -> Tensor:
    batch = max(len(table), len(at))
    flat = at.expand(batch, -1, -1).flatten(1)
    return table.expand(batch, -1).gather(1, flat).reshape(batch, *at.shape[1:])


def _same_shown(parts: list[Sight], keys: int) -> Tensor | None:
    """Keys that all parts show; None where that hides a key from a row that sees it."""
    known = [part.shown for part in parts if part.shown is not None]
    found = torch.ones((max((len(shown) for shown in known), default=1), keys), dtype=torch.bool)
    for shown in known:
        found[:, : shown.shape[-1]] &= shown
    return found if all(_shows(part, found) for part in parts) else None


def _shows(part: Sight, shown: Tensor) -> bool:
    """Whether the rows of a part see the same where only these keys are shown."""
    if part.mask is not None:
        return not bool((part.mask & ~shown[:, None, None, : part.mask.shape[-1]]).any())
    if part.first is None or part.stop is None:
        return part.shown is not None and bool((part.shown == shown[:, : part.shown.shape[-1]]).all())
    own = shown if part.shown is None else _padded(part.shown, 0, shown.shape[-1], True)
    own = torch.ones_like(own) if part.shown is None else own
    first, stop = part.first.long(), part.stop.long()
    counts = [_looked_up(_counted(one), stop) - _looked_up(_counted(one), first) for one in (own, shown)]
    return bool(((counts[0] == counts[1]) | (stop <= first)).all())


def _counted(shown: Tensor) -> Tensor:
    """How many keys before each one are shown, (batch, keys + 1)."""
    counts = shown.long().cumsum(-1)
    return torch.cat((counts.new_zeros((len(counts), 1)), counts), -1)


def _same_relative(parts: list[Sight]) -> tuple[Tensor | None, int] | None:
    lines = [(part.relative, part.nearest) for part in parts if part.relative is not None]
    if not lines:
        return None, 0
    if len(lines) < len(parts):
        return None
    lowest = min(nearest for _line, nearest in lines)
    highest = max(nearest + line.shape[-1] for line, nearest in lines)
    batch = max(len(line) for line, _nearest in lines)
    found = lines[0][0].new_full((batch, lines[0][0].shape[1], highest - lowest), torch.nan)
    for line, nearest in lines:
        here = found[..., nearest - lowest : nearest - lowest + line.shape[-1]]
        if bool((~here.isnan() & ~line.isnan() & (here != line)).any()):
            return None
        here.copy_(torch.where(line.isnan(), here, line))
    return found, lowest


def _rows(parts: list[Tensor | None], queries: list[int], keys: int | None, filler: float) -> Tensor | None:
    """Parts (batch, heads, queries, ...) joined along queries, and their keys filled up; absent parts are filler."""
    given = [part for part in parts if part is not None]
    if not given:
        return None
    batch, heads = (max(part.shape[axis] for part in given) for axis in (0, 1))
    found = []
    for part, count in zip(parts, queries, strict=True):
        if part is None:
            tail = () if keys is None else (keys,)
            found.append(given[0].new_full((batch, heads, count, *tail), filler))
        else:
            part = part if keys is None else _padded(part, 0, keys, False if part.dtype == torch.bool else 0.0)
            found.append(part.expand(batch, heads, count, *part.shape[3:]))
    return torch.cat(found, 2)


def _padded(tensor: Tensor, offset: int, known: int, filler: float) -> Tensor:
    """Entries before and after those of the keys that are known, so that there are offset + known."""
    if tensor.shape[-1] == 1 and offset + known > 1:
        tensor = tensor.expand(*tensor.shape[:-1], known)
    before = tensor.new_full((*tensor.shape[:-1], offset), filler)
    after = tensor.new_full((*tensor.shape[:-1], known - tensor.shape[-1]), filler)
    return torch.cat((before, tensor, after), -1)
