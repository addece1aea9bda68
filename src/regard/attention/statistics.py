"""Facts about the weights without the weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.attend import AnyScore, prepare_call
from regard.attention.call import Call, Prepared, shown, spoil, tile_scores, weighed
from regard.attention.facts import Visited, Wanted, facts_of
from regard.attention.paths.blockwise import whole_tiles
from regard.attention.paths.native_facts import facts_by_kernels
from regard.attention.paths.streaming import stream
from regard.attention.prepared import spoiled_rows
from regard.attention.scores.dot import Dot
from regard.attention.space import Tile
from regard.attention.weighings.softmax import Softmax
from regard.attention.weighings.weighing import Weighing, widened
from regard.attention.wheres.where import Where


@dataclass(frozen=True)
class Top:
    """The largest weights of every row, largest first, and the keys they belong to."""

    index: Int[Tensor, "*batch heads queries top"]
    weight: Float[Tensor, "*batch heads queries top"]


@dataclass(frozen=True)
class Statistics:
    """What `statistics` found; what was not wanted is None."""

    lse: Float[Tensor, "*batch heads queries"] | None = None
    entropy: Float[Tensor, "*batch heads queries"] | None = None
    maximum: Float[Tensor, "*batch heads queries"] | None = None
    mass: Float[Tensor, "*batch heads keys"] | None = None
    position: Float[Tensor, "*batch heads queries"] | None = None
    top: Top | None = None
    rows: Float[Tensor, "*batch heads rows keys"] | None = None
    pooled: Float[Tensor, "*batch heads rows columns"] | None = None


def statistics(
    query: Float[Tensor, "*batch queries query_size"],
    key: Float[Tensor, "*key_batch keys key_size"],
    wanted: Wanted,
    *,
    score: AnyScore = Dot(),
    where: Where | None = None,
    weigh: Weighing = Softmax(),
) -> Statistics:
    """Facts about the weights that `attend` would use, in memory that grows with Tq + Tk.

    lse_i = log sum_j exp s_ij,   entropy_i = -sum_j w_ij log w_ij,   mass_j = sum_i w_ij,   position_i = sum_j j w_ij

    Scores have their priors but no temperature, and count for keys that may be seen. Weights are taken as they are:
    where a row sums to less than one, so do its entropy and position. A row that may see nothing has lse and maximum
    -inf, and entropy and position 0. All can be differentiated, except for the keys of `top`. Shapes and conventions
    are those of `attend`; numbers are in at least float32.

    Args:
        query: what is asked, (..., Tq, D).
        key: what is matched, (..., Tk, Dk).
        wanted: which facts.
        score: how well query and key match.
        where: which keys a query may see, and with what prior.
        weigh: how scores become weights.

    Raises:
        ValueError: shapes, dtypes or devices do not fit; a wanted row or size is not there.

    Example:
        >>> import regard as rg, torch
        >>> found = rg.statistics(torch.zeros(3, 2), torch.zeros(4, 2), rg.Wanted(entropy=True, mass=True))
        >>> found.entropy, found.mass
        (tensor([1.3863, 1.3863, 1.3863]), tensor([0.7500, 0.7500, 0.7500, 0.7500]))

    Source: mass: Zhang et al. 2023, arXiv:2306.14048 (accumulated attention); the others are definitions.
    """
    call, asked, keys = prepare_call(query, key, key, score, where, weigh.drawn(None), None)
    wanted.check(call.space)
    if call.space.problems * call.space.queries * call.space.keys == 0:
        raise ValueError(
            f"query has shape {tuple(query.shape)} and key {tuple(key.shape)}; expected at least one query and one "
            "key."
        )
    spoiled = spoiled_rows(call, asked, keys)
    with torch.autocast(call.space.device.type, enabled=False):
        return _found(call, Prepared(asked.tensor, keys.key, keys.value), wanted, spoiled)


def _found(call: Call, prepared: Prepared, wanted: Wanted, spoiled: Tensor | None) -> Statistics:
    space = call.space
    found = facts_by_kernels(call, prepared, wanted) if spoiled is None else None
    if found is None:
        found = _streamed(call, prepared, wanted, spoiled)
    if wanted.rows is not None:
        order = sorted(set(wanted.rows))
        found["rows"] = found["rows"][:, :, [order.index(row) for row in wanted.rows]]
    if wanted.pooled is not None:
        down = torch.arange(space.queries, device=space.device) * wanted.pooled[0] // space.queries
        found["pooled"] = found["pooled"] / down.bincount(minlength=wanted.pooled[0])[:, None]
    given = {name: tensor.reshape(*space.lead, *tensor.shape[2:]) for name, tensor in found.items()}
    top = Top(given.pop("index"), given.pop("weight")) if wanted.top else None
    return Statistics(**given, top=top)


def _streamed(call: Call, prepared: Prepared, wanted: Wanted, spoiled: Tensor | None) -> dict[str, Tensor]:
    facts, space = facts_of(wanted), call.space

    def visit(part: Prepared, tile: Tile, carry: Tensor | None) -> tuple[tuple[Tensor, ...], Tensor | None]:
        seen, carry = _visited(call, wanted.top, part, tile, carry, spoiled)
        return tuple(find(seen) for _join, find in facts.values()), carry

    pieces = list(stream(prepared, whole_tiles(call, prepared), visit))
    return {
        name: join(space, ((tile, tensors[place]) for tile, tensors in pieces))
        for place, (name, (join, _find)) in enumerate(facts.items())
    }


def _visited(
    call: Call, most: int, part: Prepared, tile: Tile, carry: Tensor | None, spoiled: Tensor | None
) -> tuple[Visited, Tensor | None]:
    scores, seen = tile_scores(call, part.spread(tile), tile)
    weights, carry = weighed(call, scores, seen, tile, carry)
    scores, weights = widened(scores), widened(weights)
    visible = shown(seen, scores)
    scores, weights = (spoil(cells, visible, spoiled, tile) for cells in (scores, weights))
    return Visited(tile, scores, weights, ~visible.any(-1), most), carry
