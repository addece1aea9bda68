"""Selections of keys that hang together: the probability of each key in a chain of states.

Everywhere scores is (..., keys), and those at the lowest finite number of their dtype, or below, are hidden: the
chain runs over the others, in their order. transition is (*any, states, states), broadcasting to the leading sizes
of scores. In state 0 a key is not looked at; in all others it is, and its score counts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regard.attention.native import selection as native
from regard.attention.native.operators import differentiable, serves


def selected(scores: Tensor, transition: Tensor) -> Tensor:
    """Probability of any state but the first, (..., keys), by a kernel where there is one."""
    wide, matrices = _wide(scores), transition.to(_dtype(scores))
    if not serves(wide, matrices) or not wide.numel():
        return swept(scores, transition)
    return native.select(*_grouped(wide, matrices)).reshape(scores.shape).to(scores.dtype)


def swept(scores: Tensor, transition: Tensor) -> Tensor:
    """The same in as many steps as the logarithm of the number of keys; plain and differentiable."""
    every, before = matrices(scores, transition), _start(scores, transition)
    forward, backward = _sweep(every, before, torch.zeros_like(before))
    return _selected(_vector_matrix(forward, every), backward).to(scores.dtype)


def in_order(scores: Tensor, transition: Tensor) -> Tensor:
    """The same key after key: the definition."""
    every, before = matrices(scores, transition), _start(scores, transition)
    forward, backward = [], []
    after = torch.zeros_like(before)
    for place in range(scores.shape[-1]):
        before = _vector_matrix(before, every[..., place, :, :])
        forward.append(before)
    for place in reversed(range(scores.shape[-1])):
        backward.append(after)
        after = _matrix_vector(every[..., place, :, :], after)
    return _selected(torch.stack(forward, -2), torch.stack(backward[::-1], -2)).to(scores.dtype)


def unary(scores: Tensor, states: int) -> Tensor:
    """Scores of every state, (..., keys, states)."""
    return torch.stack([torch.zeros_like(scores)] + [scores] * (states - 1), -1)


def matrices(scores: Tensor, transition: Tensor) -> Tensor:
    """Logarithms of the factors that lead from key to key, (..., keys, states, states).

    A hidden key leads from every state to itself. The first key that may be seen has no neighbour before it.
    """
    visible = _visible(scores)
    first = visible & (visible.cumsum(-1) == 1)
    moving = transition.to(_dtype(scores))[..., None, :, :]
    of_keys = unary(scores.to(moving.dtype).masked_fill(~visible, 0), transition.shape[-1])[..., None, :]
    moves = torch.where(first[..., None, None], of_keys, of_keys + moving)
    stays = torch.full_like(moving, _low(moving.dtype)).diagonal_scatter(
        torch.zeros_like(moving.diagonal(dim1=-2, dim2=-1)), dim1=-2, dim2=-1
    )
    return torch.where(visible[..., None, None], moves, stays)


def _start(scores: Tensor, transition: Tensor) -> Tensor:
    """Before the first key: state 0, from which the first key's factor goes anywhere alike."""
    dtype = _dtype(scores)
    start = scores.new_full((*scores.shape[:-1], transition.shape[-1]), _low(dtype), dtype=dtype)
    start[..., 0] = 0
    return start


def _visible(scores: Tensor) -> Tensor:
    return scores > torch.finfo(scores.dtype).min


def _dtype(scores: Tensor) -> torch.dtype:
    return torch.promote_types(scores.dtype, torch.float32)


def _wide(scores: Tensor) -> Tensor:
    """16-bit scores as float32, their hidden ones at its lowest number."""
    dtype = _dtype(scores)
    if dtype == scores.dtype:
        return scores
    return scores.to(dtype).masked_fill(~_visible(scores), torch.finfo(dtype).min)


def _grouped(scores: Tensor, transition: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (groups, rows, keys) and transition (1 or groups, states, states), as few groups as share a matrix."""
    keys, size = scores.shape[-1], transition.shape[-2:]
    if transition.numel() == size.numel():
        return scores.reshape(1, -1, keys), transition.reshape(1, *size)
    lead = scores.shape[:-1]
    rows = lead[-1] if transition.shape[-3] == 1 else 1
    own = transition.squeeze(-3).expand(*lead[:-1], *size) if rows > 1 else transition.expand(*lead, *size)
    return scores.reshape(-1, rows, keys), own.reshape(-1, *size)


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs, output)


def _gradient(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    scores, transition, weights = ctx.saved_tensors
    if not torch.is_grad_enabled():
        return native.gradient(scores, transition, weights, grad)
    # Views, so that what one of them owes to the other is not a part of this derivative.
    inputs = scores.view_as(scores), transition.view_as(transition)
    again = swept(inputs[0], inputs[1].unsqueeze(-3))
    wanted = [tensor for tensor, want in zip(inputs, ctx.needs_input_grad, strict=True) if want]
    found = iter(torch.autograd.grad(again, wanted, grad, create_graph=True))
    return tuple(next(found) if want else None for want in ctx.needs_input_grad)


differentiable("chain_selected", _keep, _gradient)


def _low(dtype: torch.dtype) -> float:
    """Next to nothing, as a logarithm; finite, so that no gradient is 0 x infinity."""
    return torch.finfo(dtype).min / 1024


def _sweep(matrices: Tensor, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """What comes before and after every matrix of a product, given what comes before and after all of it.

    Neighbours are joined in pairs, the pairs swept, and each pair opened again: twice the work of one pass, but in
    as many steps as the logarithm of the length.
    """
    length = matrices.shape[-3]
    if length == 1:
        return before.unsqueeze(-2), after.unsqueeze(-2)
    half = length // 2
    left, right = matrices[..., 0 : 2 * half : 2, :, :], matrices[..., 1 : 2 * half : 2, :, :]
    rest = matrices[..., 2 * half :, :, :]
    outer_before, outer_after = _sweep(torch.cat((_matrix_matrix(left, right), rest), -3), before, after)
    pair_before, pair_after = outer_before[..., :half, :], outer_after[..., :half, :]
    between_before = _vector_matrix(pair_before, left)
    between_after = _matrix_vector(right, pair_after)
    all_before = torch.stack((pair_before, between_before), -2).flatten(-3, -2)
    all_after = torch.stack((between_after, pair_after), -2).flatten(-3, -2)
    return (
        torch.cat((all_before, outer_before[..., half:, :]), -2),
        torch.cat((all_after, outer_after[..., half:, :]), -2),
    )


def _matrix_matrix(left: Tensor, right: Tensor) -> Tensor:
    return (left.unsqueeze(-1) + right.unsqueeze(-3)).logsumexp(-2)


def _vector_matrix(vector: Tensor, matrix: Tensor) -> Tensor:
    return (vector.unsqueeze(-1) + matrix).logsumexp(-2)


def _matrix_vector(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix + vector.unsqueeze(-2)).logsumexp(-1)


def _selected(forward: Tensor, backward: Tensor) -> Tensor:
    """Probability of any state but the first, (..., keys)."""
    return (forward + backward).softmax(-1)[..., 1:].sum(-1)
