"""Sentences as vectors: bags of embedded words, with or without their order."""

from __future__ import annotations

from enum import Enum

import torch
from jaxtyping import Float, Int
from torch import Tensor


class WordOrder(Enum):
    """What the vector of a sentence keeps of the order of its words.

    BAG: nothing; every word weighs 1. POSITION: l_kj, a weight for each feature k and place j.
    """

    BAG = "bag"
    POSITION = "position"


def word_weights(
    tokens: Int[Tensor, "*batch words"],
    size: int,
    order: WordOrder,
    *,
    padding: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "*batch words size"]:
    """What each feature of each word weighs in its sentence.

    POSITION:  l_kj = (1 - j / J) - (k / d) (1 - 2 j / J);   BAG:  1;   padding:  0

    j counts from 1 to J, the real words of the sentence; k from 1 to d, the size.

    Args:
        tokens: ids of words.
        size: d.
        order: whether places count.
        padding: the id that is no word.
        dtype: of the result.

    Example:
        >>> import torch
        >>> from regard.layers import WordOrder, word_weights
        >>> word_weights(torch.tensor([3, 5, 0]), 2, WordOrder.POSITION)
        tensor([[0.5000, 0.5000],
                [0.5000, 1.0000],
                [0.0000, 0.0000]])

    Source: Sukhbaatar et al. 2015, section 4.1.
    """
    real = tokens != padding
    if order is WordOrder.BAG:
        return real.unsqueeze(-1).expand(*tokens.shape, size).to(dtype)
    count = real.sum(-1, keepdim=True).clamp(min=1)
    place = (real.cumsum(-1).to(dtype) / count).unsqueeze(-1)
    feature = torch.arange(1, size + 1, dtype=dtype, device=tokens.device) / size
    return ((1 - place) - feature * (1 - 2 * place)) * real.unsqueeze(-1)


def encode(
    tokens: Int[Tensor, "*batch words"], table: Float[Tensor, "vocabulary size"], weights: Tensor
) -> Float[Tensor, "*batch size"]:
    """The weighted sum of the rows of a table that a sentence's words name."""
    return (torch.nn.functional.embedding(tokens, table) * weights).sum(-2)
