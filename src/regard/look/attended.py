"""One recorded attention: queries, keys and a number for every row, from which any of its weights follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from regard.attention import Top, Wanted
from regard.look.facts import facts, stacked
from regard.look.sight import Sight

# Cells computed at once: 8 MiB of scores, and a few times that of what becomes of them.
CELLS = 1 << 21


@dataclass(frozen=True)
class Proof:
    """How far recomputed numbers were from the model's own, for a block of rows when they were captured.

    weights: largest |recomputed - model's|, of weights where the model had them, else of the context they read.
    sums: largest |sum of a row - 1|, a sink's share included. rows: how many rows of how many maps were compared.
    """

    weights: float
    sums: float
    rows: int


@dataclass(frozen=True, eq=False)
class Attended:
    """One attention of one module, all rows that were recorded.

    weight(i, j) = exp(score(i, j) - lse_i),   score(i, j) = cap(scale * query_i . key_j) + prior(i, j)

    cap(s) = softcap * tanh(s / softcap), where there is one. Query head h reads key head h // (heads // key_heads).

    Args:
        name: the module's path; "#2" marks its second call that does not continue the first.
        query: (batch, heads, queries, size), as the kernel was given it.
        key: (batch, key_heads, keys, size).
        lse: log of the sum of the exponentials of each row's scores, a sink's among them; -inf sees nothing.
        rows: position of each recorded row among the keys, where they are aligned.
        scale: factor of the product.
        softcap: bound of the scaled product; None for none.
        sink: a score for each head that takes weight and reads nothing.
        sight: what each row sees, and what is added to its scores.
        proof: what was compared at capture.
        query_tokens: a label for each recorded row.
        key_tokens: a label for each key.
        head_numbers: which of the model's heads these are; empty where they are all.
    """

    name: str
    query: Float[Tensor, "batch heads queries size"]
    key: Float[Tensor, "batch key_heads keys size"]
    lse: Float[Tensor, "batch heads queries"]
    rows: Int[Tensor, " queries"]
    scale: float
    softcap: float | None
    sink: Float[Tensor, " heads"] | None
    sight: Sight
    proof: Proof
    query_tokens: tuple[str, ...] = ()
    key_tokens: tuple[str, ...] = ()
    head_numbers: tuple[int, ...] = field(default=())

    @property
    def batch(self) -> int:
        """Sequences."""
        return self.query.shape[0]

    @property
    def heads(self) -> int:
        """Query heads."""
        return self.query.shape[1]

    @property
    def key_heads(self) -> int:
        """Key heads."""
        return self.key.shape[1]

    @property
    def queries(self) -> int:
        """Recorded rows."""
        return self.query.shape[2]

    @property
    def keys(self) -> int:
        """Keys."""
        return self.key.shape[2]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Which of the model's heads these are."""
        return self.head_numbers or tuple(range(self.heads))

    @property
    def bytes(self) -> int:
        """Memory of all tensors."""
        held = [self.query, self.key, self.lse, self.rows, *self.sight.tensors().values()]
        return sum(tensor.nbytes for tensor in held) + (0 if self.sink is None else self.sink.nbytes)

    def weights(self, rows: Sequence[int] | None = None) -> Float[Tensor, "batch heads rows keys"]:
        """Weights of whole rows, by their number in the record; None means all, Tq x Tk numbers.

        Raises:
            ValueError: a row is not there.
        """
        chosen = torch.arange(self.queries) if rows is None else _numbers("rows", rows, self.queries)
        maps = [
            torch.stack([weights_of(self, batch, head, chosen) for head in range(self.heads)])
            for batch in range(self.batch)
        ]
        return torch.stack(maps)

    def tile(self, head: int, rows: range, columns: range, batch: int = 0) -> Float[Tensor, "rows columns"]:
        """Weights of a rectangle of one map.

        Raises:
            ValueError: head, batch, rows or columns are not there.
        """
        check_number("head", head, self.heads)
        check_number("batch", batch, self.batch)
        for name, span, size in (("rows", rows, self.queries), ("columns", columns, self.keys)):
            if span.step != 1 or not 0 <= span.start < span.stop <= size:
                raise ValueError(f"{name} is {span}, expected neighbours within range(0, {size}), at least one.")
        return weights_of(self, batch, head, torch.arange(rows.start, rows.stop), columns)

    def overview(self, head: int, size: int, batch: int = 0) -> Float[Tensor, "rows columns"]:
        """One map pooled to size x size at most: a cell is the sum over its keys of the mean over its queries.

        Raises:
            ValueError: head or batch is not there; size is not positive.
        """
        check_number("head", head, self.heads)
        check_number("batch", batch, self.batch)
        pooled = facts(self, batch, head, Wanted(pooled=(min(size, self.queries), min(size, self.keys)))).pooled
        assert pooled is not None
        return pooled[0, 0]

    def top(self, most: int) -> Top:
        """The largest weights of every row, largest first, and their keys: (batch, heads, queries, most).

        Raises:
            ValueError: there are not so many keys.
        """
        found = [[each.top for each in maps] for maps in stacked(self, Wanted(top=most))]
        index = torch.stack([torch.cat([top.index[0] for top in maps if top is not None]) for maps in found])
        weight = torch.stack([torch.cat([top.weight[0] for top in maps if top is not None]) for maps in found])
        return Top(index, weight)

    def entropy(self) -> Float[Tensor, "batch heads queries"]:
        """Entropy of every row's weights, in nats."""
        found = [[each.entropy for each in maps] for maps in stacked(self, Wanted(entropy=True))]
        return torch.stack([torch.cat([each[0] for each in maps if each is not None]) for maps in found])

    def mass(self) -> Float[Tensor, "batch heads keys"]:
        """Sum of each key's weights over all recorded rows."""
        found = [[each.mass for each in maps] for maps in stacked(self, Wanted(mass=True))]
        return torch.stack([torch.cat([each[0] for each in maps if each is not None]) for maps in found])


def scores_of(
    one: Attended, batch: int, head: int, rows: Int[Tensor, " rows"], columns: range | None = None
) -> Float[Tensor, "rows columns"]:
    """Scores of chosen rows of one map with their priors, -inf where hidden, in float32 at least."""
    columns = range(one.keys) if columns is None else columns
    query = _widened(one.query[batch, head][rows]) * one.scale
    key = _widened(one.key[batch, head // (one.heads // one.key_heads), columns.start : columns.stop])
    scores = query @ key.T
    if one.softcap is not None:
        scores = (scores / one.softcap).tanh_().mul_(one.softcap)
    position = one.rows[rows]
    prior = one.sight.prior(position, rows, columns, batch, head)
    if prior is not None:
        scores = scores.add_(prior)
    visible = one.sight.visible(position, rows, columns, batch, head)
    return scores if visible is None else scores.masked_fill_(~visible, -torch.inf)


def weights_of(
    one: Attended, batch: int, head: int, rows: Int[Tensor, " rows"], columns: range | None = None
) -> Float[Tensor, "rows columns"]:
    """Weights of chosen rows of one map; nothing else of the map is made."""
    return log_weights_of(one, batch, head, rows, columns).exp_()


def seen_of(one: Attended, batch: int, head: int, rows: Int[Tensor, " rows"], columns: range) -> range:
    """Neighbouring columns beside which chosen rows of one map see none of `columns`; empty where they see none."""
    return one.sight.span(one.rows[rows], rows, columns, batch, head)


def spread(one: Attended, most: int) -> Int[Tensor, " rows"]:
    """Up to `most` rows, evenly spread over all."""
    count = min(most, one.queries)
    return ((torch.arange(count) + 0.5) * one.queries / count).long()


def log_weights_of(
    one: Attended, batch: int, head: int, rows: Int[Tensor, " rows"], columns: range | None = None
) -> Float[Tensor, "rows columns"]:
    """Logarithms of weights, -inf where hidden."""
    columns = range(one.keys) if columns is None else columns
    # Keys beside those that any of the rows sees need no scores.
    seen = seen_of(one, batch, head, rows, columns) if len(rows) else columns
    seen = seen if len(seen) else range(columns.start, columns.start)
    lse = one.lse[batch, head][rows, None]
    # A row that sees nothing has weights of 0.
    lse = lse.masked_fill(lse == -torch.inf, torch.inf)
    found = scores_of(one, batch, head, rows, seen).sub_(lse)
    if seen == columns:
        return found
    return pad(found, (seen.start - columns.start, columns.stop - seen.stop), value=-torch.inf)


def row_sums(one: Attended, batch: int, head: int, rows: Int[Tensor, " rows"]) -> Float[Tensor, " rows"]:
    """The number of each chosen row, found again from its scores."""
    found = torch.cat([scores_of(one, batch, head, some).logsumexp(-1) for some in blocks(rows, one.keys)])
    return found if one.sink is None else torch.logaddexp(found, one.sink[head].to(found.dtype))


def blocks(rows: Int[Tensor, " rows"], keys: int) -> tuple[Tensor, ...]:
    """Rows in blocks of about `CELLS` cells."""
    return rows.split(max(1, CELLS // max(1, keys)))


def check_number(name: str, number: int, size: int) -> None:
    """Raise ValueError where a number is not within range(size)."""
    if not 0 <= number < size:
        raise ValueError(f"{name} is {number}, expected a number from 0 to {size - 1}.")


def _numbers(name: str, numbers: Sequence[int], size: int) -> Tensor:
    for number in numbers:
        check_number(name, number, size)
    return torch.tensor(list(numbers), dtype=torch.long)


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
