"""Several queries in parallel, each with its own projections of one input."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention import Answer, Attention, Memory, Softmax, Weighing, Where
from regard.layers.heads import apart, joined
from regard.layers.hidden import without_hidden


class MultiHead(nn.Module):
    """Attend with several heads and join what they read.

    head_i = attend(Q W_i^Q, K W_i^K, V W_i^V),   MultiHead(Q, K, V) = [head_1; ...; head_h] W^O

    Fewer key heads than heads means grouped queries (Ainslie et al. 2023).

    Args:
        size: size of queries and of the result; a multiple of heads.
        heads: query heads.
        key_heads: heads of keys and values, a divisor of heads; None means as many as heads.
        memory_size: size of keys and values before projection; None means size.
        dropout: rate at which weights are dropped while training.
        weigh: how scores become weights.

    Raises:
        ValueError: size is not a multiple of heads, or heads not of key_heads.

    Example:
        >>> import torch
        >>> from regard.layers import MultiHead
        >>> inputs = torch.randn(2, 5, 16)
        >>> MultiHead(16, heads=4)(inputs, inputs).shape
        torch.Size([2, 5, 16])

    Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(
        self,
        size: int,
        heads: int,
        *,
        key_heads: int | None = None,
        memory_size: int | None = None,
        dropout: float = 0.0,
        weigh: Weighing = Softmax(),
    ) -> None:
        super().__init__()
        key_heads = heads if key_heads is None else key_heads
        if size % heads or heads % key_heads:
            raise ValueError(
                f"size is {size}, heads is {heads} and key_heads is {key_heads}; size must be a multiple of "
                "heads, and heads a multiple of key_heads."
            )
        self.heads, self.key_heads = heads, key_heads
        memory_size = size if memory_size is None else memory_size
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(memory_size, size // heads * key_heads)
        self.value = nn.Linear(memory_size, size // heads * key_heads)
        self.output = nn.Linear(size, size)
        self.attention = Attention(weigh=weigh, dropout=dropout)
        for linear in (self.query, self.key, self.value, self.output):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(
        self,
        queries: Float[Tensor, "batch queries size"],
        memory: Float[Tensor, "batch keys memory_size"],
        where: Where | None = None,
    ) -> Float[Tensor, "batch queries size"]:
        """What the queries read from the memory."""
        memory = without_hidden(memory, where, queries.shape[1], (self.heads,))
        query = apart(self.query(queries), self.heads)
        key, value = apart(self.key(memory), self.key_heads), apart(self.value(memory), self.key_heads)
        return self.output(joined(self.attention(query, key, value, where=where)))

    def remember(self, memory: Float[Tensor, "batch keys memory_size"], where: Where | None = None) -> Memory:
        """Keys and values of a memory, projected once, for `step`."""
        key, value = apart(self.key(memory), self.key_heads), apart(self.value(memory), self.key_heads)
        return Memory(key, value, score=self.attention.score, where=where)

    def extend(self, memory: Memory, inputs: Float[Tensor, "batch keys memory_size"]) -> Memory:
        """A memory with the keys and values of more inputs at its end."""
        key, value = apart(self.key(inputs), self.key_heads), apart(self.value(inputs), self.key_heads)
        return memory.append(key, value)

    def step(self, queries: Float[Tensor, "batch queries size"], memory: Memory) -> Answer:
        """What a few queries read from a memory, with weights (batch, heads, queries, keys)."""
        answer = memory.answer(apart(self.query(queries), self.heads), weigh=self.attention.weigh)
        return Answer(self.output(joined(answer.context)), answer.weights, answer.after)


def from_multihead_attention(module: nn.MultiheadAttention) -> MultiHead:
    """A `MultiHead` with the weights of PyTorch's module and the same results.

    Ours always takes (batch, time, size), whatever `batch_first` says, and True in a mask means "may be seen", where
    PyTorch's masks say "may not": `module(q, k, k, key_padding_mask=hidden)` is `ours(q, k, Mask(~hidden[:, None]))`
    with `hidden` (batch, keys). A module without biases gets biases of 0 that are not trained. A query that may see
    nothing reads 0 here and NaN there.

    Args:
        module: with keys and values of one size, and without `add_bias_kv` and `add_zero_attn`.

    Raises:
        ValueError: the module is not like that.

    Example:
        >>> import torch
        >>> from regard.layers import from_multihead_attention
        >>> theirs = torch.nn.MultiheadAttention(6, 2, kdim=5, vdim=5, batch_first=True)
        >>> query, memory = torch.randn(1, 3, 6), torch.randn(1, 4, 5)
        >>> expected, _ = theirs(query, memory, memory)
        >>> torch.allclose(from_multihead_attention(theirs)(query, memory), expected, atol=1e-6)
        True

    Source: Vaswani et al. 2017, section 3.2.2; the module is PyTorch's.
    """
    _check_convertible(module)
    found = MultiHead(module.embed_dim, module.num_heads, memory_size=module.kdim, dropout=module.dropout)
    found = found.to(module.out_proj.weight).train(module.training)
    inside = (found.query, found.key, found.value)
    if module.kdim == module.embed_dim:
        weights = module.in_proj_weight.chunk(3)
    else:
        weights = (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
    biases = (None, None, None) if module.in_proj_bias is None else module.in_proj_bias.chunk(3)
    with torch.no_grad():
        for linear, weight, bias in zip(inside, weights, biases, strict=True):
            _fill(linear, weight, bias)
        _fill(found.output, module.out_proj.weight, module.out_proj.bias)
    return found


def _check_convertible(module: nn.MultiheadAttention) -> None:
    if module.kdim != module.vdim:
        raise ValueError(
            f"module has kdim {module.kdim} and vdim {module.vdim}, but MultiHead reads keys and values from one "
            "memory; they must be equal."
        )
    if module.bias_k is not None or module.add_zero_attn:
        raise ValueError("module has add_bias_kv or add_zero_attn, which MultiHead lacks; build it without them.")


def _fill(linear: nn.Linear, weight: Tensor, bias: Tensor | None) -> None:
    linear.weight.copy_(weight)
    if bias is None:
        linear.bias.requires_grad_(False)
    else:
        linear.bias.copy_(bias)
