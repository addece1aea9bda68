"""Sentences as vectors: bags of embedded words, with or without their order."""

from __future__ import annotations

from enum import Enum

import torch
from jaxtyping import Float, Int
from torch import Tensor


class WordOrder(Enum):
    """What the vector of a sentence keeps of the order of its words.

    BAG: nothing; every word weighs 1. POSITION: l_kj, a weight for each feature k and place j. CENTRED: nearly twice
    that, so that the mean weight is 1, as in a bag, and a word that stands alone weighs 1.
    """

    BAG = "bag"
    POSITION = "position"
    CENTRED = "centred"


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
    CENTRED:   l_kj = 1 + 4 (k - (d + 1) / 2) (j - (J + 1) / 2) / (d J)

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

    Source: Sukhbaatar et al. 2015, section 4.1; CENTRED: the code that its results are from, MemN2N-babi-matlab.
    """
    real = tokens != padding
    if order is WordOrder.BAG:
        return real.unsqueeze(-1).expand(*tokens.shape, size).to(dtype)
    fixed, varied = (part.unsqueeze(-1) for part in _by_place(real.to(dtype), order))
    return fixed + varied * _by_feature(size, order, fixed)


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

    l_kj = a_j + b_j f_k:   n_v = sum_j a_j [x_j = v],   n_(V+v) = sum_j b_j [x_j = v]
    BAG: a = 1, b = 0;   POSITION: a = 1 - j / J, b = 2 j / J - 1;   CENTRED: a = 1, b = 4 (j - (J + 1) / 2) / J
    encode(x, A, l)  =  word_counts(x) @ count_rows(A)

    Where many networks embed the same sentences, they share these counts, and a sentence costs each of them nothing.

    Args:
        tokens: ids of words, below the vocabulary.
        vocabulary: V.
        order: whether places count.
        padding: the id that is no word.
        dtype: of the result.

    Returns:
        V features for BAG, 2 V for the others.

    Example:
        >>> import torch
        >>> from regard.layers import WordOrder, word_counts
        >>> word_counts(torch.tensor([2, 1, 0]), 3, WordOrder.POSITION)
        tensor([0.0000, 0.0000, 0.5000, 0.0000, 1.0000, 0.0000])

    Source: Sukhbaatar et al. 2015, section 4.1, its sum over words taken apart into what depends on the table and
        what does not.
    """
    fixed, varied = _by_place((tokens != padding).to(dtype), order)
    parts = (fixed,) if order is WordOrder.BAG else (fixed, varied)
    return torch.cat([_summed(tokens, part, vocabulary) for part in parts], dim=-1)


def count_rows(
    table: Float[Tensor, "*tables vocabulary size"], order: WordOrder
) -> Float[Tensor, "*tables features size"]:
    """The table of words as `word_counts` reads it: behind its rows, unless for BAG, each again times f_k.

    POSITION: f = k / d;   CENTRED: f = (k - (d + 1) / 2) / d

    Example:
        >>> import torch
        >>> from regard.layers import WordOrder, count_rows
        >>> count_rows(torch.tensor([[2.0, 4.0]]), WordOrder.POSITION)
        tensor([[2., 4.],
                [1., 4.]])

    Source: Sukhbaatar et al. 2015, section 4.1, as in `word_counts`.
    """
    if order is WordOrder.BAG:
        return table
    return torch.cat((table, table * _by_feature(table.shape[-1], order, table)), dim=-2)


def _by_place(real: Tensor, order: WordOrder) -> tuple[Tensor, Tensor]:
    """What of a weight hangs on the place alone, and what is multiplied by the feature's part; 0 for padding."""
    if order is WordOrder.BAG:
        return real, torch.zeros_like(real)
    count = real.sum(-1, keepdim=True).clamp(min=1)
    place = real.cumsum(-1) / count
    if order is WordOrder.POSITION:
        return (1 - place) * real, (2 * place - 1) * real
    return real, 4 * (place - (1 + 1 / count) / 2) * real


def _by_feature(size: int, order: WordOrder, like: Tensor) -> Tensor:
    """The part of a weight that hangs on the feature, k from 1 to d."""
    feature = torch.arange(1, size + 1, dtype=like.dtype, device=like.device)
    return (feature - (size + 1) / 2 if order is WordOrder.CENTRED else feature) / size


def _summed(tokens: Tensor, weights: Tensor, vocabulary: int) -> Tensor:
    """Weights added up by the word they belong to."""
    return weights.new_zeros(*tokens.shape[:-1], vocabulary).scatter_add_(-1, tokens, weights)
