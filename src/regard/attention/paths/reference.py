"""The definition: what every other path must agree with. Plain, and T x T."""

from __future__ import annotations

from torch import Tensor

from regard.attention.call import Call, Prepared, tile_context, tile_weights


def reference(call: Call, prepared: Prepared) -> Tensor:
    """Context of all queries at once, (batch, heads, Tq, value size)."""
    return tile_context(call, prepared, call.space.whole(), exactly=True)


def reference_weights(call: Call, prepared: Prepared) -> Tensor:
    """Weights of all queries at once, (batch, heads, Tq, Tk)."""
    tile = call.space.whole()
    return tile_weights(call, prepared.spread(tile), tile, exactly=True)
