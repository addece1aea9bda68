"""A weight for each feature, not one for all of a token."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from regard.attention import Score, Softmax, Weighing, Where
from regard.attention.call import Call, Prepared, between, tile_context
from regard.attention.finite import clean, poison
from regard.attention.shapes import lift, space_of
from regard.attention.space import Space, Tile
from regard.attention.wheres.where import Everything
from regard.layers.checks import check_last

# Numbers of the hidden layer, or scores, held at once.
CELLS = 1 << 21


class MultiDimensional(nn.Module):
    """Read each feature of the inputs with weights of its own (token2token).

    f(x_i, q_j) = W^T act(W1 x_i + W2 q_j + b1) + b
    P_kij = softmax over i of f(x_i, q_j)_k,   s_jk = sum_i P_kij x_ik

    Features are heads of size one whose scores come out of one hidden layer together, so a score costs as much as
    with heads and the hidden layer is not computed once for each. Queries are taken block by block and each
    block is computed again in the backward: memory grows with Tq + Tk and not with Tq x Tk x size. `where` is
    the same for all features; DiSAN's forward mask, without the token itself, is `Causal() & ~Window(0, 0)`.

    Args:
        size: features of one input, and of what is read.
        query_size: size of a query.
        hidden_size: size of the hidden layer.
        activation: act; DiSAN takes ELU.
        weigh: how the scores of one feature become weights.

    Raises:
        ValueError: a size is not positive; tensors have other sizes.

    Example:
        >>> import torch
        >>> from regard.layers import MultiDimensional
        >>> inputs = torch.randn(2, 5, 4)
        >>> MultiDimensional(4, 4, 8)(inputs, inputs).shape
        torch.Size([2, 5, 4])

    Source: Shen et al. 2018, section 3.1 (multi-dimensional) and 3.2 (token2token).
    """

    def __init__(
        self,
        size: int,
        query_size: int,
        hidden_size: int,
        activation: nn.Module | None = None,
        weigh: Weighing = Softmax(),
    ) -> None:
        super().__init__()
        if min(size, query_size, hidden_size) < 1:
            raise ValueError(
                f"size, query_size and hidden_size are {size}, {query_size} and {hidden_size}, expected all positive."
            )
        self.query = nn.Linear(query_size, hidden_size)
        self.key = nn.Linear(size, hidden_size, bias=False)
        self.score = _Features(hidden_size, size, nn.ELU() if activation is None else activation)
        self.weigh = weigh

    def forward(
        self,
        queries: Float[Tensor, "batch queries query_size"],
        inputs: Float[Tensor, "batch keys size"],
        where: Where | None = None,
    ) -> Float[Tensor, "batch queries size"]:
        """What each query reads, feature by feature."""
        check_last("queries", queries, 3, self.query.in_features)
        check_last("inputs", inputs, 3, self.key.in_features)
        asked = clean(queries)
        context, call = _read(self.query(asked.tensor), inputs, self.key, self.score, where, self.weigh)
        if asked.bad is None:
            return context
        return context * poison(call, lift(asked.bad), None, None).squeeze(1).to(context.dtype)


class MultiDimensionalPooling(nn.Module):
    """Pool a sequence into one vector, each feature with weights of its own (source2token).

    f(x_i) = W^T act(W1 x_i + b1) + b,   P_ki = softmax over i of f(x_i)_k,   s_k = sum_i P_ki x_ik

    Args:
        size: features of one input, and of the result.
        hidden_size: size of the hidden layer.
        activation: act; DiSAN takes ELU.
        weigh: how the scores of one feature become weights.

    Raises:
        ValueError: a size is not positive; tensors have other sizes.

    Example:
        >>> import torch
        >>> from regard.layers import MultiDimensionalPooling
        >>> MultiDimensionalPooling(4, 8)(torch.randn(2, 5, 4)).shape
        torch.Size([2, 4])

    Source: Shen et al. 2018, section 3.2 (source2token).
    """

    def __init__(
        self, size: int, hidden_size: int, activation: nn.Module | None = None, weigh: Weighing = Softmax()
    ) -> None:
        super().__init__()
        if min(size, hidden_size) < 1:
            raise ValueError(f"size and hidden_size are {size} and {hidden_size}, expected both positive.")
        self.key = nn.Linear(size, hidden_size)
        self.score = _Features(hidden_size, size, nn.ELU() if activation is None else activation)
        self.weigh = weigh

    def forward(
        self, inputs: Float[Tensor, "batch keys size"], where: Where | None = None
    ) -> Float[Tensor, "batch size"]:
        """The pooled sequence; 0 where `where` shows no position."""
        check_last("inputs", inputs, 3, self.key.in_features)
        # One query that says nothing: the hidden layer then hears the inputs alone.
        nothing = inputs.new_zeros(inputs.shape[0], 1, self.key.out_features)
        return _read(nothing, inputs, self.key, self.score, where, self.weigh)[0].squeeze(1)


class _Features(nn.Module, Score):
    """Scores of all features at once: W^T act(query + key) + b, (batch, features, rows, columns)."""

    def __init__(self, hidden_size: int, size: int, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation
        self.energy = nn.Linear(hidden_size, size)

    def prepare_query(self, query: Tensor) -> Tensor:
        return query

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return key

    def tile(self, query: Tensor, key: Tensor) -> Tensor:
        hidden = self.activation(query.unsqueeze(-2) + key.unsqueeze(-3))
        return self.energy(hidden).squeeze(1).movedim(-1, 1)

    def width(self, key_size: int) -> int:
        return max(self.energy.in_features, self.energy.out_features)


def _read(
    query: Tensor, inputs: Tensor, key: nn.Linear, score: _Features, where: Where | None, weigh: Weighing
) -> tuple[Tensor, Call]:
    """Context (batch, queries, size) of hidden queries (batch, queries, hidden size), and the call it answers."""
    call = Call(space_of(query, inputs), score, where or Everything(), weigh)
    call.where.check(call.space)
    found = clean(inputs)
    # Each feature of a value is a head of its own; queries and keys have one head, which all of them share.
    whole = Prepared(lift(query), lift(key(found.tensor)), found.tensor.transpose(1, 2).unsqueeze(-1))
    tiles = list(_tiles(call.space, score.width(whole.key.shape[-1])))
    parts = [(whole, call.narrow(tile)) for tile in tiles]
    if len(parts) == 1:
        context = _tile(call, *parts[0])
    else:
        context = torch.cat(
            [checkpoint(_tile, call, *part, use_reentrant=False, preserve_rng_state=False) for part in parts], dim=1
        )
    if found.bad is not None:
        bad = lift(found.bad)
        context = context * poison(call, None, bad, bad).squeeze(1).to(context.dtype)
    return context, call


def _tiles(space: Space, width: int) -> Iterator[Tile]:
    rows = max(1, CELLS // max(1, space.batch * space.keys * width))
    for start in range(0, max(1, space.queries), rows):
        span = range(start, min(start + rows, space.queries))
        yield Tile(space, range(space.batch), range(1), span, range(space.keys))


def _tile(call: Call, whole: Prepared, tile: Tile) -> Tensor:
    rows, columns = between(tile.rows), between(tile.columns)
    part = Prepared(whole.query[:, :, rows], whole.key[:, :, columns], whole.value[:, :, columns])
    if not len(tile.columns):
        return part.value.new_zeros(part.value.shape[0], len(tile.rows), part.value.shape[1])
    return tile_context(call, part, tile)[0].squeeze(-1).transpose(1, 2)
