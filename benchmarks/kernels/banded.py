"""A window by PyTorch's fused attention: a loop over blocks of queries, each asked of the keys of its band."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


@dataclass(frozen=True)
class Band:
    """Each query sees its own position and `left` before it; `block` queries are asked at a time."""

    left: int
    block: int

    def blocks(self, time: int) -> Iterator[tuple[slice, slice]]:
        """Rows of queries, and the keys that any of them sees."""
        for start in range(0, time, self.block):
            stop = min(start + self.block, time)
            yield slice(start, stop), slice(max(0, start - self.left), stop)

    def mask(self, rows: slice, keys: slice) -> Tensor:
        """Which of these keys each of these queries sees."""
        row, key = torch.arange(rows.start, rows.stop)[:, None], torch.arange(keys.start, keys.stop)
        return (key <= row) & (key >= row - self.left)


def banded(query: Tensor, key: Tensor, value: Tensor, band: Band) -> Tensor:
    """Causal attention to a window, in memory that grows with the time.

    context_i = attention of query_i to the keys i - left .. i

    Shapes are (batch, heads, time, size).
    """
    found: Tensor = _Banded.apply(query, key, value, band)
    return found


class _Banded(torch.autograd.Function):
    """The loop, and its backward block by block.

    Slices of keys under autograd would each have a gradient as long as all keys, which is quadratic: so each block
    is run again on its own and its gradients are added into place.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, band: Band) -> Tensor:
        ctx.save_for_backward(query, key, value)
        ctx.band = band
        context = torch.empty_like(query)
        for rows, keys in band.blocks(query.shape[-2]):
            context[..., rows, :] = scaled_dot_product_attention(
                query[..., rows, :], key[..., keys, :], value[..., keys, :], attn_mask=band.mask(rows, keys)
            )
        return context

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value = ctx.saved_tensors
        grads = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        for rows, keys in ctx.band.blocks(query.shape[-2]):
            parts = [
                tensor[..., span, :].detach().requires_grad_()
                for tensor, span in ((query, rows), (key, keys), (value, keys))
            ]
            with torch.enable_grad():
                context = scaled_dot_product_attention(parts[0], parts[1], parts[2], ctx.band.mask(rows, keys))
            by_query, by_key, by_value = torch.autograd.grad(context, parts, outer[0][..., rows, :])
            grads[0][..., rows, :] = by_query
            grads[1][..., keys, :] += by_key
            grads[2][..., keys, :] += by_value
        return *grads, None
