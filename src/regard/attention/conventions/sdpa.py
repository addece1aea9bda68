"""Masks of torch.nn.functional.scaled_dot_product_attention."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from regard.attention.conventions.tensors import of_tensor, shown_by_all
from regard.attention.wheres.causal import Causal
from regard.attention.wheres.where import Where


def from_sdpa(
    attn_mask: Bool[Tensor, "*maps queries keys"] | Float[Tensor, "*maps queries keys"] | None = None,
    *,
    is_causal: bool = False,
) -> Where:
    """The masks of PyTorch's scaled_dot_product_attention, where True means may be seen.

    visible(i, j)  =  attn_mask_ij,   or with is_causal  j <= i

    Causal is aligned at the start, unlike regard's Causal(): with more keys than queries, as with a cache, the
    first query sees only the first key. A floating-point mask is added to the scores.

    Args:
        attn_mask: True = may be seen, or numbers to add; broadcasts to (batch, heads, Tq, Tk).
        is_causal: whether keys after the query are hidden.

    Raises:
        ValueError: both are given, which PyTorch's documentation forbids; the mask holds whole numbers.

    Example:
        >>> import regard as rg, torch
        >>> where = rg.conventions.from_sdpa(is_causal=True)
        >>> rg.weights(torch.zeros(2, 1), torch.zeros(3, 1), where=where)
        tensor([[1.0000, 0.0000, 0.0000],
                [0.5000, 0.5000, 0.0000]])

    Source: documentation of torch.nn.functional.scaled_dot_product_attention, PyTorch 2.13.
    """
    if attn_mask is not None and is_causal:
        raise ValueError(
            "attn_mask and is_causal are both given, expected one of them: PyTorch forbids both, and its kernels "
            "differ in what they then do. Write from_sdpa(attn_mask) & regard.Causal('start') to mean both."
        )
    return shown_by_all(of_tensor(attn_mask, "attn_mask", shown=True), Causal("start") if is_causal else None)
