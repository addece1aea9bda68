"""Writing on: the next token drawn from what a causal model says, with every key kept or with none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class Cache(Enum):
    """What is kept from one token to the next: keys and values of every layer, or nothing."""

    KEYS = "keys"
    NONE = "none"


@dataclass(frozen=True)
class Sampling:
    """How a text is written on; the first limit that is reached ends it.

    Args:
        temperature: scores are divided by it; 0 always takes the most likely token.
        top_k: only the k most likely tokens may follow; null means all.
        top_p: only the most likely tokens may follow that together have at least this probability.
        maximum: most new tokens.
        seed: of the draws; the same seed writes the same text.
        stops: texts that end the writing, and are the last that is written.
        cache: KEYS (every token is read once) or NONE (all is read again for every token); the text is the same.
    """

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float = 1.0
    maximum: int = 300
    seed: int = 1
    stops: tuple[str, ...] = ()
    cache: Cache = Cache.KEYS

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature is {self.temperature}, expected 0 (most likely) or a positive number.")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k is {self.top_k}, expected at least 1, or null for all tokens.")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}, expected above 0 and at most 1.")
        if self.maximum < 1:
            raise ValueError(f"maximum is {self.maximum}, expected at least 1.")
        if any(not stop for stop in self.stops):
            raise ValueError("stops has an empty text, at which nothing would be written; leave it out.")


class Causal(Protocol):
    """A causal model: all positions at once, or some more of them after a state."""

    output: nn.Linear

    def begin(self, tokens: Int[Tensor, "batch time"], /) -> tuple[Tensor, Any]:
        """Features (batch, time, size) of the first tokens, and the state after them."""
        ...

    def step(self, tokens: Int[Tensor, "batch time"], state: Any, /) -> tuple[Tensor, Any]:
        """Features of more tokens, and the state after them."""
        ...


def draw(
    scores: Float[Tensor, "rows vocabulary"], sampling: Sampling, uniform: Float[Tensor, " rows"]
) -> Int[Tensor, " rows"]:
    """The next token of every row, by turning a uniform number into a token.

    p = softmax(scores / temperature), without the tokens that top_k and top_p leave out;
    token = the first whose cumulative probability, most likely first, exceeds u * (sum of p)

    Tokens of one probability keep their order. Probabilities are computed in float64, so that scores that differ by
    rounding alone hardly ever give another token.

    Args:
        scores: of every token; -inf means that it may not follow.
        sampling: temperature, top_k and top_p.
        uniform: u, from 0 to below 1.

    Example:
        >>> import torch
        >>> scores = torch.tensor([[0.5, 0.3, 0.2]]).log()
        >>> [int(draw(scores, Sampling(temperature=1.0), torch.tensor([u]))) for u in (0.49, 0.51, 0.81)]
        [0, 1, 2]

    Source: top-k: Fan, Lewis and Dauphin 2018, section 5.4; top-p: Holtzman et al. 2020, section 3.1.
    """
    if sampling.temperature == 0:
        return scores.argmax(-1)
    # However small the temperature, the largest quotient is then 0.
    below = scores.double() - scores.double().amax(-1, keepdim=True)
    ordered, tokens = (below / sampling.temperature).sort(stable=True, dim=-1, descending=True)
    likely = ordered.softmax(-1)
    before = likely.cumsum(-1) - likely
    kept = (before < sampling.top_p) & (likely > 0)
    if sampling.top_k is not None:
        kept[:, sampling.top_k :] = False
    reached = (likely * kept).cumsum(-1)
    wanted = uniform.double()[:, None] * reached[:, -1:]
    # Rounding may bring what is wanted up to the sum itself, beyond the last token.
    place = torch.searchsorted(reached, wanted, right=True).minimum(kept.sum(-1, keepdim=True) - 1)
    return tokens.gather(-1, place).squeeze(-1)


def generate(
    model: Causal,
    prompt: Sequence[int],
    sampling: Sampling,
    *,
    longest: int,
    allowed: Bool[Tensor, " vocabulary"],
    rows: int = 1,
) -> Iterator[Int[Tensor, " rows"]]:
    """New tokens, one for each of some texts that begin alike, for as long as they are asked for.

    A model that knows `longest` positions reads the last ones only. When they are full, the first half is forgotten
    at once and the rest is read again from its first position, with and without a cache, so that both write the same.

    Args:
        model: a causal model in eval mode, with features and an output layer.
        prompt: what the texts begin with; at least one token.
        sampling: how to draw; `maximum` and `cache` count, `stops` is for the caller, who knows the text.
        longest: positions that the model may read.
        allowed: tokens that may be written.
        rows: texts side by side, each with draws of its own.

    Raises:
        ValueError: the prompt is empty, or longest is below 2.

    Example:
        >>> import torch
        >>> from regard.models import Stack
        >>> model = Stack(layers=1, heads=1, size=4, longest=5).build(7).eval()
        >>> settings, everything = Sampling(maximum=3), torch.ones(7, dtype=torch.bool)
        >>> len(list(generate(model, [1], settings, longest=5, allowed=everything)))
        3
    """
    if not prompt or longest < 2:
        raise ValueError(f"prompt has {len(prompt)} tokens and longest is {longest}, expected at least 1 and 2.")
    device = model.output.weight.device
    generator = torch.Generator().manual_seed(sampling.seed)
    tokens = torch.tensor(prompt, device=device).expand(rows, -1)
    reader = _Reader(model, sampling.cache, longest)
    for _ in range(sampling.maximum):
        with torch.no_grad():
            scores = model.output(reader.last(tokens)).masked_fill(~allowed, float("-inf"))
        uniform = torch.rand(rows, generator=generator, dtype=torch.float64).to(device)
        found = draw(scores, sampling, uniform)
        yield found
        tokens = torch.cat((tokens, found[:, None]), 1)


def first_read(count: int, longest: int) -> int:
    """The first of `count` tokens that is read, so that at most `longest` are, and it moves in jumps of half of that.

    Example:
        >>> [first_read(count, 4) for count in (1, 4, 5, 6, 7)]
        [0, 0, 2, 2, 4]
    """
    jump = longest // 2
    return max(0, -(-(count - longest) // jump)) * jump


class _Reader:
    """Features of the last token of a text that grows."""

    def __init__(self, model: Causal, cache: Cache, longest: int) -> None:
        self.model, self.cache, self.longest = model, cache, longest
        self.state: Any = None
        self.first = self.read = 0

    def last(self, tokens: Int[Tensor, "rows time"]) -> Float[Tensor, "rows size"]:
        """Features of the last token."""
        count = tokens.shape[1]
        first = first_read(count, self.longest)
        if self.state is None or first != self.first or self.cache is Cache.NONE:
            features, self.state = self.model.begin(tokens[:, first:])
        else:
            features, self.state = self.model.step(tokens[:, self.read :], self.state)
        self.first, self.read = first, count
        return features[:, -1]
