"""Selections whose neighbours hang together: marginals of a linear chain."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention.native.operators import serves
from regard.attention.space import Tile
from regard.attention.structures import linear_chain
from regard.attention.structures.selection import in_order, selected, unary
from regard.attention.weighings.weighing import Weighing


@dataclass(frozen=True, eq=False)
class Chain(Weighing):
    """Weights are the probabilities that keys are selected by a chain in which neighbours influence each other.

    p(z) = exp(sum_j s_j 1[z_j > 0] + sum_j transition[z_j, z_(j+1)]) / Z,   w_j = p(z_j > 0)

    A key has one of C states; in state 0 it is not looked at, in all others it is, and its score counts. Two states
    prefer runs of selected keys where transition[1, 1] is high. More states remember more: three can say that a
    selection has just begun. Keys that are hidden take no part: the chain runs over the others, in their order.

    Args:
        transition: score of going from a state (row) to the next (column), (C, C) or (heads, C, C), C at least 2; it
            may be learned.

    Raises:
        ValueError: transition is not square, or has fewer than two states.

    Example:
        >>> import regard as rg, torch
        >>> chain = rg.Chain(torch.tensor([[0.3, -0.1], [0.0, 0.4]]))
        >>> chain.exact(torch.tensor([0.5, -0.2, 1.0]))
        tensor([0.6494, 0.5494, 0.7316])

    Source: Kim, Denton, Hoang and Rush 2017, section 3.1 and equation 2.
    """

    transition: Float[Tensor, "*heads states states"]

    def __post_init__(self) -> None:
        shape = tuple(self.transition.shape)
        if len(shape) < 2 or shape[-1] != shape[-2] or shape[-1] < 2:
            raise ValueError(
                f"transition has shape {shape}, expected (C, C) or (heads, C, C) with C at least 2: state 0 is not "
                "looked at, the others are."
            )

    @property
    def states(self) -> int:
        """Number of states, C."""
        return self.transition.shape[-1]

    @property
    def width(self) -> int:
        # A kernel keeps its own for the keys of a few rows; plain operations join matrices of neighbours.
        return 6 if serves(self.transition) else 8 * self.states**3

    def learned(self) -> tuple[Tensor, ...]:
        return (self.transition,)

    def on(self, tile: Tile) -> Chain:
        if self.transition.dim() == 2:
            return self
        if len(self.transition) != tile.space.heads:
            raise ValueError(
                f"transition has shape {tuple(self.transition.shape)}, but there are {tile.space.heads} heads; give "
                "it that many, or (C, C) for all."
            )
        return Chain(self.transition[tile.heads.start : tile.heads.stop, None])

    def exact(self, scores: Tensor) -> Tensor:
        return in_order(scores, self.transition)

    def normalise(self, scores: Tensor) -> Tensor:
        return selected(scores, self.transition) if scores.shape[-1] else scores

    def log_partition(self, scores: Tensor) -> Tensor:
        """Log Z of scores (..., keys), (...); scores of -inf or at the lowest number are hidden."""
        return linear_chain.log_partition(*self._linear(scores))

    def entropy(self, scores: Tensor) -> Tensor:
        """Entropy of the states in nats, (...)."""
        return linear_chain.entropy(*self._linear(scores))

    def best(self, scores: Tensor) -> Tensor:
        """The most probable sequence of states, (..., keys); -1 where hidden."""
        return linear_chain.best(*self._linear(scores)).states

    def sample(self, scores: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """States drawn from the distribution, (..., keys); -1 where hidden."""
        return linear_chain.sample(*self._linear(scores), count=1, generator=generator).states.squeeze(-2)

    def _linear(self, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        visible = scores > torch.finfo(scores.dtype).min
        transition = self.transition if self.transition.dim() == 2 else self.transition[:, None, None]
        return unary(scores.masked_fill(~visible, 0), self.states), transition.to(scores.dtype), visible
