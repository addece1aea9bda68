"""The recursions over a chain, scaled at every step so that long chains lose no digits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regard.attention.structures.chain import LOW, Chain


@dataclass(frozen=True)
class Forward:
    """How probable each state is given what came before, and the log of the sum over all sequences.

    alphas: for each position (*batch, states), log-probabilities up to a constant for each sequence.
    log_partition: (*batch), finite.
    """

    alphas: list[Tensor]
    log_partition: Tensor


def forward(chain: Chain) -> Forward:
    """The forward recursion.

    alpha_t(j) = unary_t(j) + logsumexp_i(alpha_{t-1}(i) + transition(i, j)),   less its maximum
    """
    # What is taken off at each step is added at the end, so no gradient need pass through it.
    taken = [chain.at(0).detach().amax(-1, keepdim=True)]
    alphas = [chain.at(0) - taken[0]]
    for time in range(1, chain.time):
        raw = chain.at(time) + (alphas[-1].unsqueeze(-1) + chain.into(time)).logsumexp(-2)
        highest = raw.detach().amax(-1, keepdim=True)
        alphas.append(chain.shown(time, raw - highest, alphas[-1]))
        taken.append(chain.shown(time, highest, torch.zeros_like(highest)))
    return Forward(alphas, alphas[-1].logsumexp(-1) + torch.cat(taken, dim=-1).sum(-1))


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


def gradient(chain: Chain, alphas: list[Tensor], grad: Tensor, wants_transition: bool) -> tuple[Tensor, Tensor]:
    """What the gradient of the log-partition, (*batch), is worth to unary and transition."""
    betas = backward(chain)
    of_unary = state_posteriors(chain, alphas, betas) * grad[..., None, None]
    if chain.time == 1 or not wants_transition:
        return of_unary, torch.zeros_like(chain.transition)
    of_pairs = pair_posteriors(chain, alphas, betas) * grad[..., None, None, None]
    return of_unary, of_pairs.sum_to_size(chain.transition.shape)


def _visible(tensor: Tensor, visible: Tensor | None) -> Tensor:
    if visible is None:
        return tensor
    return tensor.masked_fill(~visible.reshape(*visible.shape, *(1,) * (tensor.dim() - visible.dim())), 0.0)
