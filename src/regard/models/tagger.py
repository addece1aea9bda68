"""An encoder and a conditional random field: a tag for every word, chosen with its neighbours in view."""

from __future__ import annotations

from typing import Any, Protocol

from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Lengths
from regard.attention.structures import Paths
from regard.layers import CRF


class TokenEncoder(Protocol):
    """Makes states of the words of sentences, whatever a word is given as."""

    size: int

    def __call__(self, inputs: Any, lengths: Int[Tensor, " batch"], /) -> Tensor:
        """States of every word, (batch, time, size)."""
        ...


class Tagger(nn.Module):
    """Score every tag at every word, and every pair of neighbouring tags.

    unary_t = W encoder(x)_t + b
    log p(z | x) = sum_t unary_t[z_t] + sum_t transition[z_(t - 1), z_t] + start[z_1] + end[z_T] - log Z(x)

    Args:
        encoder: makes states (batch, time, size) of inputs and lengths.
        crf: the chain over the tags.

    Example:
        >>> import torch
        >>> from regard.layers import CRF
        >>> class Table(torch.nn.Embedding):
        ...     size = 5
        ...     def forward(self, inputs, lengths):
        ...         return super().forward(inputs)
        >>> tagger = Tagger(Table(11, 5), CRF(3))
        >>> tagger.best(torch.ones(2, 7).long(), torch.tensor([7, 2])).states.shape
        torch.Size([2, 7])

    Source: Lample et al. 2016, section 2; Collobert et al. 2011, section 3.3.2 (the sentence-level likelihood).
    """

    def __init__(self, encoder: TokenEncoder, crf: CRF) -> None:
        super().__init__()
        self.encoder, self.crf = encoder, crf
        self.unary = nn.Linear(encoder.size, crf.start.shape[0])
        nn.init.xavier_uniform_(self.unary.weight)
        nn.init.zeros_(self.unary.bias)

    def scores(self, inputs: Any, lengths: Int[Tensor, " batch"]) -> Float[Tensor, "batch time tags"]:
        """Score of each tag at each word, its neighbours' tags aside, in at least float32."""
        return self.unary(self.encoder(inputs, lengths)).to(self.crf.transition.dtype)

    def forward(
        self, inputs: Any, lengths: Int[Tensor, " batch"], tags: Int[Tensor, "batch time"]
    ) -> Float[Tensor, " batch"]:
        """Log-likelihood of the tags of each sentence."""
        return self.crf(self.scores(inputs, lengths), tags, Lengths(lengths))

    def best(self, inputs: Any, lengths: Int[Tensor, " batch"]) -> Paths:
        """The most probable tags (batch, time), -1 behind a sentence's end, and their scores."""
        return self.crf.best(self.scores(inputs, lengths), Lengths(lengths))

    def n_best(self, inputs: Any, lengths: Int[Tensor, " batch"], count: int) -> Paths:
        """The `count` most probable taggings (batch, count, time), best first."""
        return self.crf.n_best(self.scores(inputs, lengths), Lengths(lengths), count=count)
