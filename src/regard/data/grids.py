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


def flat_grid(texts: Sequence[Sequence[Sequence[int]]], longest: int) -> Int[Tensor, "batch words"]:
    """Texts as words, their sentences joined and cut after `longest` words.

    Example:
        >>> flat_grid([[[5, 6], [7]], [[8]]], longest=9)
        tensor([[5, 6, 7],
                [8, 0, 0]])
    """
    joined = [[token for sentence in text for token in sentence][:longest] for text in texts]
    time = max([1, *map(len, joined)])
    return torch.tensor([[*row, *[PAD] * (time - len(row))] for row in joined], dtype=torch.int64)


def nested_grid(texts: Sequence[Sequence[Sequence[int]]], longest: int) -> Int[Tensor, "batch sentences words"]:
    """Texts as sentences, at most `longest` of them, and those as words.

    Example:
        >>> nested_grid([[[5, 6], [7]], [[8]]], longest=9)[1]
        tensor([[8, 0],
                [0, 0]])
    """
    cut = [text[:longest] for text in texts]
    sentences = max([1, *map(len, cut)])
    words = max([1, *(len(sentence) for text in cut for sentence in text)])
    empty = [PAD] * words
    rows = [
        [*([*sentence, *[PAD] * (words - len(sentence))] for sentence in text), *[empty] * (sentences - len(text))]
        for text in cut
    ]
    return torch.tensor(rows, dtype=torch.int64)
