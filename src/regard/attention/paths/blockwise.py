"""A loop over blocks of queries that recomputes in the backward: linear in memory, for every mechanism."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import isqrt
from typing import Any

import torch
from torch import Tensor

from regard.attention.call import Call, Prepared, between, tile_context
from regard.attention.paths import products
from regard.attention.paths.carries import Carries
from regard.attention.paths.streaming import joined, stream
from regard.attention.scores.score import held
from regard.attention.space import Tile, cut_into_tiles
from regard.attention.tracing import keeps_graph, transformed
from regard.attention.weighings.weighing import Carried

# Scores held at once. Measured best between half and twice this on two chips (benchmarks/attention).
CELLS = 1 << 21
ROWS = 256
# Numbers held for one cell at the least by autograd, and by a solver that looks for tau; a plain softmax holds one.
HELD = 4


def blockwise(call: Call, prepared: Prepared) -> Tensor:
    """Context of all queries, (batch, heads, Tq, value size)."""
    space = call.space
    if space.problems * space.queries * space.keys * call.width(prepared) <= CELLS // 4:
        return tile_context(call, prepared, space.whole(), exactly=transformed())[0]
    if transformed() or torch.compiler.is_compiling():
        return _looped(call, prepared)
    call = replace(call, score=held(call.score))
    if _reads_unnamed_tensors(call, prepared):
        return _looped(call, prepared)
    return _Blockwise.apply(call, prepared.query, prepared.key, prepared.value, *call.learned())


def tiles(call: Call, prepared: Prepared) -> Iterator[Tile]:
    """The tiles of a call, each as narrow as its rows allow."""
    for tile in cut_into_tiles(call.space, _cells(call, prepared), ROWS, _widest(call)):
        yield call.narrow(tile)


def whole_tiles(call: Call, prepared: Prepared) -> Iterator[Tile]:
    """Tiles of all keys, for facts that are about keys."""
    return cut_into_tiles(call.space, _cells(call, prepared), ROWS, call.space.keys)


def _cells(call: Call, prepared: Prepared) -> int:
    """Cells of a tile."""
    plain = call.weigh.divisor is not None and products.serves(call, prepared)
    cells = CELLS // (call.width(prepared) if plain else max(HELD, call.width(prepared)))
    if isinstance(call.weigh, Carried):
        # A carry is kept for every block of rows, so blocks grow with the root of the length, as their number does.
        return max(cells, isqrt(call.space.queries) // 8 * call.space.keys)
    return cells


def _widest(call: Call) -> int:
    """The most keys that a block of rows sees, so that tiles of a window are not cut as if they saw all."""
    space = call.space
    if isinstance(call.weigh, Carried):
        return space.keys
    starts = range(0, space.queries, ROWS)
    return max(len(call.where.span(range(r, min(r + ROWS, space.queries)), space)) for r in starts)


def _reads_unnamed_tensors(call: Call, prepared: Prepared) -> bool:
    """Whether score or where read tensors that need a gradient and that they do not name, such as a closure's.

    Autograd has to find them: it is asked on one query and one key.
    """
    if not torch.is_grad_enabled():
        return False
    if not call.where.learned():
        one = range(1)
        _visible, *priors = call.where.seen(Tile(call.space, one, one, one, one))
        if any(prior is not None and prior.requires_grad for prior in priors):
            return True
    if call.score.learned() or call.score.is_inner_product:
        return False
    query, key = prepared.query[:1, :1, :1].detach(), prepared.key[:1, :1, :1].detach()
    return call.score.tile(query, key).requires_grad


def _looped(call: Call, prepared: Prepared) -> Tensor:
    """The loop as operations that autograd sees: differentiable again, and open to carries and closures.

    Tiles are computed again in the backward; for torch.func they are plain operations, which it sees through.
    """
    if keeps_graph():
        warnings.warn(
            "Differentiating backwards under torch.func keeps all Tq x Tk weights. Use backward() or "
            "torch.autograd.grad, which recompute them, or torch.func.jvp, which needs none.",
            stacklevel=2,
        )
    visit = partial(tile_context, call, exactly=transformed())
    return joined(call.space, stream(prepared, tiles(call, prepared), visit))


class _Blockwise(torch.autograd.Function):
    """Forward and backward over tiles, gradients written into buffers made once."""

    @staticmethod
    def forward(ctx: Any, call: Call, query: Tensor, key: Tensor, value: Tensor, *learned: Tensor) -> Tensor:
        ctx.call = call
        prepared, carries = Prepared(query, key, value), None
        if products.serves(call, prepared):
            context = products.forward(call, prepared, list(tiles(call, prepared)))
        else:
            context, carries = _forward(call, prepared)
        ctx.save_for_backward(query, key, value, context, *learned)
        ctx.carries = carries
        return context

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, context = ctx.saved_tensors[:4]
        call, prepared, wanted = ctx.call, Prepared(query, key, value), ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            return None, *differentiable(call, prepared, wanted, grads[0])
        if products.serves(call, prepared):
            nothing = (None for _ in call.learned())
            return None, *products.backward(call, prepared, context, grads[0], list(tiles(call, prepared))), *nothing
        return None, *_backward(call, prepared, ctx.carries, wanted, grads[0])


def _forward(call: Call, prepared: Prepared) -> tuple[Tensor, Carries]:
    """Context tile by tile, and what passed from tile to tile."""
    context = prepared.value.new_empty((*prepared.query.shape[:3], prepared.value.shape[-1]))
    every = list(tiles(call, prepared))
    carries = Carries(len(every[0].rows))
    for tile in every:
        context[tile.index], carry = tile_context(call, prepared.cut(tile), tile, carries.before(tile))
        carries.keep(carry, tile)
    return context, carries


def _backward(
    call: Call, prepared: Prepared, carries: Carries, wanted: tuple[bool, ...], grad: Tensor
) -> list[Tensor | None]:
    """Gradients tile by tile, last rows first, each tile differentiated by autograd."""
    learned = call.learned()
    totals = [
        torch.zeros_like(tensor) if want else None
        for tensor, want in zip((prepared.query, prepared.key, prepared.value, *learned), wanted, strict=True)
    ]
    onward: Tensor | None = None
    for tile in reversed(list(tiles(call, prepared))):
        keys = (between(tile.batch), tile.key_heads, between(tile.columns))
        parts = [
            None if total is None else total[at] for total, at in zip(totals, (tile.index, keys, keys), strict=False)
        ]
        parts += totals[3:]
        cut = prepared.cut(tile)
        leaves = [
            part.detach().requires_grad_(want)
            for part, want in zip((cut.query, cut.key, cut.value), wanted[:3], strict=True)
        ]
        before = carries.before(tile)
        before = None if before is None else before.detach().requires_grad_()
        with torch.enable_grad():
            context, carry = tile_context(call, Prepared(*leaves), tile, before)
        if not context.requires_grad:
            continue
        known = [tensor for tensor, want in zip((*leaves, *learned), wanted, strict=True) if want]
        ends, outer = [context], [grad[tile.index]]
        if carry is not None and onward is not None and tile.rows.stop < call.space.queries:
            ends, outer = [context, carry], [*outer, onward]
        found = iter(
            torch.autograd.grad(ends, known if before is None else [before, *known], outer, allow_unused=True)
        )
        onward = None if before is None else next(found)
        for total in parts:
            part = next(found) if total is not None else None
            if total is not None and part is not None:
                total += part
    return totals


def differentiable(call: Call, prepared: Prepared, wanted: tuple[bool, ...], grad: Tensor) -> list[Tensor | None]:
    """Gradients that can be differentiated again."""
    tensors = (prepared.query, prepared.key, prepared.value, *call.learned())
    known = [tensor for tensor, want in zip(tensors, wanted, strict=True) if want]
    context = _looped(call, prepared)
    found = iter(torch.autograd.grad(context, known, grad, create_graph=True, allow_unused=True))
    return [next(found) if want else None for want in wanted]
