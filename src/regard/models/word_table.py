"""Words as vectors: learned, with those of pairs, and pretrained ones beside them."""

from __future__ import annotations

from enum import Enum

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Tuning(Enum):
    """Whether pretrained vectors stay as they are or are learned on."""

    KEPT = "kept"
    TUNED = "tuned"


class WordTable(nn.Module):
    """A learned vector of each word and of the pair it ends, joined with a pretrained vector of the word.

    x_j = [E_(w_j) + P_(w_(j-1), w_j) + mean of S_r over the runs of letters r of w_j ; G_(w_j)]

    While training, words are read as the unknown one at a rate, by E and P alone. A word that was never learned,
    because it is rare or not in the training texts, has the unknown word's vector, its own pretrained one and its
    spelling, which is just what the dropped words of training look like. A pair or a run of letters that is not
    listed has a vector of zeros.

    Args:
        learned: how many words are learned: tokens from 0, which is padding, to learned - 1.
        size: size of a learned vector.
        unknown: the token of words that are not known.
        word_dropout: rate at which a word is read as unknown while training.
        pairs: pairs of tokens that have a vector, (pairs, 2); None means none.
        spellings: runs of letters of all tokens, (words, most), by number from 1; 0 fills up; None means none.
        vectors: pretrained vectors of all tokens, those after the learned ones included; None means none.
        tuning: whether they are learned on.

    Raises:
        ValueError: the rate is no rate; pairs or vectors have another shape; unknown is no learned word.

    Example:
        >>> import torch
        >>> from regard.models.word_table import WordTable
        >>> table = WordTable(5, 2, unknown=3, word_dropout=0.0, vectors=torch.ones(7, 3))
        >>> found = table(torch.tensor([[4, 6, 0]]))
        >>> found.shape, bool((found[0, 1, :2] == table.learned.weight[3]).all())
        (torch.Size([1, 3, 5]), True)

    Source: vectors of pairs: Joulin et al. 2017, section 2; of runs of letters: Bojanowski et al. 2017; dropped
    words: Iyyer et al. 2015, section 3.2.
    """

    vectors: Tensor | None
    pairs: Tensor
    spellings: Tensor | None

    def __init__(
        self,
        learned: int,
        size: int,
        *,
        unknown: int,
        word_dropout: float,
        pairs: Int[Tensor, "pairs two"] | None = None,
        spellings: Int[Tensor, "words most"] | None = None,
        vectors: Float[Tensor, "words width"] | None = None,
        tuning: Tuning = Tuning.KEPT,
    ) -> None:
        super().__init__()
        _check(learned, unknown, word_dropout, pairs, vectors)
        self.unknown, self.word_dropout = unknown, word_dropout
        self.learned = nn.Embedding(learned, size, padding_idx=0)
        # About as large as the numbers of pretrained vectors; pairs begin by saying next to nothing.
        nn.init.normal_(self.learned.weight, std=0.3)
        keys = self.learned.weight.new_zeros(0, dtype=torch.int64) if pairs is None else _keys(pairs, learned)
        self.register_buffer("pairs", keys.unique())
        # Its first row is every pair that is not listed.
        self.paired = nn.Embedding(len(self.pairs) + 1, size, padding_idx=0)
        nn.init.normal_(self.paired.weight, std=0.1)
        with torch.no_grad():
            self.learned.weight[0].zero_()
            self.paired.weight[0].zero_()
        self.register_buffer("spellings", spellings)
        if spellings is not None:
            self.spelled = nn.Embedding(1 + int(spellings.max()), size, padding_idx=0)
            nn.init.normal_(self.spelled.weight, std=0.1)
            with torch.no_grad():
                self.spelled.weight[0].zero_()
        if tuning is Tuning.TUNED and vectors is not None:
            self.vectors = nn.Parameter(vectors)
        else:
            self.register_buffer("vectors", vectors)
        self.size = size + (0 if vectors is None else vectors.shape[1])

    def forward(self, tokens: Int[Tensor, "*batch time"]) -> Float[Tensor, "*batch time size"]:
        """Vectors of the tokens."""
        read_as = tokens.masked_fill(tokens >= self.learned.num_embeddings, self.unknown)
        if self.training and self.word_dropout > 0:
            dropped = torch.rand(tokens.shape, device=tokens.device) < self.word_dropout
            read_as = read_as.masked_fill(dropped & (tokens != 0), self.unknown)
        found: Tensor = self.learned(read_as)
        if len(self.pairs):
            found = found + self.paired(self._pair(read_as))
        if self.spellings is not None:
            found = found + self._spelling(tokens, self.spellings)
        if self.vectors is None:
            return found
        return torch.cat((found, nn.functional.embedding(tokens, self.vectors, padding_idx=0)), -1)

    def _spelling(self, tokens: Int[Tensor, "*batch time"], spellings: Tensor) -> Tensor:
        """The mean vector of each token's runs of letters, made once for a token that stands in many places."""
        kinds, places = tokens.unique(return_inverse=True)
        return nn.functional.embedding_bag(spellings[kinds], self.spelled.weight, mode="mean", padding_idx=0)[places]

    def _pair(self, tokens: Int[Tensor, "*batch time"]) -> Int[Tensor, "*batch time"]:
        """Rows of the pairs that end at each token; the first token ends none."""
        before = nn.functional.pad(tokens[..., :-1], (1, 0))
        wanted = _keys(torch.stack((before, tokens), -1), self.learned.num_embeddings)
        places = torch.searchsorted(self.pairs, wanted).clamp(max=len(self.pairs) - 1)
        return torch.where(self.pairs[places] == wanted, places + 1, 0)


def _keys(pairs: Int[Tensor, "*batch two"], learned: int) -> Int[Tensor, "*batch"]:
    """One number for each pair of learned words."""
    return pairs[..., 0] * learned + pairs[..., 1]


def _check(learned: int, unknown: int, word_dropout: float, pairs: Tensor | None, vectors: Tensor | None) -> None:
    if not 0 <= word_dropout < 1:
        raise ValueError(f"word_dropout is {word_dropout}, expected a rate of at least 0 and below 1.")
    if not 0 < unknown < learned:
        raise ValueError(f"unknown is {unknown}, expected the token of a learned word, 1 to {learned - 1}.")
    if pairs is not None and (pairs.dim() != 2 or pairs.shape[1] != 2 or bool((pairs >= learned).any())):
        raise ValueError(f"pairs has shape {tuple(pairs.shape)}, expected (pairs, 2) of tokens below {learned}.")
    if vectors is not None and (vectors.dim() != 2 or len(vectors) < learned):
        raise ValueError(
            f"vectors has shape {tuple(vectors.shape)}, expected (words, width) with at least {learned} words."
        )
