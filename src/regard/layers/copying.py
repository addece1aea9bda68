"""Copying from the source or generating from the vocabulary: the pointer-generator, with coverage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Additive, Score, Softmax, Weighing, Where
from regard.attention.tracing import concrete
from regard.layers.checks import check_last, check_sizes
from regard.layers.hidden import without_hidden
from regard.layers.pool import pool


def mixture(
    vocabulary: Float[Tensor, "batch *steps words"],
    weights: Float[Tensor, "batch *steps time"],
    generate: Float[Tensor, "*steps"],
    source: Int[Tensor, "batch time"],
    size: int,
) -> Float[Tensor, "batch *steps size"]:
    """Probabilities over a vocabulary that the source's own words extend.

    P(w) = p_gen P_vocab(w) + (1 - p_gen) sum of a_i over the places i of the source where w stands

    Words of the source that the vocabulary lacks have ids from `words` up. A word that stands nowhere and is not
    in the vocabulary has probability 0: give such targets the id of the unknown word.

    Args:
        vocabulary: P_vocab, probabilities.
        weights: a; padding has weight 0.
        generate: p_gen.
        source: extended ids of the source's words; padding may have any valid id.
        size: ids in the extended vocabulary.

    Raises:
        ValueError: size is below the vocabulary's; source has an id outside of it, or another shape than weights.

    Example:
        >>> import torch
        >>> from regard.layers import mixture
        >>> source, weights = torch.tensor([[4, 1, 4]]), torch.tensor([[0.5, 0.25, 0.25]])
        >>> mixture(torch.full((1, 4), 0.25), weights, torch.tensor([0.5]), source, 5)
        tensor([[0.1250, 0.2500, 0.1250, 0.1250, 0.3750]])

    Source: See, Liu and Manning 2017, equation 9.
    """
    words = vocabulary.shape[-1]
    if size < words:
        raise ValueError(f"size is {size}, expected at least the {words} words of vocabulary.")
    if tuple(source.shape) != (weights.shape[0], weights.shape[-1]):
        raise ValueError(
            f"source has shape {tuple(source.shape)}, expected {(weights.shape[0], weights.shape[-1])}: an id for "
            "each place that weights weigh."
        )
    if concrete() and source.numel() and not 0 <= int(source.min()) <= int(source.max()) < size:
        raise ValueError(
            f"source has ids from {int(source.min())} to {int(source.max())}, expected all from 0 to below size "
            f"{size}."
        )
    generate = generate.unsqueeze(-1)
    places = source.view(source.shape[0], *(1,) * (weights.dim() - 2), -1).expand_as(weights)
    generated = nn.functional.pad(generate * vocabulary, (0, size - words))
    copied = (1 - generate) * weights
    # Under autocast one may be narrower than the other; the sum is made in the wider.
    dtype = torch.promote_types(generated.dtype, copied.dtype)
    return generated.to(dtype).scatter_add(-1, places, copied.to(dtype))


class Coverage(Enum):
    """Whether the score is told how much of each place has been read before."""

    ABSENT = "absent"
    FED = "fed"


@dataclass(frozen=True)
class CopyState:
    """What a decoder carries from step to step: the source, prepared once, and how much of it was read."""

    key: Tensor
    value: Tensor
    coverage: Tensor
    where: Where | None


@dataclass(frozen=True)
class Copied:
    """What one step (batch, ...) or all of them (batch, steps, ...) read.

    context: (..., memory_size). weights: (..., time). generate: p_gen, (...). repeated: the coverage loss, (...).
    """

    context: Tensor
    weights: Tensor
    generate: Tensor
    repeated: Tensor


@dataclass(frozen=True, eq=False)
class Ready(Score):
    """An additive score whose keys have been through its matrix already."""

    additive: Additive

    def prepare_query(self, query: Tensor) -> Tensor:
        return self.additive.prepare_query(query)

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return key

    def tile(self, query: Tensor, key: Tensor) -> Tensor:
        return self.additive.tile(query, key)

    def width(self, key_size: int) -> int:
        return self.additive.width(key_size)

    def learned(self) -> tuple[Tensor, ...]:
        return self.additive.learned()

    def check(self, query_size: int, key_size: int) -> None:
        self.additive.check(query_size, self.additive.key.in_features)


class Copy(nn.Module):
    """Read the source knowing what was read before, and decide whether to copy from it or to generate.

    e_i = v . tanh(W_h h_i + W_s s_t + w_c c_i + b),   a = weigh(e),   h* = sum_i a_i h_i,
    c = sum of a over the steps before,   repeated = sum_i min(a_i, c_i),
    p_gen = sigmoid(w_h* . h* + w_s . s_t + w_x . x_t + b_ptr)

    `repeated` added to the loss (the paper: with weight 1) teaches not to read the same place twice. What comes
    out goes into `mixture`. The source is projected once, in `start`.

    Args:
        query_size: size of s, the decoder's states.
        memory_size: size of h, the source's states.
        input_size: size of x, the decoder's inputs.
        hidden_size: size of the hidden layer of the score.
        coverage: whether the score is told c; without, c is still kept for `repeated`.
        weigh: how scores become weights.

    Raises:
        ValueError: a size is not positive; inputs of other sizes are given.

    Example:
        >>> import regard as rg, torch
        >>> from regard.layers import Copy
        >>> source, states, inputs = torch.randn(2, 7, 5), torch.randn(2, 3, 4), torch.randn(2, 3, 6)
        >>> copied = Copy(4, 5, 6, 11)(states, inputs, source, rg.Lengths(torch.tensor([7, 2])))
        >>> copied.weights.shape, copied.generate.shape
        (torch.Size([2, 3, 7]), torch.Size([2, 3]))

    Source: See, Liu and Manning 2017, equations 1 to 3, 8 and 10 to 12.
    """

    def __init__(
        self,
        query_size: int,
        memory_size: int,
        input_size: int,
        hidden_size: int,
        *,
        coverage: Coverage = Coverage.FED,
        weigh: Weighing = Softmax(),
    ) -> None:
        super().__init__()
        check_sizes(query_size=query_size, memory_size=memory_size, input_size=input_size, hidden_size=hidden_size)
        self.sizes = (query_size, memory_size, input_size)
        self.score = Additive(query_size, memory_size, hidden_size)
        self.coverage = nn.Linear(1, hidden_size, bias=False) if coverage is Coverage.FED else None
        self.generate = nn.Linear(memory_size + query_size + input_size, 1)
        self.weigh = weigh

    def start(self, memory: Float[Tensor, "batch time memory_size"], where: Where | None = None) -> CopyState:
        """The state before the first step: nothing was read."""
        check_last("memory", memory, 3, self.sizes[1])
        memory = without_hidden(memory, where, 1)
        return CopyState(self.score.prepare_key(memory), memory, memory.new_zeros(memory.shape[:2]), where)

    def step(
        self, query: Float[Tensor, "batch query_size"], inputs: Float[Tensor, "batch input_size"], state: CopyState
    ) -> tuple[Copied, CopyState]:
        """What one step reads, and the state after it."""
        check_last("query", query, 2, self.sizes[0])
        check_last("inputs", inputs, 2, self.sizes[2])
        key = state.key if self.coverage is None else state.key + self.coverage(state.coverage.unsqueeze(-1))
        read = pool(query, key, state.value, score=Ready(self.score), where=state.where, weigh=self.weigh)
        generate = self.generate(torch.cat((read.context, query, inputs), dim=-1)).sigmoid().squeeze(-1)
        repeated = torch.minimum(read.weights, state.coverage).sum(-1)
        after = replace(state, coverage=state.coverage + read.weights)
        return Copied(read.context, read.weights, generate, repeated), after

    def forward(
        self,
        query: Float[Tensor, "batch steps query_size"],
        inputs: Float[Tensor, "batch steps input_size"],
        memory: Float[Tensor, "batch time memory_size"],
        where: Where | None = None,
    ) -> Copied:
        """What all steps read, where the states do not depend on what is read."""
        check_last("query", query, 3, self.sizes[0])
        check_last("inputs", inputs, 3, self.sizes[2])
        if query.shape[:2] != inputs.shape[:2] or query.shape[1] == 0:
            raise ValueError(
                f"query has shape {tuple(query.shape)} and inputs {tuple(inputs.shape)}, expected the same batch "
                "and the same number of steps, at least one."
            )
        state, steps = self.start(memory, where), []
        for asked, given in zip(query.unbind(1), inputs.unbind(1), strict=True):
            copied, state = self.step(asked, given, state)
            steps.append(copied)
        return Copied(
            *(
                torch.stack(parts, dim=1)
                for parts in zip(*((s.context, s.weights, s.generate, s.repeated) for s in steps), strict=True)
            )
        )
