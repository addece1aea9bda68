"""Two records side by side: where do two models, or two runs, look elsewhere?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy
import torch
from jaxtyping import Float
from numpy import ndarray

from regard.look.attended import Attended, weights_of
from regard.look.record import Record
from regard.look.views import Address, Views

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


def _compared(left: Attended, right: Attended) -> Compared:
    count = min(_ROWS, left.queries)
    rows = ((torch.arange(count) + 0.5) * left.queries / count).long()
    variation = torch.zeros((left.batch, left.heads))
    for batch in range(left.batch):
        for head in range(left.heads):
            total = sum(
                float((weights_of(left, batch, head, part) - weights_of(right, batch, head, part)).abs().sum())
                for part in rows.split(16)
            )
            variation[batch, head] = total / 2 / count
    return Compared(left.name, variation.numpy(), count)
