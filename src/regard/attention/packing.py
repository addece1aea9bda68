"""Padded batches as one packed sequence without padding, and back."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def pack(
    padded: Float[Tensor, "batch *heads time size"], lengths: Int[Tensor, " batch"]
) -> Float[Tensor, "1 *heads total size"]:
    """Join the real positions of a padded batch into one sequence.

    packed_(lengths_0 + ... + lengths_(b-1) + t)  =  padded_(b, t)   for every t < lengths_b

    The result keeps its axes, with a batch of 1, so that it is attended to as it is, with
    Segments.of_lengths(lengths). What stands in the padding, NaN included, reaches nothing.

    Args:
        padded: (batch, time, size) or (batch, heads, time, size).
        lengths: real positions of each sequence, (batch,).

    Raises:
        ValueError: padded has fewer than three axes; lengths are not one whole number from 0 to time for each
            sequence.

    Example:
        >>> import regard as rg, torch
        >>> padded = torch.tensor([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]]).unsqueeze(-1)
        >>> rg.pack(padded, torch.tensor([2, 1])).flatten()
        tensor([1., 2., 3.])

    Source: Krell et al. 2021 (packing without cross-contamination).
    """
    if padded.dim() < 3:
        raise ValueError(f"padded has shape {tuple(padded.shape)}, expected (batch, ..., time, size).")
    real = _real(lengths, padded.shape[0], padded.shape[-2])
    return padded.movedim(-2, 1)[real].movedim(0, -2)[None]


def unpack(
    packed: Float[Tensor, "1 *heads total size"], lengths: Int[Tensor, " batch"], time: int | None = None
) -> Float[Tensor, "batch *heads time size"]:
    """Cut a packed sequence into a padded batch, with 0 as padding: the inverse of `pack`.

    padded_(b, t)  =  packed_(lengths_0 + ... + lengths_(b-1) + t)   for t < lengths_b,   else 0

    Args:
        packed: (1, total, size) or (1, heads, total, size).
        lengths: positions of each sequence, (batch,); their sum is total.
        time: positions after padding; None means the longest of lengths.

    Raises:
        ValueError: packed is not one sequence of as many positions as the lengths sum to; a length is greater
            than time or negative.

    Example:
        >>> import regard as rg, torch
        >>> rg.unpack(torch.tensor([[[1.0], [2.0], [3.0]]]), torch.tensor([2, 1])).squeeze(-1)
        tensor([[1., 2.],
                [3., 0.]])

    Source: Krell et al. 2021 (packing without cross-contamination).
    """
    real = _real(lengths, lengths.numel(), int(lengths.max()) if time is None else time)
    total = int(lengths.sum())
    if packed.dim() < 3 or packed.shape[0] != 1 or packed.shape[-2] != total:
        raise ValueError(
            f"packed has shape {tuple(packed.shape)}, expected (1, ..., {total}, size): one sequence of as many "
            "positions as the lengths sum to."
        )
    positions = packed[0].movedim(-2, 0)
    padded = positions.new_zeros((*real.shape, *positions.shape[1:]))
    return padded.index_put((real,), positions).movedim(1, -2)


def _real(lengths: Tensor, batch: int, time: int) -> Tensor:
    """True where a position is not padding, (batch, time)."""
    whole = not (lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool)
    if not whole or tuple(lengths.shape) != (batch,) or bool(((lengths < 0) | (lengths > time)).any()):
        raise ValueError(
            f"lengths is {lengths.tolist()} with dtype {lengths.dtype}, expected {batch} whole numbers from 0 to "
            f"{time}: the real positions of each sequence."
        )
    return torch.arange(time, device=lengths.device) < lengths[:, None]
