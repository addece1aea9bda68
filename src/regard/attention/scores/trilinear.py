"""A linear function of query, key and their product."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from regard.attention.scores.score import InnerProduct


class Trilinear(nn.Module, InnerProduct):
    """Score a query against a key by one weight vector over key, query and their product.

    score(q, k) = w . [k ; q ; k * q]   (* by element)

    The three parts of w are `.key`, `.query` and `.product`.

    Args:
        size: size of queries and of keys.

    Raises:
        ValueError: size is not positive; tensors of other sizes are scored.

    Example:
        >>> import regard as rg, torch
        >>> rg.weights(torch.ones(2, 3), torch.ones(5, 3), score=rg.Trilinear(3)).shape
        torch.Size([2, 5])

    Source: Seo et al. 2017, equation 1 (bidirectional attention flow).
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"size is {size}, expected a positive number.")
        bound = 1.0 / math.sqrt(3 * size)
        self.key, self.query, self.product = (
            nn.Parameter(torch.empty(size).uniform_(-bound, bound)) for _part in range(3)
        )

    def prepare_query(self, query: Tensor) -> Tensor:
        alone = (query * self.query).sum(-1, keepdim=True)
        return torch.cat((query * self.product, alone, torch.ones_like(alone)), -1)

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        alone = (key * self.key).sum(-1, keepdim=True)
        return torch.cat((key, torch.ones_like(alone), alone), -1)

    def check(self, query_size: int, key_size: int) -> None:
        size = len(self.product)
        if (query_size, key_size) != (size, size):
            raise ValueError(
                f"score is Trilinear({size}), but query has size {query_size} and key has size {key_size}; both must "
                "have its size. Project one of them."
            )

    def extra_repr(self) -> str:
        return f"size={len(self.product)}"
