"""Numbered texts as padded grids: words, or sentences by words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.vocabulary import PAD


@dataclass(frozen=True)
class Grid:
    """Texts and their classes; PAD, which is 0, fills up after the last word and the last sentence."""

    tokens: Int[Tensor, batch * levels]
    classes: Int[Tensor, " batch"]

    def to(self, device: torch.device) -> Grid:
        """The batch on a device."""
        return Grid(self.tokens.to(device), self.classes.to(device))


def flat_grid(texts: Sequence[Sequence[Sequence[int]]], classes: Sequence[int], longest: int) -> Grid:
    """Texts as words, their sentences joined and cut after `longest` words: tokens (batch, words).

    Example:
        >>> flat_grid([[[5, 6], [7]], [[8]]], [0, 1], longest=9).tokens
        tensor([[5, 6, 7],
                [8, 0, 0]])
    """
    joined = [[token for sentence in text for token in sentence][:longest] for text in texts]
    time = max(1, *map(len, joined), 1)
    rows = [[*row, *[PAD] * (time - len(row))] for row in joined]
    return Grid(torch.tensor(rows, dtype=torch.int64), torch.tensor(classes, dtype=torch.int64))


def nested_grid(texts: Sequence[Sequence[Sequence[int]]], classes: Sequence[int], longest: int) -> Grid:
    """Texts as sentences, at most `longest` of them, and those as words: tokens (batch, sentences, words).

    Example:
        >>> nested_grid([[[5, 6], [7]], [[8]]], [0, 1], longest=9).tokens
        tensor([[[5, 6],
                 [7, 0]],
        <BLANKLINE>
                [[8, 0],
                 [0, 0]]])
    """
    cut = [text[:longest] for text in texts]
    sentences = max(1, *map(len, cut), 1)
    words = max((len(sentence) for text in cut for sentence in text), default=1)
    tokens = torch.full((len(cut), sentences, words), PAD, dtype=torch.int64)
    for place, text in enumerate(cut):
        for row, sentence in enumerate(text):
            tokens[place, row, : len(sentence)] = torch.tensor(sentence, dtype=torch.int64)
    return Grid(tokens, torch.tensor(classes, dtype=torch.int64))
