"""One attention as it was captured: what went into a kernel, and what the kernel made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from regard.look.attended import Attended, Proof, weights_of
from regard.look.sight import Sight

# Rows that are recomputed and compared, spread over the map.
PROVED = 16

# The largest difference between recomputed rows and the kernel's, given their numbers in the record and in the call.
Compare = Callable[[Attended, Tensor, Tensor], float]


@dataclass(frozen=True, eq=False)
class Captured:
    """One attention: tensors (batch, heads, time, size) as the kernel was given them.

    lse: where the kernel gave it. compare: how far recomputed rows are from what the kernel made; None where chance
    was at work. allowed: what rounding explains.
    """

    query: Tensor
    key: Tensor
    scale: float
    sight: Sight
    softcap: float | None = None
    sink: Tensor | None = None
    lse: Tensor | None = None
    compare: Compare | None = None
    allowed: float = 1e-4


def compact(key: Tensor, heads: int) -> Tensor:
    """Keys without the copies that grouped heads were given: (batch, key_heads, keys, size)."""
    given = key.shape[1]
    if given != heads or given == 1 or not torch.equal(key[:, 0], key[:, 1]):
        return key
    for group in (size for size in range(given, 1, -1) if given % size == 0):
        apart = key.unflatten(1, (-1, group))
        if bool((apart[:, :, 1:] == apart[:, :, :1]).all()):
            return apart[:, :, 0]
    return key


def spread(count: int) -> Tensor:
    """Numbers of the rows that are compared, the first and the last among them."""
    return torch.linspace(0, count - 1, min(count, PROVED)).round().long().unique()


def proved(one: Attended, call: Captured, kept: Tensor) -> Proof:
    """Recompute some rows of every map and compare them; `kept` says which of the kernel's rows `one` has."""
    rows = spread(one.queries)
    sums = 0.0
    for batch in range(one.batch):
        for head in range(one.heads):
            total = weights_of(one, batch, head, rows).sum(-1)
            lse = one.lse[batch, head][rows]
            if one.sink is not None:
                total = total + (one.sink[head] - lse).exp()
            seen = lse > -torch.inf
            sums = max(sums, float((total[seen] - 1).abs().max()) if bool(seen.any()) else 0.0)
    if call.compare is None:
        return Proof(0.0, sums, 0)
    return Proof(call.compare(one, rows, kept[rows]), sums, len(rows) * one.batch * one.heads)


def weights_differ(weights: Tensor, width: int) -> Compare:
    """Compare with weights (batch, heads, Tq, any) of which the first `width` columns are those of keys."""

    def compare(one: Attended, rows: Tensor, theirs: Tensor) -> float:
        return _largest(
            _apart(one, batch, place, rows, lambda found: found, weights[batch, head][theirs, :width])
            for batch in range(one.batch)
            for place, head in enumerate(one.head_numbers)
        )

    return compare


def context_differs(value: Tensor, context: Tensor) -> Compare:
    """Compare what rows read from values (batch, key_heads, Tk, size) with the context (batch, heads, Tq, size)."""

    def compare(one: Attended, rows: Tensor, theirs: Tensor) -> float:
        group = context.shape[1] // value.shape[1]

        def read(batch: int, head: int) -> Callable[[Tensor], Tensor]:
            return lambda found: found @ value[batch, head // group].cpu().to(found.dtype)

        return _largest(
            _apart(one, batch, place, rows, read(batch, head), context[batch, head][theirs])
            for batch in range(one.batch)
            for place, head in enumerate(one.head_numbers)
        )

    return compare


def _apart(
    one: Attended, batch: int, head: int, rows: Tensor, read: Callable[[Tensor], Tensor], theirs: Tensor
) -> Tensor:
    """Differences of the rows that see something: what a kernel makes of the others is its own affair."""
    ours = read(weights_of(one, batch, head, rows))
    return (ours - theirs.cpu().to(ours.dtype)).abs()[one.lse[batch, head][rows] > -torch.inf]


def _largest(differences: Iterable[Tensor]) -> float:
    found = [float(each.max()) for each in differences if each.numel()]
    # NaN is the largest of all, and max() would lose it.
    return max(found, key=lambda number: (number != number, number), default=0.0)
