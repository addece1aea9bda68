"""A memory read several times, the question changing on the way: end-to-end memory networks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Int
from torch import Tensor, nn

from regard.attention import Dot, Mask, Memory, Score, Softmax, Weighing, Where
from regard.attention.module import joined
from regard.layers.ages import ages
from regard.layers.checks import check_sizes, check_tokens
from regard.layers.sentences import WordOrder, encode, word_weights


class Tying(Enum):
    """Which tables of K hops are one.

    ADJACENT: what a hop reads with, the next matches with: A_(k+1) = C_k; also B = A_1 and W^T = C_K.
    LAYER_WISE: all hops share A and C, as a recurrent network does, and u is carried on by a matrix H.
    """

    ADJACENT = "adjacent"
    LAYER_WISE = "layer-wise"


@dataclass(frozen=True)
class Hopped:
    """What was found after all hops.

    state: u + o after the last, (batch, size). logits: W state, (batch, vocabulary). weights: of every hop,
    (batch, hops, memories).
    """

    state: Tensor
    logits: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Unnormalised(Weighing):
    """The scores themselves as weights: w = s. Hops trained with it first start linear.

    Source: Sukhbaatar et al. 2015, section 4.2 (linear start).
    """

    def exact(self, scores: Tensor) -> Tensor:
        return scores

    def normalise(self, scores: Tensor) -> Tensor:
        return scores


@dataclass(frozen=True)
class _Tables:
    """Which table each hop matches with and reads with, and which embeds the question and the answer."""

    count: int
    match: tuple[int, ...]
    read: tuple[int, ...]
    question: int
    answer: int


def _tables(tying: Tying, hops: int) -> _Tables:
    if tying is Tying.ADJACENT:
        return _Tables(hops + 1, tuple(range(hops)), tuple(range(1, hops + 1)), 0, hops)
    return _Tables(4, (0,) * hops, (1,) * hops, 2, 3)


class MemoryHops(nn.Module):
    """Ask a memory of sentences, add what was read to the question, and ask again.

    m_i = sum_j l_j * A_k x_ij + T^A_k(i),   c_i = sum_j l_j * C_k x_ij + T^C_k(i),   u_1 = sum_j l_j * B q_j
    o_k = sum_i p_i c_i,   p = weigh(score(u_k, m_i)),   u_(k+1) = u_k + o_k  (layer-wise: H u_k + o_k),
    logits = W (u_K + o_K)  (layer-wise: W (H u_K + o_K))

    T is learned and indexed by age: 0 is the last real memory, nearest to the question, so the same story has
    the same times under any padding. Sentences of padding alone are hidden. Parameters are drawn from
    N(0, 0.1^2), as in the paper. For its linear start, train with weigh=Unnormalised(), then with Softmax().

    Args:
        vocabulary: number of token ids.
        size: size of memories and states.
        hops: K.
        tying: which tables are one.
        order: whether the order of words counts (l).
        max_memories: for temporal encoding, the most memories of a story; None means no temporal encoding.
        score: how well u and m match.
        padding: the id that is no word.

    Raises:
        ValueError: a size is not positive; tokens are not whole numbers of the right shape; there are more
            memories than max_memories.

    Example:
        >>> import torch
        >>> from regard.layers import MemoryHops, Tying
        >>> story, question = torch.tensor([[[3, 4, 0], [5, 6, 7]]]), torch.tensor([[6, 4]])
        >>> found = MemoryHops(11, 5, hops=3, tying=Tying.ADJACENT, max_memories=13)(story, question)
        >>> found.logits.shape, found.weights.shape
        (torch.Size([1, 11]), torch.Size([1, 3, 2]))

    Source: Sukhbaatar et al. 2015, equations 1 to 4 and sections 2.2 and 4.1.
    """

    def __init__(
        self,
        vocabulary: int,
        size: int,
        hops: int,
        *,
        tying: Tying = Tying.ADJACENT,
        order: WordOrder = WordOrder.POSITION,
        max_memories: int | None = None,
        score: Score = Dot(scale=1.0),
        padding: int = 0,
    ) -> None:
        super().__init__()
        times = 1 if max_memories is None else max_memories
        check_sizes(vocabulary=vocabulary, size=size, hops=hops, max_memories=times)
        self.plan = _tables(tying, hops)
        self.order, self.max_memories, self.score, self.padding = order, max_memories, score, padding
        self.words = nn.ParameterList(_drawn(vocabulary, size) for _ in range(self.plan.count))
        kinds = 0 if max_memories is None else max(self.plan.read) + 1
        self.times = nn.ParameterList(_drawn(times, size) for _ in range(kinds))
        self.carry: nn.Module = nn.Identity()
        if tying is Tying.LAYER_WISE:
            self.carry = nn.Linear(size, size, bias=False)
            nn.init.normal_(self.carry.weight, std=0.1)

    def forward(
        self,
        sources: Int[Tensor, "batch memories words"],
        question: Int[Tensor, "batch question_words"],
        *,
        weigh: Weighing = Softmax(),
        where: Where | None = None,
    ) -> Hopped:
        """State, logits and the weights of every hop; `where` hides memories beside those that are empty."""
        check_tokens("sources", sources, 3)
        check_tokens("question", question, 2)
        real = (sources != self.padding).any(-1)
        weights, old = self._word_weights(sources), self._ages(real)
        seen = joined(Mask(real[:, None]), where)
        state = encode(question, self.words[self.plan.question], self._word_weights(question))
        looks = []
        for match, read in zip(self.plan.match, self.plan.read, strict=True):
            key, value = (self._memories(sources, weights, old, table) for table in (match, read))
            answer = Memory(key, value, score=self.score, where=seen).answer(state[:, None], weigh)
            state = self.carry(state) + answer.context[:, 0]
            looks.append(answer.weights[:, 0])
        return Hopped(state, state @ self.words[self.plan.answer].t(), torch.stack(looks, dim=1))

    def _word_weights(self, tokens: Tensor) -> Tensor:
        table = self.words[0]
        return word_weights(tokens, table.shape[-1], self.order, padding=self.padding, dtype=table.dtype)

    def _memories(self, sources: Tensor, weights: Tensor, old: Tensor, table: int) -> Tensor:
        """Vectors of all memories by one table of words and, where there are times, its table of times."""
        memories = encode(sources, self.words[table], weights)
        return memories if self.max_memories is None else memories + self.times[table][old]

    def _ages(self, real: Tensor) -> Tensor:
        """How many real memories stand after each, (batch, memories)."""
        if self.max_memories is not None and real.shape[1] > self.max_memories:
            raise ValueError(
                f"sources has {real.shape[1]} memories, but MemoryHops was built for max_memories "
                f"{self.max_memories}; give the latest ones, or build it for more."
            )
        return ages(real)


def _drawn(rows: int, size: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, size) * 0.1)
