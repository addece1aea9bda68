"""Keys for matching, values for reading."""

from __future__ import annotations

from enum import Enum

from jaxtyping import Float
from torch import Tensor, nn

from regard.attention import Additive, Attention, Dot, Score, Softmax, Weighing, Where
from regard.attention.module import joined
from regard.layers.bidirectional import Diagonal, directions
from regard.layers.checks import check_last, check_sizes
from regard.layers.hidden import without_blind, without_hidden


class KeyValue(nn.Module):
    """Match with one thing and read another, each with a projection of its own.

    context_i = sum_j w_ij V v_j,   w_i = weigh(score(Q q_i, K k_j) for every j)

    Key and value come in pairs: a window of words and the word in its middle, a subject with a relation and the
    object, a question and its answer.

    Args:
        query_size: size of q.
        key_size: size of k.
        value_size: size of v.
        size: size of projected queries and keys, and of the context.
        score: how well Q q and K k match.
        weigh: how scores become weights.
        dropout: rate at which weights are dropped while training.

    Raises:
        ValueError: a size is not positive; inputs of other sizes are given, or keys without values.

    Example:
        >>> import torch
        >>> from regard.layers import KeyValue
        >>> KeyValue(3, 4, 5, 7)(torch.randn(2, 1, 3), torch.randn(2, 11, 4), torch.randn(2, 11, 5)).shape
        torch.Size([2, 1, 7])

    Source: Miller et al. 2016, section 3.1 (there Q = K = V = A).
    """

    def __init__(
        self,
        query_size: int,
        key_size: int,
        value_size: int,
        size: int,
        *,
        score: Score = Dot(),
        weigh: Weighing = Softmax(),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_sizes(query_size=query_size, key_size=key_size, value_size=value_size, size=size)
        self.query = nn.Linear(query_size, size, bias=False)
        self.key = nn.Linear(key_size, size, bias=False)
        self.value = nn.Linear(value_size, size, bias=False)
        self.attention = Attention(score=score, weigh=weigh, dropout=dropout)

    def forward(
        self,
        query: Float[Tensor, "batch queries query_size"],
        key: Float[Tensor, "batch keys key_size"],
        value: Float[Tensor, "batch keys value_size"],
        where: Where | None = None,
    ) -> Float[Tensor, "batch queries size"]:
        """What the queries read from the values."""
        check_last("query", query, 3, self.query.in_features)
        check_last("key", key, 3, self.key.in_features)
        check_last("value", value, 3, self.value.in_features)
        query = without_blind(query, where, key.shape[1])
        key = without_hidden(key, where, query.shape[1])
        value = without_hidden(value, where, query.shape[1])
        return self.attention(self.query(query), self.key(key), self.value(value), where=where)


class Parts(Enum):
    """Into how many parts a state is split: what is matched, what is read, and what predicts."""

    KEY_VALUE = 2
    KEY_VALUE_PREDICT = 3


class KeyValueSplit(nn.Module):
    """Give each state a part to be found by, a part to be read, and at most one to predict with.

    [k_t; v_t] = h_t,   r_t = sum_(i < t) w_ti v_i,   w_t = weigh(score(k_t, k_i) for i < t),
    y_t = tanh(W_r r_t + W_x v_t);   with a third part p_t,   y_t = tanh(W_r r_t + W_x p_t)

    A state sees those before it, not itself; `where` narrows that, as Window(L, 0) to the last L. The first
    state sees nothing and reads 0.

    Args:
        size: size of h, a multiple of the number of parts.
        parts: into what h is split.
        score: how well keys match, the later one as query; None means Additive, the paper's.
        weigh: how scores become weights.

    Raises:
        ValueError: size is not positive or no multiple of parts; inputs of another size are given.

    Example:
        >>> import regard as rg, torch
        >>> from regard.layers import KeyValueSplit, Parts
        >>> split = KeyValueSplit(15, Parts.KEY_VALUE_PREDICT)
        >>> split(torch.randn(2, 7, 15), where=rg.Window(3, 0)).shape
        torch.Size([2, 7, 5])

    Source: Daniluk et al. 2017, key-value and key-value-predict attention.
    """

    def __init__(
        self,
        size: int,
        parts: Parts = Parts.KEY_VALUE,
        *,
        score: Score | None = None,
        weigh: Weighing = Softmax(),
    ) -> None:
        super().__init__()
        check_sizes(size=size)
        if size % parts.value:
            raise ValueError(f"size is {size}, expected a multiple of {parts.value}, into which it is split.")
        self.size, self.parts, part = size, parts, size // parts.value
        self.attention = Attention(score=Additive(part, part, part) if score is None else score, weigh=weigh)
        self.before = directions(Diagonal.HIDDEN).left_to_right
        self.read = nn.Linear(part, part, bias=False)
        self.own = nn.Linear(part, part, bias=False)

    def forward(
        self, inputs: Float[Tensor, "batch time size"], where: Where | None = None
    ) -> Float[Tensor, "batch time part"]:
        """What each state predicts with; `where` is joined with "before me"."""
        check_last("inputs", inputs, 3, self.size)
        inputs = without_hidden(inputs, where, inputs.shape[1])
        parts = inputs.chunk(self.parts.value, dim=-1)
        read = self.attention(parts[0], parts[0], parts[1], where=joined(self.before, where))
        return (self.read(read) + self.own(parts[-1])).tanh()
