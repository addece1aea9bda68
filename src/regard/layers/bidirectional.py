"""Self-attention as two directed passes."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention import Causal, Where, Window
from regard.attention.module import joined
from regard.layers.hidden import without_hidden


class Diagonal(Enum):
    """Whether a position of a directed pass sees itself."""

    SEEN = "seen"
    HIDDEN = "hidden"


class Directions(NamedTuple):
    """What is seen in a pass from left to right, and in one from right to left."""

    left_to_right: Where
    right_to_left: Where


def directions(diagonal: Diagonal = Diagonal.SEEN) -> Directions:
    """The two directed masks of self-attention.

    left to right:  j <= i  (j < i without the diagonal);   right to left:  j >= i  (j > i)

    Queries and keys are positions of one sequence, so there are as many of each.

    Example:
        >>> import regard as rg, torch
        >>> from regard.layers import Diagonal, directions
        >>> rg.weights(torch.zeros(3, 1), torch.zeros(3, 1), where=directions(Diagonal.HIDDEN).right_to_left)
        tensor([[0.0000, 0.5000, 0.5000],
                [0.0000, 0.0000, 1.0000],
                [0.0000, 0.0000, 0.0000]])

    Source: Shen et al. 2018 (DiSAN), forward and backward masks, which hide the diagonal.
    """
    itself = Window(0, 0)
    if diagonal is Diagonal.SEEN:
        return Directions(Causal(), ~Causal() | itself)
    return Directions(Causal() & ~itself, ~Causal())


class Bidirectional(nn.Module):
    """Attend to what came before and, apart from that, to what comes after; join the two.

    y_i = [pass_1(x_i, x_1..x_i); pass_2(x_i, x_i..x_n)]

    Each pass has parameters of its own and is given as a module, called as attention(queries, memory, where),
    such as MultiHead; a mask is (batch, 1, time, time). Together they see all, but unlike one undirected pass they
    know on which side a thing stood. Without the diagonal the first position of a pass sees nothing and reads 0.

    Args:
        left_to_right: reads what came before.
        right_to_left: reads what comes after.
        diagonal: whether a position sees itself.

    Raises:
        ValueError: inputs or where do not fit the passes.

    Example:
        >>> import torch
        >>> from regard.layers import Bidirectional, MultiHead
        >>> Bidirectional(MultiHead(6, heads=2), MultiHead(6, heads=3))(torch.randn(2, 5, 6)).shape
        torch.Size([2, 5, 12])

    Source: Shen et al. 2018 (DiSAN), directional self-attention; Schuster and Paliwal 1997 (two directions, joined).
    """

    def __init__(
        self, left_to_right: nn.Module, right_to_left: nn.Module, *, diagonal: Diagonal = Diagonal.SEEN
    ) -> None:
        super().__init__()
        self.left_to_right, self.right_to_left = left_to_right, right_to_left
        self.diagonal, self.directions = diagonal, directions(diagonal)

    def forward(
        self, inputs: Float[Tensor, "batch time size"], where: Where | None = None
    ) -> Float[Tensor, "batch time both_sizes"]:
        """What both passes read, left-to-right first; `where` says which positions are real."""
        if inputs.dim() != 3:
            raise ValueError(f"inputs has shape {tuple(inputs.shape)}, expected (batch, time, size).")
        inputs = without_hidden(inputs, where, inputs.shape[1], heads=(1,))
        before, after = self.directions
        read = (
            self.left_to_right(inputs, inputs, joined(before, where)),
            self.right_to_left(inputs, inputs, joined(after, where)),
        )
        return torch.cat(read, dim=-1)

    def extra_repr(self) -> str:
        return f"diagonal={self.diagonal.value}"
