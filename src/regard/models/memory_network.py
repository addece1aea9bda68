"""End-to-end memory networks, several restarts side by side on the same batch."""

from __future__ import annotations

from enum import Enum

import torch
from jaxtyping import Int
from torch import Tensor, nn

from regard.attention import Dot, Mask, Memory, Softmax, Weighing
from regard.layers import (
    Hopped,
    MemoryHops,
    Tying,
    Unnormalised,
    WordOrder,
    ages,
    ages_among_empty,
    count_rows,
    word_counts,
)
from regard.layers.checks import check_sizes, check_tokens


class Empty(Enum):
    """What the empty places of a memory are, which a story shorter than it leaves.

    HIDDEN: not there. READ: memories of nothing, n_i = 0, that score 0 and add nothing; a hop may then find nothing.
    """

    HIDDEN = "hidden"
    READ = "read"


class MemoryNetwork(nn.Module):
    """K hops over a story, by R networks that differ in their first weights alone.

    With n_i the counts and the age of sentence i (see `word_counts`), and A_rk, C_rk the tables of network r:

    p_rk = softmax((A_rk u_rk) . n_i),   u_r(k+1) = u_rk + C_rk^T sum_i p_rki n_i,   logits_r = W_r u_r(K+1)

    which is what each network alone makes (`MemoryHops`, where empty places are hidden), with the sums in another
    order: it is the counts that are remembered, once for all networks and hops, and queries and contexts that pass
    through the tables. A story is then a table of counts rather than R (K + 1) tables of vectors, and ten restarts
    cost little more than one.

    In training, the ages are those among random empty memories, and the first steps are linear.

    Args:
        vocabulary: number of token ids; 0 is no word.
        size: size of the states, d.
        hops: K.
        restarts: R.
        tying: which tables of a network are one.
        order: whether the order of words counts.
        max_memories: the most sentences of a story, and how many places the memory has.
        empty: what a memory's empty places are; those that are read have a part of each hop's weight.
        noise: in training, ages are as if at most this share of empty memories stood among the real ones.
        linear_steps: training steps with the scores themselves as weights, before the softmax (linear start).

    Raises:
        ValueError: a size is not positive; tokens are not whole numbers of the right shape; a story has more
            sentences than max_memories.

    Example:
        >>> import torch
        >>> from regard.models import MemoryNetwork
        >>> story, question = torch.tensor([[[3, 4, 0], [5, 6, 7]]]), torch.tensor([[6, 4]])
        >>> found = MemoryNetwork(11, 5, hops=3, restarts=2, max_memories=13).eval()(story, question)
        >>> found.logits.shape, found.weights.shape
        (torch.Size([1, 2, 11]), torch.Size([1, 2, 3, 2]))

    Source: Sukhbaatar et al. 2015, equations 1 to 4 and sections 4.1 and 4.2.
    """

    steps: Tensor
    chosen: Tensor

    def __init__(
        self,
        vocabulary: int,
        size: int,
        hops: int,
        *,
        restarts: int = 1,
        tying: Tying = Tying.ADJACENT,
        order: WordOrder = WordOrder.CENTRED,
        max_memories: int = 50,
        empty: Empty = Empty.READ,
        noise: float = 0.0,
        linear_steps: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(restarts=restarts)
        self.vocabulary, self.order, self.max_memories = vocabulary, order, max_memories
        self.empty, self.noise, self.linear_steps = empty, noise, linear_steps
        self.networks = nn.ModuleList(
            MemoryHops(vocabulary, size, hops, tying=tying, order=order, max_memories=max_memories)
            for _ in range(restarts)
        )
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("chosen", torch.zeros((), dtype=torch.int64))

    @property
    def each(self) -> list[MemoryHops]:
        """The networks, each of which can answer alone."""
        return [network for network in self.networks if isinstance(network, MemoryHops)]

    @property
    def weigh(self) -> Weighing:
        """How scores become weights after the steps made so far."""
        return Unnormalised() if int(self.steps) < self.linear_steps else Softmax()

    def forward(self, sources: Int[Tensor, "batch memories words"], question: Int[Tensor, "batch words"]) -> Hopped:
        """State, logits and weights as `MemoryHops` gives them, with an axis of networks after the batch."""
        check_tokens("sources", sources, 3)
        check_tokens("question", question, 2)
        real = (sources != 0).any(-1)
        facts = torch.cat((self._counts(sources), self._times(real)), dim=-1)
        memory = self._memory(facts, real)
        each = self.each
        plan, asked = each[0].plan, self._counts(question)
        tables = [self._table(each, place) for place in range(plan.count)]
        state = torch.einsum("bf,rfs->brs", asked, tables[plan.question][:, : asked.shape[-1]])
        weigh, looks = self.weigh, []
        for match, read in zip(plan.match, plan.read, strict=True):
            answer = memory.answer(torch.einsum("brs,rfs->brf", state, tables[match]), weigh)
            state = _carried(each, state) + torch.einsum("brf,rfs->brs", answer.context, tables[read])
            looks.append(answer.weights[..., : sources.shape[1]] * real[:, None])
        words = torch.stack([network.words[plan.answer] for network in each])
        if self.training:
            self.steps += 1
        return Hopped(state, torch.einsum("brs,rvs->brv", state, words), torch.stack(looks, dim=2))

    def _counts(self, tokens: Tensor) -> Tensor:
        return word_counts(tokens, self.vocabulary, self.order, dtype=self.each[0].words[0].dtype)

    def _memory(self, facts: Tensor, real: Tensor) -> Memory:
        if self.empty is Empty.HIDDEN:
            return Memory(facts, facts, score=Dot(scale=1.0), where=Mask(real[:, None]))
        # Padding among the real memories has no words and no age either: it is one of the empty places.
        places = nn.functional.pad(facts, (0, 0, 0, self.max_memories - facts.shape[1]))
        return Memory(places, places, score=Dot(scale=1.0))

    def _times(self, real: Tensor) -> Tensor:
        """The age of each memory, one-hot; none where it is not real."""
        if real.shape[1] > self.max_memories:
            raise ValueError(
                f"sources has {real.shape[1]} memories, but MemoryNetwork was built for max_memories "
                f"{self.max_memories}; give the latest ones, or build it for more."
            )
        found = ages_among_empty(real, self.noise) if self.training else ages(real)
        hot = torch.nn.functional.one_hot(found.clamp(max=self.max_memories - 1), self.max_memories)
        return (hot * real[..., None]).to(self.each[0].words[0].dtype)

    def _table(self, each: list[MemoryHops], place: int) -> Tensor:
        """Rows of words, and of times where there are, of all networks: (networks, features, size)."""
        words = torch.stack([network.words[place] for network in each])
        times = [network.times[place] for network in each if place < len(network.times)]
        rows = count_rows(words, self.order)
        return torch.cat((rows, torch.stack(times)), dim=1) if times else rows


def _carried(each: list[MemoryHops], state: Tensor) -> Tensor:
    """What each network carries on from hop to hop: u itself, or H u."""
    matrices = [network.carry.weight for network in each if isinstance(network.carry, nn.Linear)]
    return torch.einsum("brs,rts->brt", state, torch.stack(matrices)) if matrices else state
