"""The same small network at every position."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from regard.layers.dropout import Dropout


class FeedForward(nn.Module):
    """Pass every position through one hidden layer.

    FFN(x) = W2 max(0, W1 x + b1) + b2

    Args:
        size: size of x and of the result.
        hidden_size: size of the hidden layer.
        dropout: rate at which hidden numbers are dropped while training.

    Example:
        >>> import torch
        >>> from regard.layers import FeedForward
        >>> FeedForward(4, 16, 0.0)(torch.zeros(2, 3, 4)).shape
        torch.Size([2, 3, 4])

    Source: Vaswani et al. 2017, equation 2.
    """

    def __init__(self, size: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.inside = nn.Linear(size, hidden_size)
        self.outside = nn.Linear(hidden_size, size)
        self.dropout = Dropout(dropout)

    def forward(self, inputs: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch size"]:
        """The network at every position of the inputs."""
        return self.outside(self.dropout(self.inside(inputs).relu()))
