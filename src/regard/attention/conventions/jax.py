"""Masks of jax.nn.dot_product_attention."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.attention.conventions.tensors import shown_by_all
from regard.attention.wheres.bias import Bias
from regard.attention.wheres.causal import Causal
from regard.attention.wheres.lengths import Lengths
from regard.attention.wheres.mask import Mask
from regard.attention.wheres.where import Where
from regard.attention.wheres.window import Window


def from_jax(
    bias: Float[Tensor, "*maps queries keys"] | None = None,
    mask: Bool[Tensor, "*maps queries keys"] | None = None,
    *,
    is_causal: bool = False,
    query_seq_lengths: Int[Tensor, " batch"] | None = None,
    key_value_seq_lengths: Int[Tensor, " batch"] | None = None,
    local_window_size: int | tuple[int, int] | None = None,
) -> Where:
    """The masks of jax.nn.dot_product_attention, where True means may be seen and all begin at the start.

    visible(i, j)  =  mask_ij  and  j <= i (is_causal)  and  i - left <= j <= i + right  and  both within lengths

    One number as local_window_size is a window on both sides, (w, w), and both are inclusive. Causal and window
    are aligned at the start, also where queries and keys differ in number. JAX lays query, key and value out as
    (batch, time, heads, size), but bias and mask as (batch, heads, Tq, Tk), as here. It hides with a finite
    number: a query that sees nothing gets the mean of all values there (0 beyond query_seq_lengths), and 0 here.

    Args:
        bias: numbers to add to the scores; broadcasts to (batch, heads, Tq, Tk).
        mask: True = may be seen; broadcasts likewise.
        is_causal: whether keys after the query are hidden.
        query_seq_lengths: real queries of each sequence, (batch,).
        key_value_seq_lengths: real keys of each sequence, (batch,).
        local_window_size: visible keys on each side, or (before, after).

    Raises:
        ValueError: mask is not boolean; bias is not floating point; lengths are not whole numbers; a window is
            negative.

    Example:
        >>> import regard as rg, torch
        >>> where = rg.conventions.from_jax(is_causal=True, local_window_size=1)
        >>> rg.weights(torch.zeros(3, 1), torch.zeros(4, 1), where=where)
        tensor([[1.0000, 0.0000, 0.0000, 0.0000],
                [0.5000, 0.5000, 0.0000, 0.0000],
                [0.0000, 0.5000, 0.5000, 0.0000]])

    Source: documentation of jax.nn.dot_product_attention, JAX 0.10.
    """
    window = (local_window_size, local_window_size) if isinstance(local_window_size, int) else local_window_size
    return shown_by_all(
        None if mask is None else Mask(mask),
        Causal("start") if is_causal else None,
        None if window is None else Window(*window, align="start"),
        _lengths(query_seq_lengths, key_value_seq_lengths),
        None if bias is None else Bias(bias),
    )


def _lengths(queries: Tensor | None, keys: Tensor | None) -> Where | None:
    if keys is not None:
        return Lengths(keys, queries)
    # Only queries are cut: more keys than any sequence has.
    return None if queries is None else Lengths(torch.full_like(queries, torch.iinfo(torch.int32).max), queries)
