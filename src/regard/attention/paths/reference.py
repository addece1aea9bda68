"""The definition: what every other path must agree with. Plain, and T x T."""

from __future__ import annotations

from torch import Tensor

from regard.attention.call import Call, Prepared, tile_context, tile_step


def reference(call: Call, prepared: Prepared) -> Tensor:
    """Context of all queries at once, (batch, heads, Tq, value size)."""
    return tile_context(call, prepared, call.space.whole(), exactly=True)[0]


def reference_weights(call: Call, prepared: Prepared) -> tuple[Tensor, Tensor | None]:
    """Weights of all queries at once, (batch, heads, Tq, Tk), and what passes to queries after them."""
    tile = call.space.whole()
    return tile_step(call, prepared.spread(tile), tile, None, exactly=True)
