"""Luong's location score: where to look is decided by the query alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regard.attention.scores.score import Score


class Location(nn.Module, Score):
    """Score the position of a key from the query alone, without reading the key.

    score(q, j) = (W q)_j

    Positions count from 0 at the first key; W has one row for each of `max_keys` positions.

    Args:
        query_size: size of a query.
        max_keys: most keys that can be scored.

    Raises:
        ValueError: a size is not positive; more than `max_keys` keys are scored.

    Example:
        >>> import regard as rg, torch
        >>> rg.weights(torch.ones(2, 3), torch.zeros(5, 4), score=rg.Location(3, max_keys=11)).shape
        torch.Size([2, 5])

    Source: Luong, Pham and Manning 2015, equation 8.
    """

    def __init__(self, query_size: int, max_keys: int) -> None:
        super().__init__()
        if query_size < 1 or max_keys < 1:
            raise ValueError(f"query_size is {query_size} and max_keys is {max_keys}, expected both positive.")
        self.places = nn.Linear(query_size, max_keys, bias=False)

    def prepare_query(self, query: Tensor) -> Tensor:
        return query

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        stop = start + key.shape[-2]
        if stop > self.places.out_features:
            raise ValueError(
                f"key has {stop} positions, but Location was built for max_keys {self.places.out_features}; "
                "build it for the longest source, or cut the source."
            )
        # The positions travel as keys, so that a tile of keys knows where it lies.
        positions = torch.arange(start, stop, device=key.device)
        return positions[:, None].expand(*key.shape[:-1], 1)

    def tile(self, query: Tensor, key: Tensor) -> Tensor:
        positions = key[(0,) * (key.dim() - 2)][:, 0]
        # Only the rows of W that this tile's positions need: all of them at once would be queries x positions.
        return query @ self.places.weight.to(query.dtype).index_select(0, positions).t()

    def learned(self) -> tuple[Tensor, ...]:
        return (self.places.weight,)

    def check(self, query_size: int, key_size: int) -> None:
        if query_size != self.places.in_features:
            raise ValueError(
                f"query has size {query_size}, but Location was built for query_size {self.places.in_features}."
            )
