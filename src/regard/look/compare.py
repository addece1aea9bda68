"""Two records side by side: where do two models, or two runs, look elsewhere?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from regard.look.attended import CELLS, Attended, spread
from regard.look.record import Record
from regard.look.views import Address, Views
from regard.look.views_map import Map, Sinks

# Rows of each map that are compared, evenly spread.
_ROWS = 128


@dataclass(frozen=True, eq=False)
class Compared:
    """How far one layer looks elsewhere in another record.

    variation: (batch, heads), the mean over rows of half the sum over keys of |weight - other weight|: 0 is the same,
    1 has no key in common. rows: how many rows were compared.
    """

    name: str
    variation: ndarray
    rows: int


@dataclass(frozen=True)
class Comparison:
    """Layers that both records have, and those that cannot be compared, with the reason."""

    layers: tuple[Compared, ...]
    apart: dict[str, str]


def compare(left: Record, right: Record) -> Comparison:
    """Compare layers of the same path, head by head.

    variation = mean_i 1/2 sum_j |w_ij - v_ij|

    Example:
        >>> import regard as rg, torch
        >>> from regard.look.compare import compare
        >>> model = rg.Attention()
        >>> with rg.record(model) as seen:
        ...     _ = model(*[torch.zeros(1, 1, 3, 2)] * 3)
        >>> compare(seen.record, seen.record).layers[0].variation
        array([[0.]], dtype=float32)

    Source: total variation between attention distributions: Jain and Wallace 2019, section 2.
    """
    apart = {name: "only one record has it" for name in (*left, *right) if name not in left or name not in right}
    found = []
    for layer in left.layers:
        if layer.name not in right:
            continue
        other = right[layer.name]
        sizes = [(one.batch, one.heads, one.queries, one.keys) for one in (layer, other)]
        if sizes[0] != sizes[1]:
            apart[layer.name] = f"batch, heads, queries and keys are {sizes[0]} and {sizes[1]}"
        else:
            found.append(_compared(layer, other))
    return Comparison(tuple(found), apart)


def difference(left: Views, right: Views, at: Address) -> Float[ndarray, "down across"]:
    """Cells of a tile of one record less those of the same tile of another.

    Raises:
        ValueError: a number of the address is not there, or the tiles have different sizes.
    """
    tiles = left.tile(at), right.tile(at)
    if tiles[0].shape != tiles[1].shape:
        raise ValueError(
            f"at is a tile of {tiles[0].shape} cells on the left and of {tiles[1].shape} on the right; expected "
            "records of texts of the same length."
        )
    return numpy.subtract(*tiles)


def variation(left: Attended, right: Attended, batch: int, sinks: Sinks = Sinks.KEPT) -> Float[ndarray, " heads"]:
    """How far the heads of one sequence look elsewhere: the mean over rows, evenly spread, of their total variation.

    variation = mean_i 1/2 sum_j |w_ij - v_ij|

    Both have the same heads, queries and keys. With sinks left out, rows are normalised anew before.
    """
    rows = spread(left, _ROWS)
    maps = [[Map(one, batch, head, sinks) for one in (left, right)] for head in range(left.heads)]
    return numpy.array([_of_head(one, other, rows) for one, other in maps], dtype=numpy.float32)


def _of_head(left: Map, right: Map, rows: Tensor) -> float:
    every = range(left.one.keys)
    parts = rows.split(max(1, CELLS // len(every)))
    total = sum(float((left.weights(part, every) - right.weights(part, every)).abs().sum()) for part in parts)
    return total / 2 / len(rows)


def _compared(left: Attended, right: Attended) -> Compared:
    found = numpy.stack([variation(left, right, batch) for batch in range(left.batch)])
    return Compared(left.name, found, len(spread(left, _ROWS)))
