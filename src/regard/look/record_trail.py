"""Attention written out as a product and a softmax: how scores came about, followed from operator to operator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from regard.look.record_call import Captured, weights_differ
from regard.look.record_kept import Kept
from regard.look.record_masks import Masks
from regard.look.record_names import Running
from regard.look.record_steps import STEPS, Added, Trail, hiding, is_low, product
from regard.look.sight import Sight
from regard.look.sight_found import whole


class Trails:
    """Follows products of queries and keys until a softmax makes weights of them.

    Args:
        kept: where attentions go.
        running: which module runs.
        masks: what masks say.
    """

    def __init__(self, kept: Kept, running: Running, masks: Masks) -> None:
        self._kept, self._running, self._masks = kept, running, masks
        self._trails = WeakTensorKeyDictionary()

    def follow(self, name: str, given: dict[str, Any], found: Any) -> None:
        """Take note of one operator."""
        plain = name.removeprefix("aten::").rstrip("_")
        if plain in ("bmm", "baddbmm"):
            self._reads(given)
            self._trails[found] = product(given)
        elif plain in ("_softmax", "_safe_softmax"):
            self._finish(given, found)
        elif plain == "where" and isinstance(found, Tensor):
            self._where(given, found)
        elif plain in STEPS:
            self._step(plain, given, found)
        elif isinstance(found, Tensor):
            self._lose(name, given, found)

    def _reads(self, given: dict[str, Any]) -> None:
        """Note where what came of a product is multiplied with values, and was never a softmax."""
        left = given["batch1" if "batch1" in given else "self"]
        trail: Trail | None = self._trails.get(left)
        if trail is not None and tuple(left.shape[-2:]) == trail.size:
            through = "" if trail.broken is None else f", but of {trail.broken}"
            self._kept.miss(self._running.name, f"it reads with weights that are not of a softmax{through}")

    def _step(self, plain: str, given: dict[str, Any], found: Tensor) -> None:
        trail = self._of(given)
        if trail is not None:
            self._note(found, trail if trail.broken else STEPS[plain](trail, given, self._trails))

    def _note(self, found: Tensor, trail: Trail) -> None:
        """Remember what is known of scores; what has another shape is none any more."""
        if not trail.fits(found.shape):
            self._trails.pop(found, None)
        elif trail.broken is None:
            self._trails[found] = trail
        else:
            # What is lost must not keep queries and keys alive.
            nothing, size = trail.query.new_empty(0), trail.shape
            self._trails[found] = replace(trail, query=nothing, key=nothing, size=size, added=(), sink=None)

    def _of(self, given: dict[str, Any]) -> Trail | None:
        """The trail of the first argument that has one."""
        for each in given.values():
            for tensor in each if isinstance(each, list | tuple) else (each,):
                if isinstance(tensor, Tensor) and tensor in self._trails:
                    found: Trail = self._trails[tensor]
                    return found
        return None

    def _lose(self, name: str, given: dict[str, Any], found: Tensor) -> None:
        trail = self._of(given)
        if trail is not None:
            self._note(found, trail if trail.broken else replace(trail, broken=name))

    def _where(self, given: dict[str, Any], found: Tensor) -> None:
        condition, one, other = given["condition"], given["self"], given["other"]
        trail = self._of({"self": one})
        if trail is not None and is_low(other):
            self._trails[found] = replace(trail, added=(*trail.added, hiding(~condition, found.shape)))
        elif isinstance(one, Tensor) and one.numel() == 1 and is_low(other) and float(one) == 0:
            self._masks.made(found, condition)
        elif isinstance(one, Tensor) and is_low(one) and isinstance(other, Tensor) and other in self._trails:
            trail = self._trails[other]
            self._trails[found] = replace(trail, added=(*trail.added, hiding(condition, found.shape)))

    def _finish(self, given: dict[str, Any], found: Tensor) -> None:
        scores, axis = given["self"], given["dim"]
        trail: Trail | None = self._trails.get(scores)
        if scores.dim() < 3 or axis not in (-1, scores.dim() - 1) or min(scores.shape[-2:]) < 1:
            return
        name = self._running.name
        if trail is None:
            shape = tuple(scores.shape)
            self._kept.miss(name, f"it has a softmax over scores {shape} that are no product of queries and keys")
        elif trail.broken is not None:
            self._kept.miss(name, f"its scores went through {trail.broken}, which is not understood")
        else:
            self._kept.take(name, lambda: self._captured(trail, scores, found))

    def _captured(self, trail: Trail, scores: Tensor, weights: Tensor) -> Captured | str:
        queries, keys = trail.query.shape[-2], trail.key.shape[-2]
        batch, heads = _maps(scores, self._running.module)
        if weights.shape[-1] != keys + (trail.sink is not None) or weights.shape[-2] != queries:
            return f"its weights have shape {tuple(weights.shape)}, and it has {queries} queries and {keys} keys"
        sink = None
        if trail.sink is not None:
            sink = trail.sink.expand(*scores.shape[:-1], 1).reshape(batch, heads, queries)
            if not bool((sink == sink[:1, :, :1]).all()):
                return "its sink is not one number for each head"
        capped = trail.inner is not None
        lifted = weights.reshape(batch, heads, *weights.shape[-2:])
        return Captured(
            trail.query.reshape(batch, heads, queries, -1),
            trail.key.reshape(batch, heads, keys, -1),
            # c tanh(s x) is c tanh((s c) x / c).
            trail.scale * trail.inner if trail.inner is not None else trail.scale,
            self._sight(trail, (batch, heads, queries, keys)),
            softcap=trail.scale if capped else None,
            sink=None if sink is None else sink[0, :, 0],
            compare=weights_differ(lifted, keys),
            allowed=max(1e-4, 16 * torch.finfo(trail.query.dtype).eps),
        )

    def _sight(self, trail: Trail, shape: tuple[int, ...]) -> Sight:
        queries, keys = shape[2:]
        if not trail.added:
            return whole(queries, keys)
        if len(trail.added) == 1 and trail.added[0].factor == 1.0:
            return self._masks.sight(_lifted(trail.added[0], shape), queries, keys)
        total = sum((_lifted(each, shape) * each.factor for each in trail.added), torch.zeros(()))
        return self._masks.sight(torch.as_tensor(total), queries, keys)


def _maps(scores: Tensor, module: nn.Module | None) -> tuple[int, int]:
    """Sequences and heads: the axes before queries and keys."""
    *lead, _queries, _keys = scores.shape
    if len(lead) == 1 and isinstance(module, nn.MultiheadAttention):
        return lead[0] // module.num_heads, module.num_heads
    heads = lead[-1] if len(lead) > 1 else 1
    return scores.shape[:-2].numel() // max(1, heads), heads


def _lifted(added: Added, shape: tuple[int, ...]) -> Tensor:
    """What was added, in an order of axes that broadcasts to (batch, heads, queries, keys)."""
    if len(added.shape) == 4 and tuple(added.shape[:2]) == shape[:2]:
        tensor = added.tensor
        return tensor.reshape((1,) * (4 - tensor.dim()) + tuple(tensor.shape))
    if added.tensor.shape[:-2].numel() == 1:
        return added.tensor.reshape((1, 1, *((1, 1, *added.tensor.shape)[-2:])))
    return added.tensor.expand(added.shape).reshape(*shape[:2], *added.shape[-2:])
