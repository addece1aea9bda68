"""Dot product, plain and scaled."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from regard.attention.native.terms import Match, Matching
from regard.attention.scores.score import Score, check_equal


@dataclass(frozen=True)
class Dot(Score):
    """Score a query against a key by their inner product.

    score(q, k) = scale * (q . k), and with a cap c:  c * tanh(scale * (q . k) / c)

    Args:
        scale: factor of the product; None means 1 / sqrt(D) (Vaswani et al.), 1.0 is Luong's dot.
        softcap: bound of the absolute score, applied before any mask; None means no bound.

    Raises:
        ValueError: softcap is not positive; queries and keys differ in size.

    Example:
        >>> import regard as rg, torch
        >>> query, key = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 2.0]])
        >>> rg.weights(query, key, score=rg.Dot(scale=1.0)).round(decimals=4)
        tensor([[0.9526, 0.0474]])

    Source: Luong, Pham and Manning 2015, section 3.1 (dot); Vaswani et al. 2017, equation 1.
    """

    scale: float | None = None
    softcap: float | None = None

    def __post_init__(self) -> None:
        if self.softcap is not None and self.softcap <= 0:
            raise ValueError(f"softcap is {self.softcap}, expected a positive number, or None for no cap.")

    def prepare_query(self, query: Tensor) -> Tensor:
        return query * self.factor(query.shape[-1])

    def factor(self, query_size: int) -> float:
        return 1.0 / math.sqrt(query_size) if self.scale is None else self.scale

    def bare_query(self, query: Tensor) -> Tensor:
        return query

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return key

    def tile(self, query: Tensor, key: Tensor) -> Tensor:
        scores = query @ key.transpose(-1, -2)
        return scores if self.softcap is None else (scores / self.softcap).tanh() * self.softcap

    def match(self) -> Match:
        return Match(Matching.PRODUCT, self.softcap or 0.0)

    @property
    def is_inner_product(self) -> bool:
        return self.softcap is None

    def check(self, query_size: int, key_size: int) -> None:
        check_equal("Dot", query_size, key_size)
