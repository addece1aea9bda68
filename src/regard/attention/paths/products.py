"""Blocks of an inner product with a row-normalised weighing, forward and backward written out.

A tile's scores, weights and their gradients live in two buffers made once: on a CPU, fresh memory for every tile
costs more than the arithmetic.
"""

from __future__ import annotations

import torch
from torch import Tensor

from regard.attention.call import Call, Prepared, between
from regard.attention.space import Tile
from regard.attention.weighings.weighing import ByRow
from regard.attention.wheres.where import Seen


def serves(call: Call, prepared: Prepared) -> bool:
    """Whether the call is such a product, and has no tensors but query, key, value and fixed priors.

    In 16 bits only softmax keeps its accuracy when a tile is written over in place.
    """
    if not call.score.is_inner_product or any(tensor.requires_grad for tensor in call.learned()):
        return False
    if call.weigh.learned():
        return False
    narrow = prepared.query.dtype in (torch.float16, torch.bfloat16)
    return isinstance(call.weigh, ByRow) and (call.weigh.divisor is not None or not narrow)


def forward(call: Call, prepared: Prepared, tiles: list[Tile]) -> Tensor:
    """Context, (batch, heads, Tq, value size)."""
    context = prepared.value.new_empty((*prepared.query.shape[:3], prepared.value.shape[-1]))
    buffer = _buffer(prepared, tiles)
    for tile in tiles:
        part = _flat(call, prepared.cut(tile).spread(tile))
        weights, factor = _weights(call, part, tile, _view(buffer, tile))
        used = weights if factor is None else weights.mul_(factor)
        context[tile.index] = (used @ part.value).view(*_shape(tile)[:3], -1)
    return context


def backward(
    call: Call, prepared: Prepared, context: Tensor, grad: Tensor, tiles: list[Tile]
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of query, key and value; those of keys and values add up in at least float32."""
    assert isinstance(call.weigh, ByRow)
    d_query = torch.empty_like(prepared.query)
    d_key, d_value = _sideways(prepared.key), _sideways(prepared.value)
    first, second = _buffer(prepared, tiles), _buffer(prepared, tiles)
    for tile in tiles:
        part = _flat(call, prepared.cut(tile).spread(tile))
        weights, factor = _weights(call, part, tile, _view(first, tile))
        outer = grad[tile.index].flatten(0, 1)
        # sum_j w_j dw_j of a row, for the price of its context.
        mean = torch.linalg.vecdot(outer, context[tile.index].flatten(0, 1)).unsqueeze(-1)
        d_weights = torch.bmm(outer, part.value.transpose(1, 2), out=_view(second, tile))
        _gather(d_value, tile, outer, weights if factor is None else weights * factor)
        if factor is not None:
            d_weights *= factor
        d_scores = call.weigh.backward_(weights, d_weights, mean)
        d_query[tile.index] = call.multiplied(d_scores @ part.key).view(*_shape(tile)[:3], -1)
        _gather(d_key, tile, part.query, d_scores)
    return d_query, _upright(d_key, prepared.key), _upright(d_value, prepared.value)


def _weights(call: Call, part: Prepared, tile: Tile, out: Tensor) -> tuple[Tensor, Tensor | None]:
    """Weights of a tile in `out`, (maps, rows, columns), and the factor that priors and dropout put on them."""
    assert isinstance(call.weigh, ByRow)
    scores = torch.bmm(part.query, part.key.transpose(1, 2), out=out)
    seen = call.where.seen(tile)
    grid = scores.view(_shape(tile))
    if seen.prior is not None:
        grid += seen.prior
    if seen.visible is None:
        weights = call.weigh.weights_(scores)
    else:
        hidden = ~seen.visible
        grid.masked_fill_(hidden, torch.finfo(scores.dtype).min)
        weights = call.weigh.weights_(scores)
        weights.view(_shape(tile)).masked_fill_(hidden, 0.0)
    return weights, _factor(call, seen, tile, weights.dtype)


def _factor(call: Call, seen: Seen, tile: Tile, dtype: torch.dtype) -> Tensor | None:
    factor = seen.factor
    if call.dropout is not None:
        dropped = call.dropout.factor(tile)
        factor = dropped if factor is None else factor * dropped
    return None if factor is None else factor.expand(_shape(tile)).flatten(0, 1).to(dtype)


def _gather(total: Tensor, tile: Tile, left: Tensor, right: Tensor) -> None:
    """Add left^T @ right to sideways gradients of a tile's keys, each query head to the key head it reads."""
    place = total[between(tile.batch), tile.key_heads, :, between(tile.columns)]
    one_to_one = tile.space.key_heads == tile.space.heads
    if one_to_one and total.dtype == left.dtype and (len(tile.batch) == 1 or place.is_contiguous()):
        place.flatten(0, 1).baddbmm_(left.transpose(1, 2), right)
        return
    part = torch.bmm(left.transpose(1, 2), right)
    part = part.view(len(tile.batch), len(tile.heads), *part.shape[1:])
    if one_to_one:
        place += part
        return
    group = tile.space.heads // tile.space.key_heads
    served = [head // group - tile.key_heads.start for head in tile.heads]
    place.index_add_(1, torch.tensor(served, device=part.device), part.to(total.dtype))


def _sideways(keys: Tensor) -> Tensor:
    """Zeros for the gradient of keys, (batch, heads, size, keys): the product that fills it is faster that way."""
    batch, heads, length, size = keys.shape
    return keys.new_zeros((batch, heads, size, length), dtype=torch.promote_types(keys.dtype, torch.float32))


def _upright(total: Tensor, like: Tensor) -> Tensor:
    return total.transpose(-1, -2).to(like.dtype, memory_format=torch.contiguous_format)


def _shape(tile: Tile) -> tuple[int, int, int, int]:
    return len(tile.batch), len(tile.heads), len(tile.rows), len(tile.columns)


def _flat(call: Call, part: Prepared) -> Prepared:
    return Prepared(call.multiplied(part.query).flatten(0, 1), part.key.flatten(0, 1), part.value.flatten(0, 1))


def _buffer(prepared: Prepared, tiles: list[Tile]) -> Tensor:
    most = max(len(t.batch) * len(t.heads) * len(t.rows) * len(t.columns) for t in tiles)
    return prepared.query.new_empty(most)


def _view(buffer: Tensor, tile: Tile) -> Tensor:
    batch, heads, rows, columns = _shape(tile)
    return buffer[: batch * heads * rows * columns].view(batch * heads, rows, columns)
