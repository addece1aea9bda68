"""A sentence as a matrix: several rows of weights over one sequence."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention import Answer, Memory, Softmax, Weighing, Where
from regard.attention.scores.score import InnerProduct


class MatrixPooling(nn.Module):
    """Read a sequence several times, each time with learned interests of its own.

    A = softmax(W2 tanh(W1 H^T)),   M = A H

    Softmax runs over the positions; the rows of W2 are the queries. Where lets no position be seen, that row of A
    and of M is 0.

    Args:
        size: size of one position of H.
        hidden_size: size of the hidden layer.
        rows: how many rows A and M have.
        weigh: how scores become weights.

    Raises:
        ValueError: a size is not positive; inputs have another size.

    Example:
        >>> import torch
        >>> from regard.layers import MatrixPooling, redundancy
        >>> found = MatrixPooling(4, 8, rows=3)(torch.randn(2, 5, 4))
        >>> found.context.shape, found.weights.shape, redundancy(found.weights).shape
        (torch.Size([2, 3, 4]), torch.Size([2, 3, 5]), torch.Size([2]))

    Source: Lin et al. 2017, equations 6 and 7.
    """

    def __init__(self, size: int, hidden_size: int, rows: int, weigh: Weighing = Softmax()) -> None:
        super().__init__()
        if min(size, hidden_size, rows) < 1:
            raise ValueError(
                f"size, hidden_size and rows are {size}, {hidden_size} and {rows}, expected all positive."
            )
        self.score = _Hidden(size, hidden_size)
        self.interests = nn.Linear(hidden_size, rows, bias=False)
        self.weigh = weigh

    def forward(self, inputs: Float[Tensor, "batch time size"], where: Where | None = None) -> Answer:
        """M (batch, rows, size) as `context` and A (batch, rows, time) as `weights`."""
        if inputs.dim() != 3 or inputs.shape[-1] != self.score.hidden.in_features:
            raise ValueError(
                f"inputs have shape {tuple(inputs.shape)}, expected (batch, time, {self.score.hidden.in_features})."
            )
        memory = Memory(inputs, inputs, score=self.score, where=where)
        return memory.answer(self.interests.weight.expand(inputs.shape[0], -1, -1), self.weigh)


class _Hidden(nn.Module, InnerProduct):
    """A query against the hidden layer over a key: q . tanh(W1 k).

    A score and not a layer before it, so that a hidden key's NaN never meets W1.
    """

    def __init__(self, size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(size, hidden_size, bias=False)

    def prepare_query(self, query: Tensor) -> Tensor:
        return query

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return self.hidden(key).tanh()


def redundancy(weights: Float[Tensor, "*batch rows time"]) -> Float[Tensor, "*batch"]:
    """How much rows of weights repeat each other, and how little each is focused: a penalty to add to a loss.

    P = ||A A^T - I||_F^2

    It is 0 where every row is one position, each another.

    Raises:
        ValueError: weights have no rows.

    Example:
        >>> import torch
        >>> from regard.layers import redundancy
        >>> redundancy(torch.eye(3)), redundancy(torch.ones(2, 1))
        (tensor(0.), tensor(2.))

    Source: Lin et al. 2017, equation 8.
    """
    if weights.dim() < 2:
        raise ValueError(f"weights have shape {tuple(weights.shape)}, expected (..., rows, time).")
    identity = torch.eye(weights.shape[-2], dtype=weights.dtype, device=weights.device)
    return (weights @ weights.transpose(-1, -2) - identity).square().sum((-2, -1))
