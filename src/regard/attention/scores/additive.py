"""Bahdanau's score: a network with one hidden layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from regard.attention.native.terms import Match, Matching
from regard.attention.scores.score import Score


class Additive(nn.Module, Score):
    """Score a query against a key with one hidden layer.

    score(q, k) = v . tanh(W q + U k + b)

    W, U, b, v are `.query.weight`, `.key.weight`, `.bias`, `.energy`; Bahdanau's s_{i-1} and h_j are query and
    key. Luong's concat is the same function: his matrix on [q; k] is [W U].

    Args:
        query_size: size of a query.
        key_size: size of a key.
        hidden_size: size of the hidden layer.

    Raises:
        ValueError: a size is not positive; tensors of other sizes are scored.

    Example:
        >>> import regard as rg, torch
        >>> rg.weights(torch.ones(2, 3), torch.ones(5, 4), score=rg.Additive(3, 4, 7)).shape
        torch.Size([2, 5])

    Source: Bahdanau, Cho and Bengio 2015, section A.1.2.
    """

    def __init__(self, query_size: int, key_size: int, hidden_size: int) -> None:
        super().__init__()
        if min(query_size, key_size, hidden_size) < 1:
            raise ValueError(
                f"query_size, key_size and hidden_size are {query_size}, {key_size} and {hidden_size}, "
                "expected all positive."
            )
        bound = 1.0 / math.sqrt(hidden_size)
        self.query = nn.Linear(query_size, hidden_size, bias=False)
        self.key = nn.Linear(key_size, hidden_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        self.energy = nn.Parameter(torch.empty(hidden_size).uniform_(-bound, bound))

    def prepare_query(self, query: Tensor) -> Tensor:
        return nn.functional.linear(query, self.query.weight, self.bias)

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return self.key(key)

    def tile(self, query: Tensor, key: Tensor) -> Tensor:
        hidden = query.unsqueeze(-2) + key.unsqueeze(-3)
        return hidden.tanh() @ self.energy.to(hidden.dtype)

    def width(self, key_size: int) -> int:
        return self.energy.shape[0]

    def match(self) -> Match:
        return Match(Matching.ADDITIVE, learned=self.energy)

    def learned(self) -> tuple[Tensor, ...]:
        return (self.energy,)

    def check(self, query_size: int, key_size: int) -> None:
        have = (self.query.in_features, self.key.in_features)
        if have != (query_size, key_size):
            raise ValueError(
                f"score is Additive with query_size {have[0]} and key_size {have[1]}, but query has size "
                f"{query_size} and key has size {key_size}; build it with those sizes."
            )
