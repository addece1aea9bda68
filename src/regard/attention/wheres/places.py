"""Where every query and key of packed documents stands in its own document."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from regard.attention.wheres.band import Band


@dataclass(frozen=True)
class Places:
    """Places counted in each document; `rows` is the batch, or 1 where all sequences are packed alike.

    query: place of a query among the queries of its document. key: the same of keys. queries, keys: how many
    its document has of each, for every query. order: keys sorted by document. first: where in that order the
    keys of a query's document begin.
    """

    query: Int[Tensor, "rows queries"]
    key: Int[Tensor, "rows keys"]
    queries: Int[Tensor, "rows queries"]
    keys: Int[Tensor, "rows queries"]
    first: Int[Tensor, "rows queries"]
    order: Int[Tensor, "rows keys"]

    @staticmethod
    def of(query_ids: Int[Tensor, "rows queries"], key_ids: Int[Tensor, "rows keys"]) -> Places:
        """Count the places of documents whose ids may come in any order; a negative id has no keys."""
        rows = max(query_ids.shape[0], key_ids.shape[0])
        query_ids, key_ids = (ids.expand(rows, -1).contiguous() for ids in (query_ids, key_ids))
        sorted_queries, sorted_keys = query_ids.sort(stable=True).values, key_ids.sort(stable=True)
        start, stop = _group(sorted_keys.values, query_ids)
        own_start, own_stop = _group(sorted_queries, query_ids)
        return Places(
            query=_rank(query_ids) - own_start,
            key=_rank(key_ids) - _group(sorted_keys.values, key_ids)[0],
            queries=own_stop - own_start,
            keys=(stop - start).masked_fill(query_ids < 0, 0),
            first=start,
            order=sorted_keys.indices,
        )

    def own(self, band: Band) -> Int[Tensor, "rows queries"]:
        """The place among its document's keys that a band puts beside each query."""
        return self.query + band.shift(self.queries, self.keys)

    def edges(self, band: Band) -> tuple[Int[Tensor, " queries"], Int[Tensor, " queries"]]:
        """First key that a query sees in any sequence of the batch, and the key after the last.

        A query that sees nothing has the first edge at the number of keys and the second at 0. Both lie on
        the CPU, where loops over tiles are planned.
        """
        own, zero, most = self.own(band), torch.zeros_like(self.keys), self.order.shape[-1]
        low = zero if band.left is None else (own - band.left).clamp(min=0)
        high = self.keys if band.right is None else torch.minimum(own + band.right + 1, self.keys)
        nothing = low >= high
        start = self.order.gather(-1, (self.first + low).clamp(0, most - 1)).masked_fill(nothing, most)
        stop = self.order.gather(-1, (self.first + high - 1).clamp(0, most - 1)).add(1).masked_fill(nothing, 0)
        return start.amin(0).cpu(), stop.amax(0).cpu()


def _rank(ids: Tensor) -> Tensor:
    """Position of every number among its row, sorted; equal numbers keep their order."""
    return ids.argsort(stable=True).argsort()


def _group(ordered: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Where each id begins and ends in rows of sorted ids."""
    return torch.searchsorted(ordered, ids), torch.searchsorted(ordered, ids, right=True)
