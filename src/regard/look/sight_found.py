"""From a mask of cells to ranges, hidden keys and priors: what T x T numbers say in O(T), where they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.look.sight import Sight

# Cells of a mask looked at together.
_CELLS = 1 << 22
# The least number of the narrowest dtype that masks are made in: nobody means a bias to be lower.
_HIDDEN = torch.finfo(torch.float16).min

Cells = Callable[[range], Tensor]


def whole(queries: int, keys: int) -> Sight:
    """Every row sees every one of the keys there are now."""
    zero = torch.zeros((1, 1, queries), dtype=torch.int32)
    return Sight(first=zero, stop=zero + keys)


def causal(queries: int, keys: int, shift: int) -> Sight:
    """Row i sees keys 0 .. i + shift."""
    stop = (torch.arange(queries, dtype=torch.int32) + shift + 1).clamp(0, keys)[None, None]
    return Sight(first=torch.zeros_like(stop), stop=stop)


def of_mask(mask: Bool[Tensor, "#batch #heads #queries keys"], queries: int) -> Sight:
    """A mask, True = may be seen, as ranges and hidden keys; as it is where ranges cannot say it."""
    mask = narrowed(mask)
    sight = of_cells(lambda rows: _cut(mask, rows), queries, mask.shape[-1])
    if sight is not None:
        return sight
    zero = torch.zeros((1, 1, queries), dtype=torch.int32)
    return Sight(first=zero, stop=zero + mask.shape[-1], mask=mask.expand(*mask.shape[:2], queries, -1).clone())


def of_cells(cells: Cells, queries: int, keys: int) -> Sight | None:
    """What cells say that are told by rows, (batch, heads, rows or 1, keys), if ranges and hidden keys can say it."""
    rows_at_once = max(1, _CELLS // max(1, keys * cells(range(1)).shape[:2].numel()))
    blocks = [range(start, min(start + rows_at_once, queries)) for start in range(0, queries, rows_at_once)]
    ends = [_ends(cells(rows), len(rows)) for rows in blocks]
    first, stop = (torch.cat([each[side] for each in ends], 2) for side in (0, 1))
    if _are(cells, blocks, first, stop, None):
        return Sight(first=first, stop=stop)
    shown = torch.stack([cells(rows).flatten(1, 2).any(1) for rows in blocks]).any(0) | _beyond(first, stop, keys)
    return Sight(first=first, stop=stop, shown=shown) if _are(cells, blocks, first, stop, shown) else None


def of_bias(
    bias: Float[Tensor, "#batch #heads #queries keys"], queries: int, position: Int[Tensor, " queries"]
) -> Sight:
    """Numbers added to scores: what they hide, and the rest by distance, where that says it."""
    bias = narrowed(bias)
    hidden = bias <= _HIDDEN
    sight = of_mask(~hidden, queries) if bool(hidden.any()) else whole(queries, bias.shape[-1])
    seen = bias.masked_fill(hidden, 0.0)
    if not bool(seen.any()):
        return sight
    return with_prior(sight, seen, ~hidden, position)


def with_prior(sight: Sight, bias: Tensor, seen: Tensor, position: Int[Tensor, " queries"]) -> Sight:
    """A sight with numbers added where cells are seen; by distance from the row's position, where that says it."""
    bias = bias.float()
    if bias.shape[2] == len(position) and (len(position) > 1 or bias.shape[-1] > 1):
        line = _by_distance(bias, seen.expand_as(bias), position)
        if line is not None:
            return replace(sight, relative=line, nearest=-int(position.max()))
    return replace(sight, bias=narrowed(bias).clone())


def _beyond(first: Tensor, stop: Tensor, keys: int) -> Tensor:
    """Keys before or after all ranges, (batch, keys): of them nothing is known, and later rows may see them."""
    key = torch.arange(keys)
    lowest = first.masked_fill(stop <= first, keys).flatten(1).amin(1, keepdim=True)
    return (key < lowest) | (key >= stop.flatten(1).amax(1, keepdim=True))


def _are(cells: Cells, blocks: Sequence[range], first: Tensor, stop: Tensor, shown: Tensor | None) -> bool:
    """Whether cells say no more than ranges and hidden keys."""
    for rows in blocks:
        found, here = cells(rows), slice(rows.start, rows.stop)
        key = torch.arange(found.shape[-1])
        inside = (key >= first[:, :, here, None]) & (key < stop[:, :, here, None])
        inside = inside if shown is None else inside & shown[:, None, None]
        if not bool((inside == found).all()):
            return False
    return True


def narrowed(tensor: Tensor) -> Tensor:
    """Without the repetition of axes that were expanded."""
    if tensor.dim() != 4:
        tensor = tensor.reshape((1,) * (4 - tensor.dim()) + tuple(tensor.shape))
    for axis in range(2):
        if tensor.shape[axis] > 1 and tensor.stride(axis) == 0:
            tensor = tensor.narrow(axis, 0, 1)
    return tensor


def _by_distance(bias: Tensor, seen: Tensor, position: Tensor) -> Tensor | None:
    """Numbers (batch, heads, reach) of which each is that of a distance; None where a distance has several."""
    lowest = -int(position.max())
    reach = bias.shape[-1] - lowest - int(position.min())
    key = torch.arange(bias.shape[-1])
    line = bias.new_full((*bias.shape[:2], reach), torch.nan)
    places = [key - position[rows.start : rows.stop, None] - lowest for rows in _blocks(bias, len(position))]
    for rows, place in zip(_blocks(bias, len(position)), places, strict=True):
        cells, shown = _cut(bias, rows), _cut(seen, rows)
        for batch in range(bias.shape[0]):
            for head in range(bias.shape[1]):
                here = shown[batch, head]
                line[batch, head].index_put_((place[here],), cells[batch, head][here])
    for rows, place in zip(_blocks(bias, len(position)), places, strict=True):
        if not bool(((line[..., place] == _cut(bias, rows)) | ~_cut(seen, rows)).all()):
            return None
    if len(line) > 1 and bool((line.nan_to_num() == line[:1].nan_to_num()).all()):
        line = line[:1]
    return line


def _ends(mask: Tensor, queries: int) -> tuple[Tensor, Tensor]:
    """First visible key and the key after the last one, (batch, heads, queries); 0 and 0 where there is none."""
    cells = mask.to(torch.uint8)
    some = cells.amax(-1) > 0
    first = (cells.argmax(-1) * some).int()
    stop = ((mask.shape[-1] - cells.flip(-1).argmax(-1)) * some).int()
    return first.expand(-1, -1, queries), stop.expand(-1, -1, queries)


def _cut(mask: Tensor, rows: range) -> Tensor:
    return mask if mask.shape[2] == 1 else mask[:, :, rows.start : rows.stop]


def _blocks(mask: Tensor, queries: int) -> Iterator[range]:
    size = max(1, _CELLS // max(1, mask.shape[0] * mask.shape[1] * mask.shape[-1]))
    return (range(start, min(start + size, queries)) for start in range(0, queries, size))
