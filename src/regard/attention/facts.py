"""Facts about weights, each found tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import methodcaller

import torch
from torch import Tensor

from regard.attention.paths.streaming import joined, summed
from regard.attention.space import Space, Tile


@dataclass(frozen=True)
class Wanted:
    """What `statistics` is to find.

    Args:
        lse: log-sum-exp of each row's scores.
        entropy: entropy of each row's weights, in nats.
        maximum: highest score of each row.
        mass: sum of each key's weights over all queries.
        position: expected position of each row: its keys' positions, by weight.
        top: how many of each row's largest weights, with the keys they belong to.
        rows: queries whose whole rows of weights are wanted.
        pooled: size (rows, columns) of an overview. A cell is the sum over its keys of the mean over its queries, so
            that a row of it sums to what the rows of weights sum to.

    Raises:
        ValueError: nothing is wanted; a number is negative.

    Example:
        >>> import regard as rg
        >>> rg.Wanted(entropy=True, top=3).pooled is None
        True
    """

    lse: bool = False
    entropy: bool = False
    maximum: bool = False
    mass: bool = False
    position: bool = False
    top: int = 0
    rows: Sequence[int] | None = None
    pooled: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.top < 0 or (self.pooled is not None and min(self.pooled) < 1):
            raise ValueError(
                f"top is {self.top} and pooled is {self.pooled}; expected top of at least 0 and a size (rows, "
                "columns) of at least 1 x 1."
            )
        flags = (self.lse, self.entropy, self.maximum, self.mass, self.position, self.top)
        if not any(flags) and self.rows is None and self.pooled is None:
            raise ValueError("wanted asks for nothing; set at least one, for example Wanted(entropy=True).")

    def check(self, space: Space) -> None:
        """Raise ValueError where the space has not what is wanted."""
        wrong = [row for row in self.rows or () if not 0 <= row < space.queries]
        if wrong:
            raise ValueError(f"rows has {wrong[0]}, expected numbers from 0 to {space.queries - 1}, the last query.")
        if self.top > space.keys:
            raise ValueError(f"top is {self.top}, but there are {space.keys} keys; ask for at most that many.")
        if self.pooled and (self.pooled[0] > space.queries or self.pooled[1] > space.keys):
            raise ValueError(
                f"pooled is {self.pooled}, but there are {space.queries} queries and {space.keys} keys; an overview "
                "cannot be larger."
            )


@dataclass(frozen=True)
class Visited:
    """Scores and weights of a tile, (batch, heads, rows, columns), in at least float32.

    empty: rows that may see nothing. most: how many weights a top has.
    """

    tile: Tile
    scores: Tensor
    weights: Tensor
    empty: Tensor
    most: int

    def lse(self) -> Tensor:
        return self.scores.logsumexp(-1).masked_fill(self.empty, -torch.inf)

    def maximum(self) -> Tensor:
        return self.scores.amax(-1).masked_fill(self.empty, -torch.inf)

    def entropy(self) -> Tensor:
        return -(self.weights * torch.where(self.weights > 0, self.weights, 1).log()).sum(-1)

    def position(self) -> Tensor:
        return self.weights @ self.tile.column_index()[0].to(self.weights.dtype)

    def mass(self) -> Tensor:
        return self.weights.sum(-2)

    @cached_property
    def largest(self) -> tuple[Tensor, Tensor]:
        weight, index = self.weights.topk(self.most, -1)
        return weight, index

    def rows(self, chosen: Sequence[int]) -> Tensor:
        here = [row - self.tile.rows.start for row in chosen if row in self.tile.rows]
        return self.weights[..., here, :]

    def pooled(self, size: tuple[int, int]) -> Tensor:
        across = self.tile.column_index()[0] * size[1] // self.tile.space.keys
        down = self.tile.row_index()[:, 0] * size[0] // self.tile.space.queries
        shape = self.weights.shape
        narrow = self.weights.new_zeros((*shape[:3], size[1])).index_add(3, across, self.weights)
        return narrow.new_zeros((*shape[:2], *size)).index_add(2, down, narrow)


Join = Callable[[Space, Iterable[tuple[Tile, Tensor]]], Tensor]


def facts_of(wanted: Wanted) -> dict[str, tuple[Join, Callable[[Visited], Tensor]]]:
    """By name: how tiles' pieces become one, and what is found in a tile."""
    facts: dict[str, tuple[Join, Callable[[Visited], Tensor]]] = {}
    for name in ("lse", "entropy", "maximum", "position"):
        if getattr(wanted, name):
            facts[name] = joined, methodcaller(name)
    if wanted.mass:
        facts["mass"] = summed, Visited.mass
    if wanted.top:
        facts["weight"] = joined, lambda seen: seen.largest[0]
        facts["index"] = joined, lambda seen: seen.largest[1]
    if wanted.rows is not None:
        chosen = sorted(set(wanted.rows))
        facts["rows"] = joined, lambda seen: seen.rows(chosen)
    if wanted.pooled is not None:
        size = wanted.pooled
        facts["pooled"] = summed, lambda seen: seen.pooled(size)
    return facts
