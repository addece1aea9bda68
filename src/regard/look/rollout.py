"""Attention through all layers, for chosen rows: a row of the product of all maps, without the product."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from regard.look.attended import Attended, blocks, check_number, weights_of


def rollout(
    layers: Sequence[Attended], rows: Sequence[int], *, batch: int = 0, residual: float = 0.5
) -> Float[Tensor, "rows keys"]:
    """What chosen positions of the last layer read of the first layer's inputs, if reading were all that layers do.

    r = e_i A_L A_(L-1) ... A_1,   A = (1 - residual) mean over heads of weights + residual I,   each row summing to 1

    Only rows are multiplied, from the last layer down, so memory grows with the length and not its square. It says
    nothing of values, feed-forward layers and how much of a residual stream attention really changes: the residual's
    part is an assumption.

    Args:
        layers: self-attentions in the order in which they run, all rows of them, such as the layers of one record.
        rows: positions that are asked for.
        batch: sequence.
        residual: the part of each layer that passes by attention.

    Raises:
        ValueError: a layer has not all rows, or other keys than queries; a number is not there; residual is no part.

    Example:
        >>> import regard as rg, torch
        >>> from regard.look.rollout import rollout
        >>> model = torch.nn.ModuleList(rg.Attention(where=rg.Causal()) for _ in range(2))
        >>> with rg.record(model) as seen:
        ...     for layer in model:
        ...         _ = layer(*[torch.zeros(1, 1, 2, 3)] * 3)
        >>> rollout(list(seen.values()), rows=[1])
        tensor([[0.4375, 0.5625]])

    Source: Abnar and Zuidema 2020, section 3 (attention rollout).
    """
    if not 0 <= residual < 1 or not layers:
        raise ValueError(
            f"residual is {residual} and there are {len(layers)} layers; expected a part from 0 to below 1, and at "
            "least one layer."
        )
    for layer in layers:
        _check(layer, layers[0].keys, batch)
    for row in rows:
        check_number("rows", row, layers[0].keys)
    found = torch.zeros((len(rows), layers[0].keys))
    found[torch.arange(len(rows)), torch.tensor(list(rows))] = 1.0
    for layer in reversed(layers):
        found = _through(layer, found, batch, residual)
    return found


def _through(layer: Attended, given: Tensor, batch: int, residual: float) -> Tensor:
    read = torch.zeros_like(given)
    # Rows that nothing has come to need not be made.
    wanted = given.any(0).nonzero()[:, 0]
    for rows in blocks(wanted, layer.keys):
        mean = torch.zeros((len(rows), layer.keys))
        for head in range(layer.heads):
            mean += weights_of(layer, batch, head, rows).float()
        mean /= layer.heads
        total = (1 - residual) * mean.sum(-1) + residual
        share = given[:, rows] / torch.where(total > 0, total, 1)
        read += (1 - residual) * share @ mean
        read[:, rows] += residual * share
    return read


def _check(layer: Attended, keys: int, batch: int) -> None:
    check_number("batch", batch, layer.batch)
    whole = layer.keys == keys and torch.equal(layer.rows, torch.arange(keys))
    if not whole:
        raise ValueError(
            f"layers has {layer.name} with {layer.queries} rows and {layer.keys} keys; expected all {keys} rows of a "
            "self-attention. Record without a choice of rows, and leave cross-attention out."
        )
