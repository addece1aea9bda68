"""The angle between query and key."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regard.attention.scores.score import InnerProduct, check_equal


@dataclass(frozen=True)
class Cosine(InnerProduct):
    """Score a query against a key by the cosine of their angle; how long they are does not matter.

    score(q, k) = sharpness * (q . k) / (|q| |k|)

    A vector of zeros has cosine 0 with everything. For a learned sharpness, divide queries and keys by their lengths,
    multiply the queries by it, and take Dot(scale=1.0).

    Args:
        sharpness: beta, the highest score there can be.

    Raises:
        ValueError: queries and keys differ in size.

    Example:
        >>> import regard as rg, torch
        >>> query, key = torch.tensor([[2.0, 0.0]]), torch.tensor([[5.0, 0.0], [0.0, 1.0]])
        >>> rg.weights(query, key, score=rg.Cosine(2.0)).round(decimals=4)
        tensor([[0.8808, 0.1192]])

    Source: Graves, Wayne and Danihelka 2014, equations 5 and 6.
    """

    sharpness: float = 1.0

    def prepare_query(self, query: Tensor) -> Tensor:
        return _direction(query) * self.sharpness

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return _direction(key)

    def check(self, query_size: int, key_size: int) -> None:
        check_equal("Cosine", query_size, key_size)


def _direction(vectors: Tensor) -> Tensor:
    """Vectors of length one; zeros stay zeros, with a gradient of 0."""
    lengths = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / torch.where(lengths > 0, lengths, 1)
