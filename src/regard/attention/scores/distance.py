"""Near keys score high: attention as kernel regression."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from regard.attention.scores.score import Score


@dataclass(frozen=True)
class Distance(Score):
    """Score a query against a key by how near they are.

    score(q, k) = -|q - k|^2 / (2 bandwidth^2)

    With softmax this is the regression of Nadaraya and Watson with a Gaussian kernel: the context is the mean of the
    values, weighted by nearness. The differences are formed one by one, so near vectors far from 0 lose nothing.

    Args:
        bandwidth: the distance at which a score has fallen by 1/2, positive.

    Raises:
        ValueError: bandwidth is not positive; queries and keys differ in size.

    Example:
        >>> import regard as rg, torch
        >>> query, key = torch.tensor([[1.0]]), torch.tensor([[1.0], [3.0]])
        >>> rg.weights(query, key, score=rg.Distance()).round(decimals=4)
        tensor([[0.8808, 0.1192]])

    Source: Nadaraya 1964; Watson 1964.
    """

    bandwidth: float = 1.0

    def __post_init__(self) -> None:
        if not self.bandwidth > 0:
            raise ValueError(f"bandwidth is {self.bandwidth}, expected a positive number.")

    def prepare_query(self, query: Tensor) -> Tensor:
        return query

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return key

    def tile(self, query: Tensor, key: Tensor) -> Tensor:
        apart = query.unsqueeze(-2) - key.unsqueeze(-3)
        return apart.square().sum(-1) * (-0.5 / self.bandwidth**2)

    def width(self, key_size: int) -> int:
        return key_size

    def check(self, query_size: int, key_size: int) -> None:
        if query_size != key_size:
            raise ValueError(
                f"key has size {key_size} and query has size {query_size}; Distance needs them equal. Project one "
                "of them."
            )
