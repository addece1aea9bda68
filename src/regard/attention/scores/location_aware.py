"""Where the last query looked helps to find where the next one should."""

from __future__ import annotations

import copy
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv1d

from regard.attention.native.terms import Match, Matching
from regard.attention.scores.score import Score

_BASE, _DIGITS = 128, 3


class LocationAware(nn.Module, Score):
    """Score a query against a key, told where the query before it looked.

    f_i = F * w_(i-1),   score(q_i, k_j) = v . tanh(W q_i + U k_j + G f_ij + b)

    The weights of the query before are convolved with learned filters (zeros beyond the ends), so that near
    neighbours of the last place can be told from far ones: speech is read from left to right. W, U, F, G, b and v are
    `.query.weight`, `.key.weight`, `.filters`, `.features.weight`, `.bias` and `.energy`.

    A first query has no query before it: f is 0. For each further one, say by `after` what was looked at; a Memory
    does so by `answer = memory.answer(query); memory = memory.after(answer.weights)`.

    Args:
        query_size: size of a query.
        key_size: size of a key.
        hidden_size: size of the hidden layer.
        channels: number of filters.
        radius: places on each side that a filter sees.

    Raises:
        ValueError: a size is not positive; tensors of other sizes are scored; several queries are scored without
            the weights of those before them.

    Example:
        >>> import regard as rg, torch
        >>> score, key = rg.LocationAware(3, 4, 7, channels=2, radius=1), torch.ones(5, 4)
        >>> first = rg.weights(torch.ones(1, 3), key, score=score)
        >>> rg.weights(torch.ones(1, 3), key, score=score.after(first)).shape
        torch.Size([1, 5])

    Source: Chorowski et al. 2015, equations 8 and 9.
    """

    before: Tensor | None = None

    def __init__(
        self, query_size: int, key_size: int, hidden_size: int, channels: int = 10, radius: int = 50
    ) -> None:
        super().__init__()
        if min(query_size, key_size, hidden_size, channels) < 1 or radius < 0:
            raise ValueError(
                f"query_size, key_size, hidden_size and channels are {query_size}, {key_size}, {hidden_size} and "
                f"{channels}, expected all positive; radius is {radius}, expected at least 0."
            )
        bound, spread = 1.0 / math.sqrt(hidden_size), 1.0 / math.sqrt(2 * radius + 1)
        self.query = nn.Linear(query_size, hidden_size, bias=False)
        self.key = nn.Linear(key_size, hidden_size, bias=False)
        self.filters = nn.Parameter(torch.empty(channels, 2 * radius + 1).uniform_(-spread, spread))
        self.features = nn.Linear(channels, hidden_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        self.energy = nn.Parameter(torch.empty(hidden_size).uniform_(-bound, bound))

    def after(self, weights: Float[Tensor, "*batch queries keys"]) -> LocationAware:
        """The same score, told the weights (..., Tq, Tk) of the query before each query; parameters are shared."""
        told = copy.copy(self)
        told.before = weights
        return told

    def prepare_query(self, query: Tensor) -> Tensor:
        hidden = nn.functional.linear(query, self.query.weight, self.bias)
        if self.before is not None:
            self._check_told(query)
            before = self.before.to(hidden.dtype).expand(*query.shape[:-1], self.before.shape[-1])
            return torch.cat((hidden, before), -1)
        if query.shape[-2] > 1:
            raise ValueError(
                f"query has {query.shape[-2]} queries, but LocationAware was not told where the query before each of "
                "them looked; ask one query at a time, or give score.after(weights)."
            )
        return hidden

    def _check_told(self, query: Tensor) -> None:
        assert self.before is not None
        have, wanted = tuple(self.before.shape[:-1]), tuple(query.shape[:-1])
        fits = len(have) <= len(wanted) and all(
            one in (1, other) for one, other in zip(reversed(have), reversed(wanted), strict=False)
        )
        if not fits:
            raise ValueError(
                f"the weights given to after() have shape {tuple(self.before.shape)}, and query has "
                f"{tuple(query.shape)}; give the weights of the query before each query, (*{wanted}, keys)."
            )

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        stop = start + key.shape[-2]
        if self.before is not None and stop > self.before.shape[-1]:
            raise ValueError(
                f"key has {stop} positions, but the weights given to after() have {self.before.shape[-1]}; give one "
                "weight for each key."
            )
        # Positions travel with the keys, as digits that every dtype holds exactly.
        place = torch.arange(start, stop, device=key.device)[:, None]
        digits = torch.cat([place // _BASE**power % _BASE for power in range(_DIGITS)], -1).to(key.dtype)
        return torch.cat((self.key(key), digits.expand(*key.shape[:-1], _DIGITS)), -1)

    def tile(self, query: Tensor, key: Tensor) -> Tensor:
        size = len(self.energy)
        hidden = query[..., :size].unsqueeze(-2) + key[..., :size].unsqueeze(-3)
        if query.shape[-1] > size:
            digits = key[(0,) * (key.dim() - 2)][:, size:].long()
            places = sum(digits[:, power] * _BASE**power for power in range(_DIGITS))
            hidden = hidden + self._features(query[..., size:], torch.as_tensor(places))
        return hidden.tanh() @ self.energy.to(hidden.dtype)

    def _features(self, before: Tensor, places: Tensor) -> Tensor:
        """G f of some keys, (..., rows, columns, hidden), from weights (..., rows, all keys)."""
        filters = self.filters.to(before.dtype)
        channels = conv1d(before.reshape(-1, 1, before.shape[-1]), filters[:, None], padding=filters.shape[-1] // 2)
        found = channels.index_select(-1, places).transpose(-1, -2) @ self.features.weight.to(before.dtype).t()
        return found.reshape(*before.shape[:-1], *found.shape[-2:])

    def width(self, key_size: int) -> int:
        return len(self.energy) + len(self.filters)

    def match(self) -> Match:
        size = len(self.energy)
        if self.before is None:
            return Match(Matching.ADDITIVE, learned=self.energy, size=size)
        learned = torch.cat((self.energy, self.filters.flatten(), self.features.weight.t().flatten()))
        return Match(
            Matching.CONVOLVED, learned=learned, size=size, channels=len(self.filters), taps=self.filters.shape[1]
        )

    def learned(self) -> tuple[Tensor, ...]:
        return (self.energy, self.filters, self.features.weight)

    def check(self, query_size: int, key_size: int) -> None:
        have = (self.query.in_features, self.key.in_features)
        if have != (query_size, key_size):
            raise ValueError(
                f"score is LocationAware with query_size {have[0]} and key_size {have[1]}, but query has size "
                f"{query_size} and key has size {key_size}; build it with those sizes."
            )
