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


def word_counts(
    tokens: Int[Tensor, "*batch words"],
    vocabulary: int,
    order: WordOrder,
    *,
    padding: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "*batch features"]:
    """A sentence as weighted counts of its words, so that its vector is one product, whatever the table.

    BAG:  n_v = sum_j [x_j = v]
    POSITION:  n_v = sum_j (1 - j / J) [x_j = v],   n_(V+v) = sum_j (2 j / J - 1) [x_j = v]
    encode(x, A, l)  =  word_counts(x) @ count_rows(A)

    Where many networks embed the same sentences, they share these counts, and a sentence costs each of them nothing.

    Args:
        tokens: ids of words, below the vocabulary.
        vocabulary: V.
        order: whether places count.
        padding: the id that is no word.
        dtype: of the result.

    Returns:
        V features for BAG, 2 V for POSITION.

    Example:
        >>> import torch
        >>> from regard.layers import WordOrder, word_counts
        >>> word_counts(torch.tensor([2, 1, 0]), 3, WordOrder.POSITION)
        tensor([0.0000, 0.0000, 0.5000, 0.0000, 1.0000, 0.0000])

    Source: Sukhbaatar et al. 2015, section 4.1, its sum over words taken apart into what depends on the table and
        what does not.
    """
    real = (tokens != padding).to(dtype)
    if order is WordOrder.BAG:
        return _summed(tokens, real, vocabulary)
    place = real.cumsum(-1) / real.sum(-1, keepdim=True).clamp(min=1)
    return torch.cat([_summed(tokens, part * real, vocabulary) for part in (1 - place, 2 * place - 1)], dim=-1)


def count_rows(
    table: Float[Tensor, "*tables vocabulary size"], order: WordOrder
) -> Float[Tensor, "*tables features size"]:
    """The table of words as `word_counts` reads it: POSITION has every row again, its feature k times k / d."""
    if order is WordOrder.BAG:
        return table
    size = table.shape[-1]
    feature = torch.arange(1, size + 1, dtype=table.dtype, device=table.device) / size
    return torch.cat((table, table * feature), dim=-2)


def _summed(tokens: Tensor, weights: Tensor, vocabulary: int) -> Tensor:
    """Weights added up by the word they belong to."""
    return weights.new_zeros(*tokens.shape[:-1], vocabulary).scatter_add_(-1, tokens, weights)
