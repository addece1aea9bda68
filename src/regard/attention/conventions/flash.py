"""Masks of the flash-attn package, versions 2 and later."""

from __future__ import annotations

from jaxtyping import Int
from torch import Tensor

from regard.attention.conventions.tensors import shown_by_all
from regard.attention.wheres.segments import Segments
from regard.attention.wheres.where import Where
from regard.attention.wheres.window import Window


def from_flash(*, causal: bool = False, window_size: tuple[int, int] = (-1, -1)) -> Where:
    """The masks of flash_attn_func, aligned at the end.

    visible(i, j)  =  i + Tk - Tq - left  <=  j  <=  i + Tk - Tq + right,   window_size = (left, right)

    Both bounds are inclusive, so left counts keys beside the query's own; -1 means no limit. With causal, right
    is 0 whatever was given. Query, key and value are (batch, time, heads, size) there.

    Args:
        causal: whether keys after the query are hidden.
        window_size: visible keys before and after, -1 for all.

    Raises:
        ValueError: window_size is not two numbers of at least -1.

    Example:
        >>> import regard as rg, torch
        >>> where = rg.conventions.from_flash(causal=True, window_size=(1, -1))
        >>> rg.weights(torch.zeros(2, 1), torch.zeros(3, 1), where=where)
        tensor([[0.5000, 0.5000, 0.0000],
                [0.0000, 0.5000, 0.5000]])

    Source: documentation of flash_attn_func, flash-attn 2.8.
    """
    if len(window_size) != 2 or min(window_size) < -1:
        raise ValueError(
            f"window_size is {window_size}, expected (left, right): how many keys beside the query's own, -1 for all."
        )
    left, right = (None if size == -1 else size for size in window_size)
    right = 0 if causal else right
    return shown_by_all(None if left is None and right is None else Window(left, right))


def from_flash_packed(
    cu_seqlens_q: Int[Tensor, " documents+1"],
    cu_seqlens_k: Int[Tensor, " documents+1"],
    *,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
) -> Where:
    """The masks of flash_attn_varlen_func: packed documents, each aligned at its own end.

    visible(i, j)  =  same document,  and as `from_flash` says of its own positions

    There query is (total, heads, size); here it is (1, heads, total, size).

    Args:
        cu_seqlens_q: cumulative lengths of the documents' queries, beginning with 0.
        cu_seqlens_k: the same of their keys.
        causal: whether keys after the query are hidden.
        window_size: visible keys before and after, -1 for all.

    Raises:
        ValueError: cumulative lengths do not begin with 0, or fall; window_size is not two numbers of at least -1.

    Example:
        >>> import regard as rg, torch
        >>> where = rg.conventions.from_flash_packed(torch.tensor([0, 1, 2]), torch.tensor([0, 1, 3]), causal=True)
        >>> rg.weights(torch.zeros(2, 1), torch.zeros(3, 1), where=where)
        tensor([[1.0000, 0.0000, 0.0000],
                [0.0000, 0.5000, 0.5000]])

    Source: documentation of flash_attn_varlen_func, flash-attn 2.8.
    """
    return Segments.of_offsets(cu_seqlens_q, cu_seqlens_k) & from_flash(causal=causal, window_size=window_size)
