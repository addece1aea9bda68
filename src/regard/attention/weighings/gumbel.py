"""Samples of keys that can be differentiated: Gumbel-softmax."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from regard.attention.dropout import drawn_seed, uniform
from regard.attention.native.terms import Rule, Weights
from regard.attention.space import Space, Tile
from regard.attention.weighings.straight_through import one_hot, straight_through
from regard.attention.weighings.weighing import Weighing


@dataclass(frozen=True, eq=False)
class Gumbel(Weighing):
    """A relaxed sample of one key from softmax(s).

    w = softmax((s + g) / T),   g_j = -log(-log(u_j)),   u_j uniform on (0, 1)

    As T falls to 0 the weights become a sample of one key with probabilities softmax(s). With `hard` they are
    that sample, and the gradient is that of the relaxed one (straight-through). The noise is computed from seed
    and position, so it is the same on every path and in the backward.

    Args:
        temperature: T, positive.
        hard: whether one key gets all of the weight.
        seed: decides the noise; None draws one with every call, from its generator.

    Raises:
        ValueError: temperature is not positive.

    Example:
        >>> import regard as rg, torch
        >>> weights = rg.weights(torch.zeros(3, 1), torch.zeros(5, 1), weigh=rg.Gumbel(hard=True, seed=1))
        >>> weights.sum(-1)
        tensor([1., 1., 1.])

    Source: Jang, Gu and Poole 2017, equation 2; Maddison, Mnih and Teh 2017.
    """

    temperature: float = 1.0
    hard: bool = False
    seed: int | Tensor | None = None
    noise: Tensor | None = None

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature is {self.temperature}, expected a positive number.")

    def drawn(self, generator: torch.Generator | None) -> Gumbel:
        if self.seed is not None:
            return self
        return replace(self, seed=drawn_seed(generator))

    def on(self, tile: Tile) -> Gumbel:
        assert self.seed is not None
        return replace(self, noise=gumbel_noise(self.seed, tile))

    def exact(self, scores: Tensor) -> Tensor:
        assert self.noise is not None
        noisy = (scores + self.noise.to(scores.dtype)) / self.temperature
        soft = noisy.softmax(-1)
        return straight_through(one_hot(noisy.argmax(-1, keepdim=True), soft), soft) if self.hard else soft

    def normalise(self, scores: Tensor) -> Tensor:
        return self.exact(scores)

    def rule(self, space: Space) -> Rule:
        # A call that is only asked about has drawn no seed, and any stands for it.
        seed = 0 if self.seed is None else self.seed
        return Rule(Weights.GUMBEL_HARD if self.hard else Weights.GUMBEL, self.temperature, seed=seed)


def gumbel_noise(seed: int | Tensor, tile: Tile) -> Tensor:
    """Standard Gumbel numbers for every cell of a tile, (batch, heads, rows, columns), float32."""
    return -torch.log(-torch.log(uniform(seed, tile)))
