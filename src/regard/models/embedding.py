"""Tokens as vectors."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Embedding(nn.Embedding):
    """Vectors of unit variance from a table whose entries are small enough to serve as an output layer too.

    embed(y) = sqrt(D) E_y,   E drawn from N(0, 1 / D), padding (token 0) at zero

    Source: Vaswani et al. 2017, section 3.4.
    """

    def __init__(self, vocabulary_size: int, size: int) -> None:
        super().__init__(vocabulary_size, size, padding_idx=0)
        nn.init.normal_(self.weight, std=size**-0.5)
        with torch.no_grad():
            self.weight[0].zero_()
        self.scale = math.sqrt(size)

    def forward(self, input: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape size"]:
        """Vectors of the tokens."""
        return super().forward(input) * self.scale
