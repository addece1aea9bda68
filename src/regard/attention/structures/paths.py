"""Single sequences of states: searched for, drawn and scored."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regard.attention.native import chain as native
from regard.attention.native.operators import serves
from regard.attention.structures.chain import LOW, Chain, flat


@dataclass(frozen=True)
class Paths:
    """Sequences of states and their scores.

    states: (..., time), -1 at hidden positions and along a path that does not exist. score: (...), minus infinity
    for a path that does not exist; differentiable.
    """

    states: Tensor
    score: Tensor


def search(chain: Chain, count: int) -> tuple[Tensor, Tensor]:
    """States (*batch, count, time), packed, and totals of the highest-scoring paths; of one path, by a kernel."""
    if count == 1 and serves(chain.unary, chain.transition) and chain.unary.numel():
        found, highest = native.best(*flat(chain))
        return found.reshape(*chain.unary.shape[:-2], 1, chain.time), highest.reshape(*chain.unary.shape[:-2], 1)
    return listed(chain, count)


def listed(chain: Chain, count: int) -> tuple[Tensor, Tensor]:
    """The same with plain operations.

    A code, rank * states + state, names the path of that rank among those that end in a state.
    """
    first = chain.at(0).unsqueeze(-2)
    none = torch.full_like(first, LOW).expand(*first.shape[:-2], count - 1, chain.states)
    total = torch.cat((first, none), dim=-2)
    itself = torch.arange(count * chain.states, device=total.device).expand(*total.shape[:-2], -1)
    pointers = []
    for time in range(1, chain.time):
        candidates = (total.unsqueeze(-1) + chain.into(time).unsqueeze(-3)).flatten(-3, -2)
        # The highest one alone is found faster than by sorting.
        values, pointer = candidates.max(-2, keepdim=True) if count == 1 else candidates.topk(count, dim=-2)
        pointers.append(chain.shown(time, pointer.flatten(-2), itself))
        total = chain.shown(time, values + chain.at(time).unsqueeze(-2), total)
    final, code = total.flatten(-2).topk(count, dim=-1)
    states = [code % chain.states]
    for pointer in reversed(pointers):
        code = pointer.gather(-1, code)
        states.append(code % chain.states)
    return torch.stack(states[::-1], dim=-1), final


def draw(chain: Chain, alphas: list[Tensor], count: int, generator: torch.Generator | None) -> Tensor:
    """States (*batch, count, time), packed."""
    logits = alphas[-1].unsqueeze(-2).expand(*alphas[-1].shape[:-1], count, chain.states)
    states = [_pick(logits, generator)]
    for time in range(chain.time - 1, 0, -1):
        before = alphas[time - 1].unsqueeze(-2)
        into = chain.into(time).transpose(-1, -2)
        into = into.expand(*before.shape[:-2], *into.shape[-2:])
        logits = before + torch.take_along_dim(into, states[-1].unsqueeze(-1), -2)
        # Behind a sequence's end nothing is drawn: the state there is the last one's.
        states.append(chain.shown(time, _pick(logits, generator), states[-1]))
    return torch.stack(states[::-1], dim=-1)


def _pick(logits: Tensor, generator: torch.Generator | None) -> Tensor:
    flat = logits.softmax(-1).flatten(0, -2)
    return torch.multinomial(flat, 1, generator=generator).reshape(logits.shape[:-1])


def score_of(chain: Chain, states: Tensor) -> Tensor:
    """Scores (*batch, count), finite, of packed states (*batch, count, time)."""
    unary = chain.unary.unsqueeze(-3).expand(*states.shape, chain.states)
    of_states = unary.gather(-1, states.unsqueeze(-1)).squeeze(-1)
    if chain.visible is not None:
        of_states = of_states.masked_fill(~chain.visible.unsqueeze(-2), 0.0)
    if chain.time == 1:
        return of_states.sum(-1)
    pairs = states[..., :-1] * chain.states + states[..., 1:]
    of_pairs = _of_pairs(chain.transition.flatten(-2), pairs)
    if chain.visible is not None:
        of_pairs = of_pairs.masked_fill(~chain.visible[..., None, 1:], 0.0)
    return of_states.sum(-1) + of_pairs.sum(-1)


def _of_pairs(transition: Tensor, pairs: Tensor) -> Tensor:
    """Scores of pairs (*batch, count, time - 1), of transitions (*any, time - 1 or 1, states * states)."""
    if transition.numel() == transition.shape[-1]:
        # One matrix for all: its gradient is as small as it is.
        return transition.flatten().index_select(0, pairs.flatten()).reshape(pairs.shape)
    return transition.unsqueeze(-3).expand(*pairs.shape, -1).gather(-1, pairs.unsqueeze(-1)).squeeze(-1)


def paths(chain: Chain, states: Tensor, missing: Tensor) -> Paths:
    """Paths from packed states; `missing` (*batch, count) are no paths."""
    total = score_of(chain, states).masked_fill(missing, -torch.inf)
    return Paths(chain.as_given(states, -1).masked_fill(missing.unsqueeze(-1), -1), total)
