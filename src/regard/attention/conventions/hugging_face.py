"""Masks of the transformers package."""

from __future__ import annotations

import torch
from jaxtyping import Shaped
from torch import Tensor

from regard.attention.conventions.tensors import of_tensor, shown_by_all
from regard.attention.wheres.bias import Bias
from regard.attention.wheres.causal import Causal
from regard.attention.wheres.mask import Mask
from regard.attention.wheres.where import Where
from regard.attention.wheres.window import Window

# The least number of the narrowest dtype that masks are made in: no bias is meant to be lower.
_FILL = torch.finfo(torch.float16).min


def from_hugging_face(
    attention_mask: Shaped[Tensor, "batch keys"] | Shaped[Tensor, "batch heads queries keys"] | None = None,
    *,
    is_causal: bool = False,
    sliding_window: int | None = None,
) -> Where:
    """The masks of transformers: 1 means keep, finfo.min means hidden.

    visible(i, j)  =  attention_mask_j != 0   (two axes),   attention_mask_ij > finfo.min   (four axes)
    sliding_window w:  i' - w < j   with is_causal,   |i' - j| <= w   without;   i' = i + Tk - Tq

    A causal model with sliding_window = w sees w keys, its own among them, but an encoder sees w on each side
    beside its own. Causal is aligned at the end, so that a cache may come before. A mask of four axes already
    holds all that the model hides, so that neither is_causal nor sliding_window need be given with it. Its
    numbers of -65504 or less hide (finfo.min of every dtype, also after a cast); others are added. For a query
    that sees nothing, the eager code there gives the mean of all values; here it is 0.

    Args:
        attention_mask: (batch, Tk) with 1 = keep and 0 = padding; or (batch, heads or 1, Tq, Tk), boolean with
            True = may be seen, or numbers to add.
        is_causal: whether keys after the query are hidden.
        sliding_window: the config's number; None means no window.

    Raises:
        ValueError: the mask has neither two nor four axes, or four of whole numbers; sliding_window is not
            positive.

    Example:
        >>> import regard as rg, torch
        >>> where = rg.conventions.from_hugging_face(torch.tensor([[0, 1, 1]]), is_causal=True, sliding_window=2)
        >>> rg.weights(torch.zeros(1, 1, 3, 1), torch.zeros(1, 1, 3, 1), where=where)[0, 0]
        tensor([[0.0000, 0.0000, 0.0000],
                [0.0000, 1.0000, 0.0000],
                [0.0000, 0.5000, 0.5000]])

    Source: transformers 5.23, masking_utils (sliding_window_overlay, eager_mask).
    """
    if sliding_window is not None and sliding_window < 1:
        raise ValueError(f"sliding_window is {sliding_window}, expected a positive number of keys, or None.")
    window = None
    if sliding_window is not None:
        window = Window(sliding_window - 1, 0) if is_causal else Window(sliding_window, sliding_window)
    return shown_by_all(_mask(attention_mask), Causal() if is_causal else None, window)


def _mask(mask: Tensor | None) -> Where | None:
    if mask is None:
        return None
    if mask.dim() == 2:
        return Mask((mask != 0)[:, None, None])
    if mask.dim() != 4:
        raise ValueError(
            f"attention_mask has shape {tuple(mask.shape)}, expected (batch, keys) or (batch, heads or 1, queries, "
            "keys)."
        )
    if not mask.is_floating_point():
        return of_tensor(mask, "attention_mask", shown=True)
    hidden = mask <= _FILL
    return Bias(mask.masked_fill(hidden, -torch.inf)) if bool(mask.masked_fill(hidden, 0).any()) else Mask(~hidden)
