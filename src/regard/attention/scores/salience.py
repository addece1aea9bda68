"""What stands out by itself, whoever looks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from regard.attention.scores.score import InnerProduct


class Salience(nn.Module, InnerProduct):
    """Score a key by itself, without a query.

    score(k) = v . tanh(U k + b)

    U and b are `.key.weight` and `.key.bias`, v is `.energy`: the context vector of hierarchical attention. The
    queries say only how many rows there are and which keys each may see; one of any size will do.

    Args:
        key_size: size of a key.
        hidden_size: size of the hidden layer.

    Raises:
        ValueError: a size is not positive; keys of another size are scored.

    Example:
        >>> import regard as rg, torch
        >>> words, nobody = torch.randn(2, 5, 4), torch.zeros(2, 1, 1)
        >>> rg.attend(nobody, words, words, score=rg.Salience(4, 7)).shape
        torch.Size([2, 1, 4])

    Source: Yang et al. 2016, equations 5 and 6.
    """

    def __init__(self, key_size: int, hidden_size: int) -> None:
        super().__init__()
        if min(key_size, hidden_size) < 1:
            raise ValueError(f"key_size is {key_size} and hidden_size is {hidden_size}, expected both positive.")
        bound = 1.0 / math.sqrt(hidden_size)
        self.key = nn.Linear(key_size, hidden_size)
        self.energy = nn.Parameter(torch.empty(hidden_size).uniform_(-bound, bound))

    def prepare_query(self, query: Tensor) -> Tensor:
        return query.new_ones((*query.shape[:-1], 1))

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return (self.key(key).tanh() @ self.energy).unsqueeze(-1)

    def check(self, query_size: int, key_size: int) -> None:
        if key_size != self.key.in_features:
            raise ValueError(f"key has size {key_size}, but Salience was built for key_size {self.key.in_features}.")
