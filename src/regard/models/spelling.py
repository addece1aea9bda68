"""Words as vectors of their letters."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.models.recurrence import Cell
from regard.models.two_ways import TwoWays


class LetterConvolution(nn.Module):
    """Look at every few neighbouring letters with the same filters, and keep what each filter liked best.

    s_f = max_t (W_f [c_(t - k); ...; c_(t + k)] + b_f)

    Letters outside of a word are zeros, so a filter can tell a beginning and an end.

    Args:
        letters: number of different letters; letter 0 is padding.
        letter_size: size of a letter's vector.
        filters: number of filters, which is the size of a word's vector.
        reach: k, neighbours on each side.

    Example:
        >>> import torch
        >>> LetterConvolution(11, 5, 7, 1)(torch.tensor([[3, 4, 5], [3, 0, 0]]), torch.tensor([3, 1])).shape
        torch.Size([2, 7])

    Source: dos Santos and Zadrozny 2014, section 2.1.2.
    """

    def __init__(self, letters: int, letter_size: int, filters: int, reach: int) -> None:
        super().__init__()
        self.letters = nn.Embedding(letters, letter_size, padding_idx=0)
        self.filters = nn.Linear((2 * reach + 1) * letter_size, filters)
        self.reach, self.size = reach, filters
        nn.init.xavier_uniform_(self.filters.weight)

    def forward(
        self, letters: Int[Tensor, "words letters"], counts: Int[Tensor, " words"]
    ) -> Float[Tensor, "words size"]:
        """A vector for each word; what lies behind its last letter is not read."""
        inside = _inside(letters, counts)
        vectors = self.letters(letters.masked_fill(~inside, 0))
        around = nn.functional.pad(vectors, (0, 0, self.reach, self.reach)).unfold(1, 2 * self.reach + 1, 1)
        found = self.filters(around.flatten(2))
        return found.masked_fill(~inside.unsqueeze(-1), -torch.inf).amax(1)


class LetterReader(nn.Module):
    """Read a word's letters from both ends.

    s = [forward_T ; backward_1] over the vectors of the letters

    Args:
        letters: number of different letters; letter 0 is padding.
        letter_size: size of a letter's vector.
        hidden_size: size of each direction; a word's vector is twice as large.

    Example:
        >>> import torch
        >>> LetterReader(11, 5, 7)(torch.tensor([[3, 4, 5], [3, 0, 0]]), torch.tensor([3, 1])).shape
        torch.Size([2, 14])

    Source: Ling et al. 2015, section 3; Lample et al. 2016, section 4.1.
    """

    def __init__(self, letters: int, letter_size: int, hidden_size: int) -> None:
        super().__init__()
        self.letters = nn.Embedding(letters, letter_size, padding_idx=0)
        self.reader = TwoWays(Cell.LSTM, letter_size, hidden_size)
        self.size = 2 * hidden_size

    def forward(
        self, letters: Int[Tensor, "words letters"], counts: Int[Tensor, " words"]
    ) -> Float[Tensor, "words size"]:
        """A vector for each word; what lies behind its last letter is not read."""
        read = self.reader(self.letters(letters.masked_fill(~_inside(letters, counts), 0)), counts)
        last = read[torch.arange(len(read), device=counts.device), counts - 1]
        return torch.cat((last[:, : self.size // 2], read[:, 0, self.size // 2 :]), -1)


def _inside(letters: Tensor, counts: Tensor) -> Tensor:
    """Which letters belong to a word, (words, letters)."""
    return torch.arange(letters.shape[1], device=counts.device) < counts[:, None]
