"""Recurrent visual attention: a picture is seen glimpse by glimpse, and what was seen decides where to look next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.layers import Glimpse


class Looking(Enum):
    """Where the next glimpse is: drawn from the policy, at the policy's mean, or anywhere by chance."""

    DRAWN = "drawn"
    MEAN = "mean"
    ANYWHERE = "anywhere"


@dataclass(frozen=True)
class Looked:
    """A rollout: where the glimpses were, how dense the policy was there, and what was made of them.

    Args:
        locations: (x, y) of every glimpse, as in `regard.layers.crops`.
        log_density: of every place that was drawn, by the policy.
        baseline: the reward that the state before a glimpse expects.
        logits: scores of the classes after every glimpse.
    """

    locations: Float[Tensor, "batch glimpses 2"]
    log_density: Float[Tensor, "batch glimpses"]
    baseline: Float[Tensor, "batch glimpses"]
    logits: Float[Tensor, "batch glimpses classes"]


class GlimpseNetwork(nn.Module):
    """A recurrent network that looks at a picture a few times and says its class.

    l_t ~ N(tanh(f_l(h_{t-1})), spread^2),   g_t = glimpse(x, l_t),   h_t = max(0, W_h h_{t-1} + W_g g_t + b)

    b_t = w h_{t-1} + c,   p_t = softmax(W_c h_t + d)

    A drawn location is moved to the nearest one in the picture, from -1 to 1, before it is looked at; the density is
    that of what was drawn. Policy and baseline read states without a gradient, so they learn from the reward alone,
    and all else from the classes. The first location is the policy's for h_0 = 0. f_l has one hidden layer; W_h
    begins as the identity, so that at first a state is the sum of what was seen.

    Args:
        glimpse: what is seen at a location; its output has the size of the states.
        classes: their number.
        glimpses: how often is looked.
        hidden_size: of the hidden layer of f_l.
        spread: of drawn locations, in halves of a side of the picture.

    Raises:
        ValueError: a number is not positive; pictures have another shape.

    Example:
        >>> import torch
        >>> from regard.layers import Glimpse
        >>> network = GlimpseNetwork(Glimpse(1, 8, 1, 16, 32), classes=10)
        >>> looked = network(torch.rand(2, 1, 28, 28), Looking.MEAN)
        >>> looked.locations.shape, looked.logits.shape
        (torch.Size([2, 6, 2]), torch.Size([2, 6, 10]))

    Source: Mnih et al. 2014, sections 3 and 4; Le, Jaitly and Hinton 2015, section 2 (the identity).
    """

    def __init__(
        self, glimpse: Glimpse, classes: int, glimpses: int = 6, hidden_size: int = 128, spread: float = 0.1
    ) -> None:
        super().__init__()
        numbers = (("classes", classes), ("glimpses", glimpses), ("hidden_size", hidden_size), ("spread", spread))
        for name, value in numbers:
            if not value > 0:
                raise ValueError(f"{name} is {value}, expected a positive number.")
        self.glimpse, self.glimpses, self.spread = glimpse, glimpses, spread
        size = glimpse.from_what.out_features
        self.before = nn.Linear(size, size, bias=False)
        nn.init.eye_(self.before.weight)
        self.seen = nn.Linear(size, size)
        self.policy = nn.Sequential(nn.Linear(size, hidden_size), nn.ReLU(), nn.Linear(hidden_size, 2), nn.Tanh())
        self.baseline = nn.Linear(size, 1)
        self.classes = nn.Linear(size, classes)

    def forward(
        self,
        pictures: Float[Tensor, "batch channels height width"],
        looking: Looking,
        generator: torch.Generator | None = None,
    ) -> Looked:
        """Look at every picture; the generator is for locations that are drawn."""
        states = [pictures.new_zeros(len(pictures), self.seen.out_features)]
        means, drawn = [], []
        for _glimpse in range(self.glimpses):
            means.append(self.policy(states[-1].detach()).to(pictures.dtype))
            drawn.append(_draw(means[-1].detach(), self.spread, looking, generator))
            seen = self.seen(self.glimpse(pictures, drawn[-1].clamp(-1, 1)))
            states.append((self.before(states[-1]) + seen).relu())
        chosen, before = torch.stack(drawn, 1), torch.stack(states[:-1], 1).detach()
        return Looked(
            chosen.clamp(-1, 1),
            log_density(chosen, torch.stack(means, 1), self.spread),
            self.baseline(before).squeeze(-1).to(pictures.dtype),
            self.classes(torch.stack(states[1:], 1)).to(pictures.dtype),
        )


def log_density(
    place: Float[Tensor, "... axes"], mean: Float[Tensor, "... axes"], spread: float
) -> Float[Tensor, ...]:
    """The logarithm of a Gaussian's density at a place, one spread for all axes.

    log N(x; m, s^2) = -|x - m|^2 / (2 s^2) - axes log(s sqrt(2 pi))

    Example:
        >>> log_density(torch.zeros(1, 2), torch.zeros(1, 2), spread=1.0)
        tensor([-1.8379])
    """
    away = (place - mean).square().sum(-1) / (2 * spread**2)
    return -away - place.shape[-1] * math.log(spread * math.sqrt(2 * math.pi))


def _draw(mean: Tensor, spread: float, looking: Looking, generator: torch.Generator | None) -> Tensor:
    if looking is Looking.MEAN:
        return mean
    if looking is Looking.ANYWHERE:
        return 2 * torch.rand(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype) - 1
    return mean + spread * torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
