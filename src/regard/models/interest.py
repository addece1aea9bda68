"""What of a user's history speaks for one candidate: attention of the candidate to all that was taken."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.layers import Dropout


@dataclass(frozen=True)
class InterestSizes:
    """Sizes of an interest model.

    Args:
        size: size of an item's vector.
        matching: hidden size of the network that matches a past item with a candidate.
        hidden_size: hidden size of the network that scores a candidate, told what of the history speaks for it.
        dropout: rate on vectors of items and on the hidden layer while training.
    """

    size: int = 32
    matching: int = 32
    hidden_size: int = 64
    dropout: float = 0.2

    def build(self, items: int) -> InterestModel:
        """The model for this many items."""
        return InterestModel(items, self)


class Matching(nn.Module):
    """How much a past item has to do with a candidate, by a small network; any number, not normalised.

    a(e, v) = w . f(W [e; v; e - v; e * v] + b) + c,   f = PReLU

    W is cut into what reads e, v and their product; that of e - v is in the first two. So both sides are prepared
    once, and only the product is made for each pair.

    Example:
        >>> import torch
        >>> Matching(4, 7)(torch.zeros(2, 3, 4), torch.zeros(2, 5, 4)).shape
        torch.Size([2, 3, 5])

    Source: Zhou et al. 2018, section 4.3, figure 2 (activation unit).
    """

    def __init__(self, size: int, hidden_size: int) -> None:
        super().__init__()
        self.candidate = nn.Linear(size, hidden_size)
        self.past = nn.Linear(size, hidden_size, bias=False)
        self.product = nn.Linear(size, hidden_size, bias=False)
        self.bend, self.out = nn.PReLU(), nn.Linear(hidden_size, 1)

    def forward(
        self, candidates: Float[Tensor, "batch candidates size"], past: Float[Tensor, "batch time size"]
    ) -> Float[Tensor, "batch candidates time"]:
        """A number for each pair."""
        # product(e * v) as one product of matrices for each candidate: (v * W) e.
        turned = candidates[:, :, None] * self.product.weight
        both = past[:, None] @ turned.transpose(-1, -2)
        hidden = self.bend(both + self.candidate(candidates)[:, :, None] + self.past(past)[:, None])
        return self.out(hidden).squeeze(-1)


class InterestModel(nn.Module):
    """The score of a candidate, by what of the history speaks for it.

    u = sum_j a(e_j, v) e_j,   score = w . f(W [u; v; u * v] + b) + popularity_v

    Weights are not normalised, so that a history which says much makes u long. Every candidate reads the history
    anew, so its weights are its own.

    Args:
        items: number of items.
        sizes: everything else.

    Raises:
        ValueError: items is not positive.

    Example:
        >>> import torch
        >>> from regard.models.interest import InterestSizes
        >>> model = InterestSizes(size=4).build(11)
        >>> past, candidates = torch.tensor([[7, 8, 0]]), torch.tensor([[5, 6]])
        >>> model(candidates, past, (past != 0)[:, None]).shape
        torch.Size([1, 2])

    Source: Zhou et al. 2018, equation 3 and section 4.3.
    """

    def __init__(self, items: int, sizes: InterestSizes) -> None:
        super().__init__()
        if items < 1:
            raise ValueError(f"items is {items}, expected at least one.")
        self.table = nn.Embedding(items, sizes.size)
        self.popularity = nn.Parameter(torch.zeros(items))
        self.matching = Matching(sizes.size, sizes.matching)
        self.inside, self.bend = nn.Linear(3 * sizes.size, sizes.hidden_size), nn.PReLU()
        self.out, self.dropout = nn.Linear(sizes.hidden_size, 1), Dropout(sizes.dropout)
        nn.init.normal_(self.table.weight, std=0.1)

    def forward(
        self,
        candidates: Int[Tensor, "batch candidates"],
        past: Int[Tensor, "batch time"],
        seen: Bool[Tensor, "batch asking time"],
    ) -> Float[Tensor, "batch candidates"]:
        """A score for each candidate; `seen` says which past items each (or all: asking = 1) may read."""
        wanted, taken = self.dropout(self.table(candidates)), self.dropout(self._past(past, seen))
        interest = self._weights(wanted, taken, seen) @ taken
        joined = torch.cat((interest, wanted, interest * wanted), dim=-1)
        scores = self.out(self.dropout(self.bend(self.inside(joined)))).squeeze(-1)
        return scores + self.popularity[candidates]

    def weights(
        self,
        candidates: Int[Tensor, "batch candidates"],
        past: Int[Tensor, "batch time"],
        seen: Bool[Tensor, "batch asking time"],
    ) -> Float[Tensor, "batch candidates time"]:
        """How much each past item speaks for each candidate; 0 where it is hidden."""
        return self._weights(self.table(candidates), self._past(past, seen), seen)

    def _past(self, past: Tensor, seen: Tensor) -> Tensor:
        """Vectors of past items, 0 where nobody may read: 0 times what is no number is no number."""
        return self.table(past).where(seen.any(1)[..., None], 0.0)

    def _weights(self, wanted: Tensor, taken: Tensor, seen: Tensor) -> Tensor:
        return self.matching(wanted, taken).where(seen, 0.0)
