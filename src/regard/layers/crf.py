"""Tags of a whole sequence at once: each is chosen with its neighbours in view."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad

from regard.attention import Lengths
from regard.attention.structures import Paths, linear_chain
from regard.attention.tracing import concrete
from regard.layers.allowed import Allowed

Unary = Float[Tensor, "*batch time states"]
Shown = Bool[Tensor, "*#batch time"] | Lengths | None


class CRF(nn.Module):
    """A linear-chain conditional random field over tag sequences.

    log p(z | x) = start[z_1] + sum_t unary[t, z_t] + sum_t transition[z_{t-1}, z_t] + end[z_T] - log Z(x)

    unary (..., time, states) comes from any encoder. In every method `mask` is a boolean (..., time), True = part
    of the sequence, or `Lengths`, or None for all positions. Hidden positions may lie anywhere: the chain runs over
    the visible ones, and what is hidden is not read, in tags neither. The parameters `start`, `transition` (from
    row to column) and `end` begin at 0.

    Args:
        states: number of tags.
        allowed: which sequences may be; others have probability 0. None allows all.

    Raises:
        ValueError: states is not positive, or not that of allowed.

    Example:
        >>> import torch
        >>> from regard.layers import CRF, allowed_bio
        >>> crf = CRF(3, allowed_bio(["O", "B-PER", "I-PER"]))
        >>> crf.best(torch.tensor([[0.0, 1.0, 2.0], [0.0, 0.5, 2.0]])).states
        tensor([1, 2])

    Source: Lafferty, McCallum and Pereira 2001; as the layer over a network: Lample et al. 2016, section 2.2.
    """

    allowed_start: Tensor
    allowed_transition: Tensor
    allowed_end: Tensor

    def __init__(self, states: int, allowed: Allowed | None = None) -> None:
        super().__init__()
        if states < 1:
            raise ValueError(f"states is {states}, expected at least one tag.")
        allowed = Allowed.everything(states) if allowed is None else allowed
        if allowed.start.shape[0] != states:
            raise ValueError(
                f"allowed is for {allowed.start.shape[0]} tags, but states is {states}; make them equal."
            )
        self.start = nn.Parameter(torch.zeros(states))
        self.transition = nn.Parameter(torch.zeros(states, states))
        self.end = nn.Parameter(torch.zeros(states))
        self.register_buffer("allowed_start", allowed.start, persistent=False)
        self.register_buffer("allowed_transition", allowed.transition, persistent=False)
        self.register_buffer("allowed_end", allowed.end, persistent=False)
        self.restricted = not all(bool(one.all()) for one in (allowed.start, allowed.transition, allowed.end))

    def forward(self, unary: Unary, tags: Int[Tensor, "*batch time"], mask: Shown = None) -> Float[Tensor, "*batch"]:
        """Log-likelihood of tag sequences; minus infinity, without a gradient, where one is not allowed.

        Raises:
            ValueError: shapes or dtypes do not fit; a visible tag is not a state.
        """
        scores, transition, shown = self._chain(unary, mask)
        return linear_chain.log_likelihood(scores, transition, tags, shown)

    def log_partition(self, unary: Unary, mask: Shown = None) -> Float[Tensor, "*batch"]:
        """Log of the sum over all allowed tag sequences."""
        return linear_chain.log_partition(*self._chain(unary, mask))

    def marginals(self, unary: Unary, mask: Shown = None) -> Float[Tensor, "*batch time states"]:
        """Probability of each tag at each position, 0 at hidden ones."""
        return linear_chain.marginals(*self._chain(unary, mask))

    def best(self, unary: Unary, mask: Shown = None) -> Paths:
        """The most probable tags (..., time), -1 at hidden positions, and their score (...)."""
        return linear_chain.best(*self._chain(unary, mask))

    def n_best(self, unary: Unary, mask: Shown = None, *, count: int) -> Paths:
        """The `count` most probable tag sequences (..., count, time), best first, and their scores."""
        return linear_chain.n_best(*self._chain(unary, mask), count=count)

    def sample(
        self, unary: Unary, mask: Shown = None, *, count: int, generator: torch.Generator | None = None
    ) -> Paths:
        """Tag sequences drawn from the model, (..., count, time), and their scores."""
        return linear_chain.sample(*self._chain(unary, mask), count=count, generator=generator)

    def entropy(self, unary: Unary, mask: Shown = None) -> Float[Tensor, "*batch"]:
        """Entropy over tag sequences, in nats."""
        return linear_chain.entropy(*self._chain(unary, mask))

    def extra_repr(self) -> str:
        return f"states={self.start.shape[0]}"

    def _chain(self, unary: Tensor, mask: Shown) -> tuple[Tensor, Tensor, Tensor | None]:
        """Scores with start and end joined to the first and the last visible position."""
        if unary.dim() < 2 or unary.shape[-1] != self.start.shape[0]:
            raise ValueError(
                f"unary has shape {tuple(unary.shape)}, expected (..., time, {self.start.shape[0]}): a score for "
                "each tag at each position."
            )
        shown = _shown(unary, mask)
        start, transition, end = self._learned()
        if shown is None or (concrete() and bool(shown.all())):
            rest = unary.shape[-2] - 1
            ends = pad(start[None], (0, 0, 0, rest)) + pad(end[None], (0, 0, rest, 0))
            return unary + ends, transition, None
        first = shown & (shown.cumsum(-1) == 1)
        last = shown & (shown.flip(-1).cumsum(-1).flip(-1) == 1)
        unary = unary + torch.where(first[..., None], start, 0.0) + torch.where(last[..., None], end, 0.0)
        return unary, transition, shown

    def _learned(self) -> tuple[Tensor, Tensor, Tensor]:
        """Scores of starts, transitions and ends, minus infinity where they are not allowed."""
        if not self.restricted:
            return self.start, self.transition, self.end
        return (
            self.start.masked_fill(~self.allowed_start, -torch.inf),
            self.transition.masked_fill(~self.allowed_transition, -torch.inf),
            self.end.masked_fill(~self.allowed_end, -torch.inf),
        )


def _shown(unary: Tensor, mask: Shown) -> Tensor | None:
    """The mask as a boolean tensor."""
    if not isinstance(mask, Lengths):
        return mask
    lengths = mask.key_lengths
    if lengths.shape != unary.shape[:-2]:
        raise ValueError(
            f"key_lengths has shape {tuple(lengths.shape)}, expected {tuple(unary.shape[:-2])}: one length for each "
            "sequence of unary."
        )
    return torch.arange(unary.shape[-2], device=unary.device) < lengths[..., None]
