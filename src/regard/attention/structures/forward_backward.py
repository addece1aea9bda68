"""The recursions over a chain, scaled at every step so that long chains lose no digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from regard.attention.structures.chain import LOW, Chain


@dataclass(frozen=True)
class Forward:
    """Log-probability of each state given what came before, and what the steps add up to.

    alphas: for each position (*batch, states), normalised. log_partition: (*batch), finite.
    """

    alphas: list[Tensor]
    log_partition: Tensor


def forward(chain: Chain) -> Forward:
    """The forward recursion.

    alpha_t(j) = unary_t(j) + logsumexp_i(alpha_{t-1}(i) + transition(i, j)),   less its own logsumexp
    """
    total = chain.at(0).logsumexp(-1, keepdim=True)
    alphas, totals = [chain.at(0) - total], [total]
    for time in range(1, chain.time):
        raw = chain.at(time) + (alphas[-1].unsqueeze(-1) + chain.into(time)).logsumexp(-2)
        total = raw.logsumexp(-1, keepdim=True)
        alphas.append(chain.shown(time, raw - total, alphas[-1]))
        totals.append(chain.shown(time, total, torch.zeros_like(total)))
    return Forward(alphas, torch.cat(totals, dim=-1).sum(-1))


def backward(chain: Chain) -> list[Tensor]:
    """The backward recursion: for each position (*batch, states), up to a constant for each sequence.

    beta_t(i) = logsumexp_j(transition(i, j) + unary_{t+1}(j) + beta_{t+1}(j))
    """
    betas = [torch.zeros_like(chain.at(0))]
    for time in range(chain.time - 1, 0, -1):
        later = (chain.at(time) + betas[-1]).unsqueeze(-2)
        raw = (chain.into(time) + later).logsumexp(-1)
        # The constant cancels wherever a beta is used, so no gradient need pass through it.
        betas.append(chain.shown(time, raw - raw.detach().amax(-1, keepdim=True), betas[-1]))
    return betas[::-1]


def state_posteriors(chain: Chain, alphas: list[Tensor], betas: list[Tensor]) -> Tensor:
    """p(state at t), (*batch, time, states), packed; hidden positions have 0."""
    both = torch.stack(alphas, dim=-2) + torch.stack(betas, dim=-2)
    return _visible(both.softmax(-1), chain.visible)


def pair_posteriors(chain: Chain, alphas: list[Tensor], betas: list[Tensor]) -> Tensor:
    """p(state at t, state at t + 1), (*batch, time - 1, states, states), packed; hidden ones have 0."""
    earlier, later = torch.stack(alphas[:-1], dim=-2), chain.unary[..., 1:, :] + torch.stack(betas[1:], dim=-2)
    both = earlier.unsqueeze(-1) + chain.transition + later.unsqueeze(-2)
    pairs = both.flatten(-2).softmax(-1).unflatten(-1, both.shape[-2:])
    return pairs if chain.visible is None else _visible(pairs, chain.visible[..., 1:])


def impossible(score: Tensor) -> Tensor:
    """Whether a score holds a transition or state that cannot be."""
    return score.detach() < LOW / 2


def summed(chain: Chain) -> Tensor:
    """The log-partition, (*batch), finite, with a closed form as its gradient."""
    return _Summed.apply(chain.unary, chain.transition, chain.visible)


class _Summed(torch.autograd.Function):
    """The derivative of a log-partition is the posterior: one recursion more, instead of a graph through time."""

    @staticmethod
    def forward(ctx: Any, unary: Tensor, transition: Tensor, visible: Tensor | None) -> Tensor:
        ctx.save_for_backward(unary, transition, visible)
        return forward(Chain(unary, transition, visible)).log_partition

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        unary, transition, visible = ctx.saved_tensors
        chain = Chain(unary, transition, visible)
        alphas, betas = forward(chain).alphas, backward(chain)
        grad = grads[0][..., None, None]
        of_unary = state_posteriors(chain, alphas, betas) * grad
        if chain.time == 1 or not ctx.needs_input_grad[1]:
            return of_unary, torch.zeros_like(transition), None
        of_pairs = pair_posteriors(chain, alphas, betas) * grad[..., None]
        return of_unary, of_pairs.sum_to_size(transition.shape), None


def _visible(tensor: Tensor, visible: Tensor | None) -> Tensor:
    if visible is None:
        return tensor
    return tensor.masked_fill(~visible.reshape(*visible.shape, *(1,) * (tensor.dim() - visible.dim())), 0.0)
