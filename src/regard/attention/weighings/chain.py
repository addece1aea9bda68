"""Selections whose neighbours hang together: marginals of a linear chain."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention.space import Tile
from regard.attention.structures import linear_chain
from regard.attention.weighings.weighing import Weighing, widened


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
        return 8 * self.states**3

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
        before = self._start(scores)
        matrices = self.matrices(scores)
        forward, backward = [], []
        after = torch.zeros_like(before)
        for place in range(scores.shape[-1]):
            before = _vector_matrix(before, matrices[..., place, :, :])
            forward.append(before)
        for place in reversed(range(scores.shape[-1])):
            backward.append(after)
            after = _matrix_vector(matrices[..., place, :, :], after)
        return _selected(torch.stack(forward, -2), torch.stack(backward[::-1], -2)).to(scores.dtype)

    def normalise(self, scores: Tensor) -> Tensor:
        if not scores.shape[-1]:
            return scores
        matrices = self.matrices(scores)
        before = self._start(scores)
        forward, backward = _sweep(matrices, before, torch.zeros_like(before))
        return _selected(_vector_matrix(forward, matrices), backward).to(scores.dtype)

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
        return self.unary(scores.masked_fill(~visible, 0)), transition.to(scores.dtype), visible

    def unary(self, scores: Tensor) -> Tensor:
        """Scores of every state, (..., keys, C)."""
        return torch.stack([torch.zeros_like(scores)] + [scores] * (self.states - 1), -1)

    def matrices(self, scores: Tensor) -> Tensor:
        """Logarithms of the factors that lead from key to key, (..., keys, C, C).

        A hidden key leads from every state to itself. The first key that may be seen has no neighbour before it.
        """
        visible = scores > torch.finfo(scores.dtype).min
        scores = widened(scores)
        low = _low(scores.dtype)
        first = visible & (visible.cumsum(-1) == 1)
        transition = self.transition.to(scores.dtype)[..., None, :, :]
        unary = self.unary(scores.masked_fill(~visible, 0))[..., None, :]
        moves = torch.where(first[..., None, None], unary, unary + transition)
        stays = torch.full_like(transition, low).diagonal_scatter(
            torch.zeros_like(transition.diagonal(dim1=-2, dim2=-1)), dim1=-2, dim2=-1
        )
        return torch.where(visible[..., None, None], moves, stays)

    def _start(self, scores: Tensor) -> Tensor:
        """Before the first key: state 0, from which the first key's factor goes anywhere alike."""
        dtype = widened(scores[..., :0]).dtype
        start = scores.new_full((*scores.shape[:-1], self.states), _low(dtype), dtype=dtype)
        start[..., 0] = 0
        return start


def _low(dtype: torch.dtype) -> float:
    """Next to nothing, as a logarithm; finite, so that no gradient is 0 x infinity."""
    return torch.finfo(dtype).min / 1024


def _sweep(matrices: Tensor, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """What comes before and after every matrix of a product, given what comes before and after all of it.

    Neighbours are joined in pairs, the pairs swept, and each pair opened again: twice the work of one pass, but in
    as many steps as the logarithm of the length.
    """
    length = matrices.shape[-3]
    if length == 1:
        return before.unsqueeze(-2), after.unsqueeze(-2)
    half = length // 2
    left, right = matrices[..., 0 : 2 * half : 2, :, :], matrices[..., 1 : 2 * half : 2, :, :]
    rest = matrices[..., 2 * half :, :, :]
    outer_before, outer_after = _sweep(torch.cat((_matrix_matrix(left, right), rest), -3), before, after)
    pair_before, pair_after = outer_before[..., :half, :], outer_after[..., :half, :]
    between_before = _vector_matrix(pair_before, left)
    between_after = _matrix_vector(right, pair_after)
    all_before = torch.stack((pair_before, between_before), -2).flatten(-3, -2)
    all_after = torch.stack((between_after, pair_after), -2).flatten(-3, -2)
    return (
        torch.cat((all_before, outer_before[..., half:, :]), -2),
        torch.cat((all_after, outer_after[..., half:, :]), -2),
    )


def _matrix_matrix(left: Tensor, right: Tensor) -> Tensor:
    return (left.unsqueeze(-1) + right.unsqueeze(-3)).logsumexp(-2)


def _vector_matrix(vector: Tensor, matrix: Tensor) -> Tensor:
    return (vector.unsqueeze(-1) + matrix).logsumexp(-2)


def _matrix_vector(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix + vector.unsqueeze(-2)).logsumexp(-1)


def _selected(forward: Tensor, backward: Tensor) -> Tensor:
    """Probability of any state but the first, (..., keys)."""
    return (forward + backward).softmax(-1)[..., 1:].sum(-1)
