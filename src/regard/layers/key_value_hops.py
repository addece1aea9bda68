"""A memory of key-value pairs read several times, the question changing on the way."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor, nn

from regard.attention import Answer, Dot, Mask, Memory, Score, Softmax, Weighing, Where
from regard.attention.module import joined
from regard.layers.checks import check_sizes, check_tokens
from regard.layers.sentences import WordOrder, encode, word_weights


class KeyValueHops(nn.Module):
    """Match the question with keys, read their values, and turn question and reading into the next question.

    q_1 = A x,   o_j = sum_h p_h A v_h,   p = weigh(score(q_j, A k_h)),   q_(j+1) = R_j (q_j + o_j)

    A sums the embeddings of a text's words, one table for question, keys and values. Pairs whose key is padding
    alone are hidden. The paper answers with the candidate y that has the highest q_(H+1) . B y.

    Args:
        vocabulary: number of token ids.
        size: size of embeddings and states.
        hops: H; R has a matrix for each.
        order: whether the order of words counts; the paper's features are bags.
        score: how well question and key match.
        padding: the id that is no word.

    Raises:
        ValueError: a size is not positive; tokens are not whole numbers of the right shape; keys have no values.

    Example:
        >>> import torch
        >>> from regard.layers import KeyValueHops
        >>> keys, values = torch.tensor([[[3, 5], [6, 0]]]), torch.tensor([[[7], [8]]])
        >>> answer = KeyValueHops(11, 5, hops=2)(torch.tensor([[3, 4]]), keys, values)
        >>> answer.context.shape, answer.weights.shape
        (torch.Size([1, 5]), torch.Size([1, 2, 2]))

    Source: Miller et al. 2016, section 3.1.
    """

    def __init__(
        self,
        vocabulary: int,
        size: int,
        hops: int,
        *,
        order: WordOrder = WordOrder.BAG,
        score: Score = Dot(scale=1.0),
        padding: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(vocabulary=vocabulary, size=size, hops=hops)
        self.order, self.score, self.padding = order, score, padding
        self.words = nn.Parameter(torch.randn(vocabulary, size) * 0.1)
        self.updates = nn.ModuleList(nn.Linear(size, size, bias=False) for _ in range(hops))

    def forward(
        self,
        question: Int[Tensor, "batch question_words"],
        keys: Int[Tensor, "batch memories key_words"],
        values: Int[Tensor, "batch memories value_words"],
        *,
        weigh: Weighing = Softmax(),
        where: Where | None = None,
    ) -> Answer:
        """The last question q_(H+1), (batch, size), and the weights of every hop, (batch, hops, memories)."""
        check_tokens("question", question, 2)
        check_tokens("keys", keys, 3)
        check_tokens("values", values, 3)
        real = (keys != self.padding).any(-1)
        memory = Memory(
            self.encode(keys), self.encode(values), score=self.score, where=joined(Mask(real[:, None]), where)
        )
        state, looks = self.encode(question), []
        for update in self.updates:
            answer = memory.answer(state[:, None], weigh)
            state = update(state + answer.context[:, 0])
            looks.append(answer.weights[:, 0])
        return Answer(state, torch.stack(looks, dim=1))

    def encode(self, tokens: Int[Tensor, "*batch words"]) -> Tensor:
        """A x: the vector of each text, for candidates too where B is A."""
        size = self.words.shape[-1]
        weights = word_weights(tokens, size, self.order, padding=self.padding, dtype=self.words.dtype)
        return encode(tokens, self.words, weights)
