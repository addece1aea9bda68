"""PyTorch's own attention kernels, seen as they are dispatched."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from regard.attention import Attention
from regard.look.record_call import Captured, context_differs
from regard.look.record_fused import FUSED
from regard.look.record_kept import Kept
from regard.look.record_masks import Masks
from regard.look.record_names import Running
from regard.look.record_trail import Trails
from regard.look.sight_found import causal, whole

# Where a kernel's arguments stand that are not the same for all: whether it has a mask by place, and by which name.
KERNELS = {
    "aten::_scaled_dot_product_flash_attention_for_cpu": ("attn_mask", None),
    "aten::_scaled_dot_product_flash_attention": (None, None),
    "aten::_scaled_dot_product_efficient_attention": ("attn_bias", "compute_log_sumexp"),
    "aten::_scaled_dot_product_cudnn_attention": ("attn_bias", "compute_log_sumexp"),
    "aten::_scaled_dot_product_fused_attention_overrideable": ("attn_bias", None),
}

# Our own kernels that make weights or read with them. Those of chains also serve layers that are no attention.
OURS = frozenset(f"regard::{name}" for name in ("attend", "choose", "monotonic", "statistics", "tile", "rows"))


class Tap(TorchDispatchMode):
    """Listens to every operator, and changes none.

    Args:
        kept: where attentions go.
        running: which module runs.
    """

    def __init__(self, kept: Kept, running: Running) -> None:
        super().__init__()
        self.kept, self.running, self.masks = kept, running, Masks()
        self.trails = Trails(kept, running, self.masks)
        # Queries of one token of which the heads that share keys were laid along the axis of queries.
        self._packed = WeakTensorKeyDictionary()

    def __torch_dispatch__(
        self, operator: Any, types: Any, given: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        found = operator(*given, **(named or {}))
        # Our own modules are recorded by a hook, which knows what they were asked.
        if self.running.module is None or self.running.inside(Attention):
            return found
        name = operator._schema.name
        arguments = _named(operator, given, named or {})
        with torch.no_grad():
            if name in KERNELS:
                self.kept.take(self.running.name, lambda: self._kernel(name, arguments, found))
            elif name in FUSED:
                path, make = FUSED[name](self.running.name, arguments, found, self.masks)
                self.kept.take(path, make)
            elif name in OURS:
                self.kept.miss(self.running.name, f"it calls {name} by itself; a regard.Attention in it is recorded")
            else:
                self._pack(name, arguments, found)
                self.trails.follow(name, arguments, found)
        return found

    def _pack(self, name: str, given: dict[str, Any], found: Any) -> None:
        if name not in ("aten::view", "aten::_unsafe_view") or found.dim() != 4 or given["self"].dim() != 4:
            return
        batch, heads, queries, size = given["self"].shape
        if queries == 1 and found.shape[2] > 1 and (batch, heads, size) == _heads_joined(found.shape):
            self._packed[found] = heads

    def _kernel(self, name: str, given: dict[str, Any], found: Any) -> Captured | str:
        mask_name, sums = KERNELS[name]
        query, key, value = given["query"], given["key"], given["value"]
        mask = None if mask_name is None else given[mask_name]
        context, lse = found[0], found[1]
        if query in self._packed:
            heads, group = self._packed[query], query.shape[2]
            query, context = (each.reshape(len(each), heads, 1, -1) for each in (query, context))
            lse = lse[:, :, :group].reshape(len(lse), heads, 1)
            if mask is not None and mask.dim() == 4 and mask.shape[2] > 1:
                mask = mask.reshape(len(mask), -1, 1, mask.shape[3])
        queries, keys = query.shape[2], key.shape[2]
        if given["is_causal"]:
            sight = causal(queries, keys, 0)
        else:
            sight = whole(queries, keys) if mask is None else self.masks.sight(mask, queries, keys)
        usable = (sums is None or given[sums]) and lse.dim() == 3 and lse.shape[2] >= queries
        scale = given["scale"]
        return Captured(
            query,
            key,
            1 / math.sqrt(query.shape[-1]) if scale is None else scale,
            sight,
            lse=lse[:, :, :queries] if usable else None,
            compare=context_differs(value, context) if given["dropout_p"] == 0 else None,
            allowed=allowed(value, query.dtype),
        )


def allowed(value: Tensor, kind: torch.dtype) -> float:
    """What rounding explains of a context's difference: relative to the largest value."""
    largest = float(value.abs().max()) if value.numel() else 0.0
    return max(1e-4, 16 * torch.finfo(kind).eps) * max(1.0, largest)


def _heads_joined(shape: torch.Size) -> tuple[int, int, int]:
    return shape[0], shape[1] * shape[2], shape[3]


def _named(operator: Any, given: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, those that were left out with their defaults."""
    found = {}
    for place, argument in enumerate(operator._schema.arguments):
        if place < len(given):
            found[argument.name] = given[place]
        else:
            found[argument.name] = named.get(argument.name, argument.default_value)
    return found
