"""A linear chain, checked and packed: hidden positions moved behind the visible ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regard.attention.tracing import concrete

# Stands for minus infinity. Sums of a hundred million of them are still finite in float32, so no gradient
# ever meets inf - inf; what lies below half of it is reported as impossible.
LOW = -1e30


@dataclass(frozen=True)
class Chain:
    """Scores of a chain whose visible positions come first, in float32 or float64, all finite where given so.

    unary: (*batch, time, states). transition: (*any, time - 1 or 1, states, states), broadcasts to the batch.
    visible: (*batch, time), a run of True and then False; None means all. order: where each packed position
    stood; None means where it stands.
    """

    unary: Tensor
    transition: Tensor
    visible: Tensor | None = None
    order: Tensor | None = None

    @property
    def time(self) -> int:
        """Number of positions, hidden ones included."""
        return self.unary.shape[-2]

    @property
    def states(self) -> int:
        """Number of states."""
        return self.unary.shape[-1]

    def at(self, time: int) -> Tensor:
        """Scores of the states at a position, (*batch, states)."""
        return self.unary[..., time, :]

    def into(self, time: int) -> Tensor:
        """Scores of the transitions into a position, (*any, states before, states)."""
        return self.transition[..., 0 if self.transition.shape[-3] == 1 else time - 1, :, :]

    def shown(self, time: int, new: Tensor, old: Tensor) -> Tensor:
        """`new` for the sequences that reach a position, `old` for the others; both (*batch, ...)."""
        if self.visible is None:
            return new
        reached = self.visible[..., time]
        return torch.where(reached.reshape(*reached.shape, *(1,) * (new.dim() - reached.dim())), new, old)

    def as_packed(self, tensor: Tensor, axis: int = -1) -> Tensor:
        """A tensor with an axis of time, each position moved to where it is packed."""
        return tensor if self.order is None else torch.take_along_dim(tensor, _beside(self.order, tensor, axis), axis)

    def as_given(self, tensor: Tensor, hidden: float, axis: int = -1) -> Tensor:
        """A packed tensor with every position back in its place and hidden ones filled."""
        if self.visible is None:
            return tensor
        filled = tensor.masked_fill(~_beside(self.visible, tensor, axis), hidden)
        if self.order is None:
            return filled
        return torch.take_along_dim(filled, _beside(self.order.argsort(-1), tensor, axis), axis)


def packed(unary: Tensor, transition: Tensor, mask: Tensor | None) -> Chain:
    """Check the scores of a chain and pack them.

    Raises:
        ValueError: see `linear_chain.log_partition`.
    """
    _check(unary, transition, mask)
    dtype = torch.promote_types(torch.promote_types(unary.dtype, transition.dtype), torch.float32)
    unary, transition = _finite(unary.to(dtype)), _finite(transition.to(dtype))
    if transition.dim() == 2:
        transition = transition[None]
    if mask is None or (concrete() and bool(mask.all())):
        return Chain(unary, transition)
    mask = mask.expand(unary.shape[:-1])
    order = _order(mask)
    if order is None:
        visible = mask
    else:
        visible = mask.gather(-1, order)
        unary = torch.take_along_dim(unary, order[..., None], -2)
    unary = unary.masked_fill(~visible[..., None], 0.0)
    if transition.shape[-3] > 1:
        transition = transition.expand(*mask.shape[:-1], *transition.shape[-3:])
        if order is not None:
            # What leads into a position stays with it, whichever visible position now comes before.
            into = (order[..., 1:] - 1).clamp(min=0)[..., None, None]
            transition = torch.take_along_dim(transition, into, -3)
        transition = transition.masked_fill(~visible[..., 1:, None, None], 0.0)
    return Chain(_one_empty_path(unary, visible), transition, visible, order)


def _order(mask: Tensor) -> Tensor | None:
    """The positions (*batch, time) with the visible ones first; None where they are."""
    if concrete() and not bool((mask[..., 1:] > mask[..., :-1]).any()):
        return None
    return mask.long().argsort(dim=-1, descending=True, stable=True)


def flat(chain: Chain) -> tuple[Tensor, Tensor, Tensor | None]:
    """A chain as kernels want it: unary (sequences, time, states), transitions and lengths.

    Transitions are (1, 1, states, states), one matrix for all, or (sequences, 1 or time - 1, states, states).
    """
    lead, (time, states) = chain.unary.shape[:-2], chain.unary.shape[-2:]
    sequences, transition = lead.numel(), chain.transition
    steps = transition.shape[-3]
    if steps == 1 and all(size == 1 for size in transition.shape[:-3]):
        matrices = transition.reshape(1, 1, states, states)
    else:
        matrices = transition.expand(*lead, steps, states, states).reshape(sequences, steps, states, states)
    lengths = None if chain.visible is None else chain.visible.sum(-1).reshape(sequences)
    return chain.unary.reshape(sequences, time, states), matrices, lengths


def _one_empty_path(unary: Tensor, visible: Tensor) -> Tensor:
    """Leave a sequence that shows nothing one path of score 0: the empty one."""
    if concrete() and bool(visible[..., 0].all()):
        return unary
    low = unary.new_full(unary.shape[-1:], LOW)
    low[0] = 0.0
    first = torch.where(visible[..., :1, None], unary[..., :1, :], low)
    return torch.cat((first, unary[..., 1:, :]), dim=-2)


def _finite(scores: Tensor) -> Tensor:
    # Filling nothing would cost a copy, and another one in the backward pass. NaN is above nothing.
    if concrete() and scores.numel() and bool(scores.detach().amin() > -torch.inf):
        return scores
    return scores.masked_fill(torch.isneginf(scores), LOW)


def _beside(flags: Tensor, tensor: Tensor, axis: int) -> Tensor:
    """(*batch, time) with axes of size one, so that it broadcasts to a tensor whose time is at `axis`."""
    behind = -1 - axis
    between = tensor.dim() - flags.dim() - behind
    return flags.reshape(*flags.shape[:-1], *(1,) * between, flags.shape[-1], *(1,) * behind)


def _check(unary: Tensor, transition: Tensor, mask: Tensor | None) -> None:
    if unary.dim() < 2 or 0 in unary.shape[-2:] or not unary.is_floating_point():
        raise ValueError(
            f"unary has shape {tuple(unary.shape)} and dtype {unary.dtype}, expected floating-point "
            "(..., time, states) with at least one position and one state."
        )
    time, states = unary.shape[-2:]
    fits = transition.is_floating_point() and transition.dim() >= 2 and transition.shape[-2:] == (states, states)
    if fits and transition.dim() > 2:
        lead = tuple(transition.shape[:-3])
        fits = transition.shape[-3] in (1, time - 1) and _broadcasts(lead, tuple(unary.shape[:-2]))
    if not fits:
        raise ValueError(
            f"transition has shape {tuple(transition.shape)} and dtype {transition.dtype}, expected floating-point "
            f"({states}, {states}) or (..., {time - 1}, {states}, {states}), from state to state, for unary of "
            f"shape {tuple(unary.shape)}."
        )
    if mask is not None and (mask.dtype != torch.bool or not _broadcasts(tuple(mask.shape), tuple(unary.shape[:-1]))):
        raise ValueError(
            f"mask has shape {tuple(mask.shape)} and dtype {mask.dtype}, expected torch.bool that broadcasts to "
            f"{tuple(unary.shape[:-1])} (..., time), with True = part of the chain."
        )


def _broadcasts(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    pairs = zip(reversed(shape), reversed(wanted), strict=False)
    return len(shape) <= len(wanted) and all(have in (1, want) for have, want in pairs)
