"""Luong's general score: a learned matrix between query and key."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from regard.attention.scores.score import InnerProduct


class Bilinear(nn.Module, InnerProduct):
    """Score a query against a key through a learned matrix.

    score(q, k) = q . W . k

    Args:
        query_size: size of a query.
        key_size: size of a key; it may differ.

    Attributes:
        weight: W, (query_size, key_size), drawn from U(-1/sqrt(key_size), 1/sqrt(key_size)).

    Raises:
        ValueError: a size is not positive; tensors of other sizes are scored.

    Example:
        >>> import regard as rg, torch
        >>> rg.weights(torch.ones(2, 3), torch.ones(5, 4), score=rg.Bilinear(3, 4)).shape
        torch.Size([2, 5])

    Source: Luong, Pham and Manning 2015, section 3.1 (general).
    """

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        if query_size < 1 or key_size < 1:
            raise ValueError(f"query_size is {query_size} and key_size is {key_size}, expected both positive.")
        bound = 1.0 / math.sqrt(key_size)
        self.weight = nn.Parameter(torch.empty(query_size, key_size).uniform_(-bound, bound))

    def prepare_query(self, query: Tensor) -> Tensor:
        return query @ self.weight

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return key

    def check(self, query_size: int, key_size: int) -> None:
        have = tuple(self.weight.shape)
        if have != (query_size, key_size):
            raise ValueError(
                f"score is Bilinear{have}, but query has size {query_size} and key has size {key_size}; "
                f"build Bilinear({query_size}, {key_size})."
            )

    def extra_repr(self) -> str:
        return f"query_size={self.weight.shape[0]}, key_size={self.weight.shape[1]}"
