"""What operators do to scores on their way from a product to a softmax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

# What is this low was meant to hide.
_LOW = -1e4


@dataclass(frozen=True)
class Added:
    """Numbers that were added to scores of this shape, and what they were multiplied with since."""

    tensor: Tensor
    shape: torch.Size
    factor: float = 1.0


@dataclass(frozen=True)
class Trail:
    """Scores as far as they are understood: cap(scale * query . key) + what was added; None for cap is none.

    size: of the last two axes. inner: the scale within a tanh, once there was one. sink: the column at the end of the
    scores. broken: the operator that was not understood.
    """

    query: Tensor
    key: Tensor
    size: tuple[int, int]
    scale: float = 1.0
    inner: float | None = None
    added: tuple[Added, ...] = ()
    sink: Tensor | None = None
    broken: str | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """The last two axes of the scores, a sink's column among them."""
        return self.size[0], self.size[1] + (self.sink is not None)

    def fits(self, shape: torch.Size) -> bool:
        """Whether scores of this shape still have queries and keys at their end, but for axes of size 1."""
        have, want = [size for size in shape if size > 1], [size for size in self.shape if size > 1]
        return not want or have[-len(want) :] == want


def product(given: dict[str, Any]) -> Trail:
    left, right = ("batch1", "batch2") if "batch1" in given else ("self", "mat2")
    size = (given[left].shape[1], given[right].shape[2])
    trail = Trail(given[left], given[right].transpose(1, 2), size)
    if "batch1" not in given:
        return trail
    shape = torch.Size((len(given[left]), *size))
    beta, alpha = float(given["beta"]), float(given["alpha"])
    added = () if beta == 0 else (Added(given["self"], shape, beta),)
    return replace(trail, scale=alpha, added=added)


def hiding(hidden: Tensor, shape: torch.Size) -> Added:
    return Added(torch.zeros_like(hidden, dtype=torch.float32).masked_fill_(hidden, -torch.inf), shape)


def is_low(value: Any) -> bool:
    return (not isinstance(value, Tensor) or value.numel() == 1) and float(value) <= _LOW


def _same(trail: Trail, given: dict[str, Any], _trails: Any) -> Trail:
    return trail


def _number(given: dict[str, Any], trails: Any) -> float | None:
    """The number that scores are multiplied with or divided by; None where it is none."""
    other = given["self"] if given["other"] in trails else given["other"]
    if isinstance(other, Tensor):
        return float(other) if other.numel() == 1 else None
    return float(other)


def _times(trail: Trail, factor: float | None) -> Trail:
    if factor is None:
        return replace(trail, broken="a product with more than one number")
    added = tuple(replace(each, factor=each.factor * factor) for each in trail.added)
    return replace(trail, scale=trail.scale * factor, added=added)


def _multiply(trail: Trail, given: dict[str, Any], trails: Any) -> Trail:
    return _times(trail, _number(_either(given, trails), trails))


def _divide(trail: Trail, given: dict[str, Any], trails: Any) -> Trail:
    number = _number(_either(given, trails), trails) if _tracked(given["self"], trails) else None
    return _times(trail, None if number is None else 1 / number)


def _add(trail: Trail, given: dict[str, Any], trails: Any) -> Trail:
    one, other = (given["self"], given["other"])
    if not _tracked(one, trails):
        one, other = other, one
    if _tracked(other, trails):
        return replace(trail, broken="a sum of two products")
    if not isinstance(other, Tensor):
        return trail
    alpha = float(given.get("alpha", 1))
    return replace(trail, added=(*trail.added, Added(other, one.shape, alpha)))


def _subtract(trail: Trail, given: dict[str, Any], trails: Any) -> Trail:
    one, other = given["self"], given["other"]
    # What is the same for a whole row changes no weight, such as its largest score.
    if not _tracked(one, trails) or not isinstance(other, Tensor) or (other.dim() and other.shape[-1] != 1):
        return replace(trail, broken="a difference")
    return trail


def _fill(trail: Trail, given: dict[str, Any], _trails: Any) -> Trail:
    if not is_low(given["value"]):
        return replace(trail, broken="aten::masked_fill with a number that hides nothing")
    return replace(trail, added=(*trail.added, hiding(given["mask"], given["self"].shape)))


def _tanh(trail: Trail, _given: dict[str, Any], _trails: Any) -> Trail:
    if trail.added or trail.inner is not None:
        return replace(trail, broken="aten::tanh after a mask")
    return replace(trail, inner=trail.scale, scale=1.0)


def _move(trail: Trail, given: dict[str, Any], _trails: Any) -> Trail:
    """Axes in another order: understood where only those of size 1 go elsewhere."""
    shape = given["self"].shape
    order = given.get("dims")
    if order is None:
        order = list(range(len(shape)))
        first, second = given["dim0"] % len(shape), given["dim1"] % len(shape)
        order[first], order[second] = order[second], order[first]
    kept = [axis % len(shape) for axis in order if shape[axis] > 1]
    return trail if kept == sorted(kept) else replace(trail, broken="axes in another order")


def _cat(trail: Trail, given: dict[str, Any], trails: Any) -> Trail:
    tensors, axis = given["tensors"], given["dim"]
    alone = len(tensors) == 2 and tensors[0] in trails and tensors[1] not in trails and trail.sink is None
    if not alone or axis not in (-1, tensors[0].dim() - 1) or tensors[1].shape[-1] != 1:
        return replace(trail, broken="aten::cat")
    return replace(trail, sink=tensors[1])


def _either(given: dict[str, Any], trails: Any) -> dict[str, Any]:
    """Arguments with the scores first."""
    if _tracked(given["self"], trails):
        return given
    return {**given, "self": given["other"], "other": given["self"]}


def _tracked(value: Any, trails: Any) -> bool:
    return isinstance(value, Tensor) and value in trails


_Step = Callable[[Trail, dict[str, Any], Any], Trail]
STEPS: dict[str, _Step] = {
    **dict.fromkeys(("_to_copy", "clone", "detach", "alias", "contiguous", "lift_fresh", "unsqueeze"), _same),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "expand", "squeeze"), _same),
    **dict.fromkeys(("permute", "transpose"), _move),
    "mul": _multiply,
    "div": _divide,
    "add": _add,
    "sub": _subtract,
    "masked_fill": _fill,
    "tanh": _tanh,
    "cat": _cat,
}
