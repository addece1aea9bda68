"""PyTorch's fused multi-head attention and encoder layer: queries and keys found again from their inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from regard.look.attended import Attended, weights_of
from regard.look.record_call import Captured, Compare
from regard.look.record_masks import Masks
from regard.look.sight import Sight
from regard.look.sight_found import whole

Make = Callable[[], Captured | str]
# What a mask of the fused kernels is: of cells, of keys, or of both.
_CELLS, _KEYS = 0, 1


def attention(path: str, given: dict[str, Any], found: Any, masks: Masks) -> tuple[str, Make]:
    """`nn.MultiheadAttention` in one operator."""

    def make() -> Captured | str:
        context, weights = found
        if given["query"].is_nested:
            return "its inputs are nested tensors"
        query, key, value = _projected(given, given["query"], given["key"], given["value"])
        sight = _sight(given, query.shape[2], key.shape[2], masks)
        call = _captured(query, key, sight)
        if not given["need_weights"]:
            return replace(call, compare=_reads(value, lambda read: _output(given, read), context))
        return replace(call, compare=_mean_differs(weights))

    return path, make


def encoder_layer(path: str, given: dict[str, Any], found: Any, masks: Masks) -> tuple[str, Make]:
    """`nn.TransformerEncoderLayer` in one operator; its attention goes by the name that it has in the layer."""

    def make() -> Captured | str:
        source = given["src"]
        # A batch with padding comes without it: sequences of different lengths.
        padded = _padded(source)
        inputs = _norm(given, padded, 1) if given["norm_first"] else padded
        query, key, value = _projected(given, inputs, inputs, inputs)
        if source.is_nested:
            sight = masks.sight(_real(source, padded), query.shape[2], key.shape[2])
        else:
            sight = _sight(given, query.shape[2], key.shape[2], masks)

        def rest(rows: Tensor) -> Callable[[Tensor], Tensor]:
            return lambda read: _rest_of_layer(given, padded[:, rows], _output(given, read))

        return replace(_captured(query, key, sight), compare=_layer_differs(value, rest, _padded(found)))

    return f"{path}.self_attn", make


FUSED = {
    "aten::_native_multi_head_attention": attention,
    "aten::_transformer_encoder_layer_fwd": encoder_layer,
}


def _captured(query: Tensor, key: Tensor, sight: Sight) -> Captured:
    return Captured(query, key, 1 / math.sqrt(query.shape[-1]), sight, allowed=1e-3)


def _padded(tensor: Tensor) -> Tensor:
    return torch.nested.to_padded_tensor(tensor, 0.0) if tensor.is_nested else tensor


def _real(nested: Tensor, padded: Tensor) -> Tensor:
    lengths = torch.tensor([len(each) for each in nested.unbind()])
    place = torch.arange(padded.shape[1])
    real = place < lengths[:, None]
    return (real[:, :, None] & real[:, None, :])[:, None]


def _projected(given: dict[str, Any], *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values (batch, heads, time, size)."""
    heads = given["num_heads"] if "num_heads" in given else given["num_head"]
    weights, biases = given["qkv_weight"].chunk(3), given["qkv_bias"].chunk(3)
    query, key, value = (
        functional.linear(each, weight, bias).unflatten(-1, (heads, -1)).transpose(1, 2)
        for each, weight, bias in zip(inputs, weights, biases, strict=True)
    )
    return query, key, value


def _sight(given: dict[str, Any], queries: int, keys: int, masks: Masks) -> Sight:
    mask, kind = given["mask"], given["mask_type"]
    if mask is None:
        return whole(queries, keys)
    seen = ~mask.bool()
    if kind == _KEYS:
        seen = seen[:, None, None]
    elif kind == _CELLS:
        seen = seen[None, None]
    return masks.sight(seen, queries, keys)


def _output(given: dict[str, Any], read: Tensor) -> Tensor:
    """What heads read, (batch, heads, rows, size), as the attention's output."""
    return functional.linear(read.transpose(1, 2).flatten(2), given["proj_weight"], given["proj_bias"])


def _norm(given: dict[str, Any], inputs: Tensor, number: int) -> Tensor:
    weight, bias = given[f"norm_weight_{number}"], given[f"norm_bias_{number}"]
    return functional.layer_norm(inputs, weight.shape, weight, bias, given["eps"])


def _rest_of_layer(given: dict[str, Any], source: Tensor, attended: Tensor) -> Tensor:
    first = given["norm_first"]
    state = source + attended
    state = state if first else _norm(given, state, 1)
    inside = functional.linear(_norm(given, state, 2) if first else state, given["ffn_weight_1"], given["ffn_bias_1"])
    inside = functional.gelu(inside) if given["use_gelu"] else functional.relu(inside)
    state = state + functional.linear(inside, given["ffn_weight_2"], given["ffn_bias_2"])
    return state if first else _norm(given, state, 2)


def _every_map(one: Attended, rows: Tensor) -> Tensor:
    maps = [torch.stack([weights_of(one, b, h, rows) for h in range(one.heads)]) for b in range(one.batch)]
    return torch.stack(maps)


def _reads(value: Tensor, output: Callable[[Tensor], Tensor], context: Tensor) -> Compare:
    return _layer_differs(value, lambda _rows: output, context)


def _layer_differs(value: Tensor, rest: Callable[[Tensor], Callable[[Tensor], Tensor]], output: Tensor) -> Compare:
    """Compare what a layer makes of recomputed weights with what it made; rows that see nothing are left out."""

    def compare(one: Attended, rows: Tensor, theirs: Tensor) -> float:
        if one.heads < value.shape[1]:
            # The output mixes all heads, so a few of them cannot be compared with it.
            return 0.0
        maps = _every_map(one, rows).to(value)
        apart = (rest(theirs)(maps @ value) - output[:, theirs]).abs().amax(-1)
        seen = (one.lse[:, :, rows] > -torch.inf).all(1)
        return float(apart.cpu()[seen].max()) if bool(seen.any()) else 0.0

    return compare


def _mean_differs(weights: Tensor) -> Compare:
    """Compare with weights of every head, or with their mean over the heads."""

    def compare(one: Attended, rows: Tensor, theirs: Tensor) -> float:
        if weights.dim() == 4:
            found = _every_map(one, rows) - weights[:, list(one.head_numbers)][:, :, theirs].cpu()
        elif len(one.head_numbers) < one.heads:
            return 0.0
        else:
            found = _every_map(one, rows).mean(1) - weights[:, theirs].cpu()
        return float(found.abs().max())

    return compare
