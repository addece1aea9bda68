"""Masks of the ONNX operator Attention, operator sets 23 to 25."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.attention.conventions.tensors import of_tensor, shown_by_all
from regard.attention.scores.dot import Dot
from regard.attention.wheres.band import Align
from regard.attention.wheres.causal import Causal
from regard.attention.wheres.lengths import Lengths
from regard.attention.wheres.segments import Segments
from regard.attention.wheres.where import Where
from regard.attention.wheres.window import Window


def from_onnx(
    q_sequence_length: int,
    total_sequence_length: int,
    attn_mask: Bool[Tensor, "*maps queries some"] | Float[Tensor, "*maps queries some"] | None = None,
    *,
    is_causal: bool = False,
    past_sequence_length: int = 0,
    nonpad_kv_seqlen: Int[Tensor, " batch"] | None = None,
    left_window_size: int = -1,
    right_window_size: int = -1,
) -> Where:
    """The masks of ONNX Attention, where True means may be seen and position depends on the cache.

    visible(i, j)  =  attn_mask_ij  and  j <= i' (is_causal)  and  i' - left <= j <= i' + right  and  j < nonpad
    i'  =  i + past_sequence_length,   or   i + nonpad_kv_seqlen - Tq   where those are given

    So causal is aligned at the start without a cache, and after the past with one. Windows are inclusive, -1
    means no limit. A mask with fewer columns than keys hides the rest. The softcap works before the mask, as in
    regard.Dot: see `score_from_onnx`. With a cache, give attend the past and new keys, past first.

    Args:
        q_sequence_length: Tq.
        total_sequence_length: Tk, the past included.
        attn_mask: True = may be seen, or numbers to add; broadcasts to (batch, heads, Tq, Tk or less).
        is_causal: whether keys after the query are hidden.
        past_sequence_length: keys of the input past_key, which come before the first query.
        nonpad_kv_seqlen: real keys of each sequence, (batch,), where the cache is kept outside.
        left_window_size: visible keys before the query's own, -1 for all.
        right_window_size: visible keys after it, -1 for all.

    Raises:
        ValueError: past and nonpad_kv_seqlen are both given; a window is less than -1; the mask has more columns
            than keys, or holds whole numbers.

    Example:
        >>> import regard as rg, torch
        >>> where = rg.conventions.from_onnx(2, 4, is_causal=True, past_sequence_length=1)
        >>> rg.weights(torch.zeros(2, 1), torch.zeros(4, 1), where=where)
        tensor([[0.5000, 0.5000, 0.0000, 0.0000],
                [0.3333, 0.3333, 0.3333, 0.0000]])

    Source: ONNX operators, Attention, versions 23 to 25.
    """
    if past_sequence_length and nonpad_kv_seqlen is not None:
        raise ValueError(
            f"past_sequence_length is {past_sequence_length} and nonpad_kv_seqlen is given, expected one of them: "
            "the cache is either an input or kept outside."
        )
    if min(left_window_size, right_window_size) < -1:
        raise ValueError(
            f"left_window_size is {left_window_size} and right_window_size is {right_window_size}, expected numbers "
            "of visible keys, or -1 for all."
        )
    align: Align = "end" if nonpad_kv_seqlen is not None else past_sequence_length
    left, right = (None if size == -1 else size for size in (left_window_size, right_window_size))
    causal = Causal(align) if is_causal else None
    window = None if left is None and right is None else Window(left, right, align)
    mask = of_tensor(_widened(attn_mask, total_sequence_length), "attn_mask", shown=True)
    if nonpad_kv_seqlen is None:
        return shown_by_all(mask, causal, window)
    if causal is None and window is None:
        return shown_by_all(mask, Lengths(nonpad_kv_seqlen))
    return shown_by_all(_real(nonpad_kv_seqlen, q_sequence_length, total_sequence_length), causal, window, mask)


def score_from_onnx(scale: float | None = None, softcap: float = 0.0) -> Dot:
    """The score of ONNX Attention: a scaled product, capped before any mask; a softcap of 0 means none.

    score(q, k)  =  scale * (q . k),   or with a cap c  c * tanh(scale * (q . k) / c)

    Raises:
        ValueError: softcap is negative.

    Example:
        >>> import regard as rg
        >>> rg.conventions.score_from_onnx(softcap=30.0)
        Dot(scale=None, softcap=30.0)

    Source: ONNX operators, Attention, versions 23 to 25.
    """
    return Dot(scale, softcap or None)


def _widened(mask: Tensor | None, keys: int) -> Tensor | None:
    """A mask with all columns; those it lacks are hidden."""
    if mask is None or mask.shape[-1] == keys:
        return mask
    if mask.shape[-1] > keys:
        raise ValueError(
            f"attn_mask has shape {tuple(mask.shape)}, expected at most {keys} columns, one for each key."
        )
    missing = mask.new_full(
        (*mask.shape[:-1], keys - mask.shape[-1]), False if mask.dtype == torch.bool else -torch.inf
    )
    return torch.cat((mask, missing), dim=-1)


def _real(lengths: Tensor, queries: int, keys: int) -> Segments:
    """One document of all queries and the real keys: the last query then stands beside the last real key."""
    padding = torch.arange(keys, device=lengths.device) >= lengths[:, None]
    return Segments(torch.zeros(queries, dtype=torch.long, device=lengths.device), -padding.long())
