"""Masks of torch.nn.MultiheadAttention and torch.nn.Transformer."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from regard.attention.conventions.tensors import of_tensor, shown_by_all
from regard.attention.wheres.where import Where


def from_multi_head(
    attn_mask: Bool[Tensor, "*maps queries keys"] | Float[Tensor, "*maps queries keys"] | None = None,
    key_padding_mask: Bool[Tensor, "batch keys"] | Float[Tensor, "batch keys"] | None = None,
    *,
    heads: int | None = None,
) -> Where:
    """The masks of torch.nn.MultiheadAttention, where True means hidden.

    visible(i, j)  =  not attn_mask_ij  and  not key_padding_mask_j

    Floating-point masks are added to the scores. An attn_mask of three axes is (batch * heads, Tq, Tk) there, all
    heads of one sequence together. The argument is_causal has no counterpart: it is a hint that attn_mask is
    causal, and the mask still has to be given. For a query that sees nothing the module gives NaN weights, or,
    by a faster path, 0; here it is always 0.

    Args:
        attn_mask: True = hidden, or numbers to add, (Tq, Tk) or (batch * heads, Tq, Tk).
        key_padding_mask: True = padding, or numbers to add, (batch, Tk).
        heads: number of heads, needed to tell them apart from the batch in a mask of three axes.

    Raises:
        ValueError: a mask holds whole numbers or has another number of axes; heads is missing for three axes, or
            does not divide the first.

    Example:
        >>> import regard as rg, torch
        >>> where = rg.conventions.from_multi_head(key_padding_mask=torch.tensor([[False, False, True]]))
        >>> rg.weights(torch.zeros(1, 1, 1, 2), torch.zeros(1, 1, 3, 2), where=where).flatten()
        tensor([0.5000, 0.5000, 0.0000])

    Source: documentation of torch.nn.MultiheadAttention.forward, PyTorch 2.13.
    """
    if attn_mask is not None:
        attn_mask = _apart(attn_mask, heads)
    if key_padding_mask is not None and key_padding_mask.dim() != 2:
        raise ValueError(f"key_padding_mask has shape {tuple(key_padding_mask.shape)}, expected (batch, keys).")
    padding = None if key_padding_mask is None else key_padding_mask[:, None, None]
    return shown_by_all(
        of_tensor(attn_mask, "attn_mask", shown=False), of_tensor(padding, "key_padding_mask", shown=False)
    )


def _apart(mask: Tensor, heads: int | None) -> Tensor:
    if mask.dim() == 2:
        return mask
    if mask.dim() != 3 or heads is None or heads < 1 or mask.shape[0] % heads:
        raise ValueError(
            f"attn_mask has shape {tuple(mask.shape)} and heads is {heads}, expected (queries, keys), or "
            "(batch * heads, queries, keys) together with the number of heads."
        )
    return mask.unflatten(0, (-1, heads))
