"""How weights move against their gradient, and how long a gradient may be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn


class Optimizer(ABC):
    """A rule by which weights move."""

    @abstractmethod
    def build(self, parameters: list[nn.Parameter], rate: float, weight_decay: float) -> torch.optim.Optimizer:
        """PyTorch's, for these parameters."""


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Args:
        beta1: how slowly the mean of gradients forgets.
        beta2: how slowly the mean of their squares does.
    """

    beta1: float = 0.9
    beta2: float = 0.98

    def build(self, parameters: list[nn.Parameter], rate: float, weight_decay: float) -> torch.optim.Optimizer:
        """Fused into one pass over the weights."""
        betas = (self.beta1, self.beta2)
        return torch.optim.AdamW(parameters, rate, betas=betas, weight_decay=weight_decay, fused=True)


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent: w <- w - rate * gradient.

    Args:
        momentum: how much of the last move is made again; 0 keeps no state.
    """

    momentum: float = 0.0

    def build(self, parameters: list[nn.Parameter], rate: float, weight_decay: float) -> torch.optim.Optimizer:
        """All weights in a few calls, as there may be many small ones."""
        return torch.optim.SGD(parameters, rate, momentum=self.momentum, weight_decay=weight_decay, foreach=True)


def clip(parameters: Sequence[nn.Parameter], most: float, by: Literal["model", "weight"]) -> Tensor:
    """Shorten gradients to a norm of at most `most`; the norm of all together before that.

    model:   g <- g min(1, most / |all g|);   weight:  each g <- g min(1, most / |g|)

    Args:
        parameters: those without a gradient are passed over.
        most: largest norm.
        by: whether one norm is taken of the whole model, or one of each weight by itself.

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.zeros(2))
        >>> weight.grad = torch.tensor([3.0, 4.0])
        >>> clip([weight], 2.5, "weight"), weight.grad
        (tensor(5.), tensor([1.5000, 2.0000]))

    Source: Pascanu, Mikolov and Bengio 2013, algorithm 1.
    """
    if by == "model":
        return torch.nn.utils.clip_grad_norm_(parameters, most)
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = torch.stack(torch._foreach_norm(grads))
    shorter = (most / norms).clamp(max=1)
    torch._foreach_mul_(grads, list(shorter.unbind()))
    return norms.norm()
