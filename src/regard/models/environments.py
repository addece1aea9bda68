"""Routing as steps from place to place: states, what may not be chosen, and what a step does to them.

Everything is for all tours of all rows of a batch at once. Choices are indices of places, (batch, tours).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def brim(demands: Float[Tensor, "batch places"]) -> float:
    """By how much a load of rounded shares may seem to overflow though it fills a vehicle to the brim.

    Example:
        >>> brim(torch.zeros(1, 20, dtype=torch.float64)) < 1e-14 < brim(torch.zeros(1, 20)) < 1e-5
        True
    """
    return 2 * demands.shape[-1] * torch.finfo(demands.dtype).eps


@dataclass(frozen=True)
class TourState:
    """One tour through all places: every place is chosen once, and the last one leads back to the first.

    Args:
        last: the place that a tour is at; `places`, one more than the last place, before the first choice.
        first: the place that it began at, in the same way.
        hidden: places that were visited.
        left: choices until the end.
        abreast: tours of an instance at one step; a state of several steps joined has them step after step, but
            `first` only once where it is the same at every step.

    Example:
        >>> state = TourState.start(torch.zeros(1, 3, 2), tours=1)
        >>> state = state.step(torch.tensor([[2]])).step(torch.tensor([[0]]))
        >>> state.first.item(), state.last.item(), state.hidden[0, 0].tolist(), state.left
        (2, 0, [True, False, True], 1)

    Source: Kool, van Hoof and Welling 2019, section 3.2.
    """

    last: Int[Tensor, "batch tours"]
    first: Int[Tensor, "batch tours"]
    hidden: Bool[Tensor, "batch tours places"]
    left: int
    abreast: int

    @classmethod
    def start(cls, points: Float[Tensor, "batch places 2"], tours: int) -> TourState:
        """Before any choice."""
        batch, places = points.shape[:2]
        nowhere = torch.full((batch, tours), places, device=points.device)
        hidden = torch.zeros(batch, tours, places, dtype=torch.bool, device=points.device)
        return cls(nowhere, nowhere, hidden, places, tours)

    @property
    def done(self) -> bool:
        """Whether every place was visited."""
        return self.left == 0

    @property
    def free(self) -> bool:
        """Whether there is more than one place to choose from."""
        return self.left > 1

    def step(self, choice: Int[Tensor, "batch tours"]) -> TourState:
        """The state after a choice."""
        hidden = self.hidden.scatter(2, choice.unsqueeze(2), True)
        return TourState(choice, self.first if self._begun else choice, hidden, self.left - 1, self.abreast)

    @classmethod
    def joined(cls, states: list[TourState]) -> TourState:
        """States of one batch, step after step, as one."""
        last, hidden = (torch.cat([getattr(one, name) for one in states], 1) for name in ("last", "hidden"))
        first = states[0].first if states[0]._begun else torch.cat([one.first for one in states], 1)
        return cls(last, first, hidden, states[-1].left, states[0].abreast)

    @property
    def _begun(self) -> bool:
        return self.left < self.hidden.shape[2]


@dataclass(frozen=True)
class DeliveryState:
    """Tours from a depot, place 0, until every customer was visited; a vehicle is filled up there.

    A customer may be next who was not visited and whose demand is not above what is left in the vehicle; the depot
    may be next unless the vehicle is there, or once all is done.

    Args:
        last: the place that the vehicle is at.
        remaining: what is left in it, as a share of its capacity, as exact as the demands.
        visited: customers that had their delivery; never True for the depot.
        demands: of every place, as shares of the capacity.
        abreast: tours of an instance at one step; a state of several steps joined has them step after step.

    Source: Kool, van Hoof and Welling 2019, appendix C.1.
    """

    last: Int[Tensor, "batch tours"]
    remaining: Float[Tensor, "batch tours"]
    visited: Bool[Tensor, "batch tours places"]
    demands: Float[Tensor, "batch places"]
    abreast: int

    @classmethod
    def start(cls, demands: Float[Tensor, "batch places"], tours: int) -> DeliveryState:
        """At the depot, with a full vehicle."""
        batch, places = demands.shape
        visited = torch.zeros(batch, tours, places, dtype=torch.bool, device=demands.device)
        return cls(visited[..., 0].long(), demands.new_ones(batch, tours), visited, demands, tours)

    @property
    def hidden(self) -> Bool[Tensor, "batch tours places"]:
        """Places that may not be next."""
        full = self.demands.unsqueeze(1) > self.remaining.unsqueeze(2) + brim(self.demands)
        hidden = self.visited | full
        hidden[..., 0] = (self.last == 0) & ~self.visited[..., 1:].all(2)
        return hidden

    @property
    def done(self) -> bool:
        """Whether every vehicle is back and every customer served."""
        return bool(self.visited[..., 1:].all()) and bool((self.last == 0).all())

    @property
    def free(self) -> bool:
        """Whether some vehicle may have more than one place to choose from."""
        return True

    def step(self, choice: Int[Tensor, "batch tours"]) -> DeliveryState:
        """The state after a choice."""
        remaining = torch.where(choice == 0, 1.0, self.remaining - self.demands.gather(1, choice))
        visited = self.visited.scatter(2, choice.unsqueeze(2), True)
        visited[..., 0] = False
        return DeliveryState(choice, remaining, visited, self.demands, self.abreast)

    @classmethod
    def joined(cls, states: list[DeliveryState]) -> DeliveryState:
        """States of one batch, step after step, as one."""
        last, remaining, visited = (
            torch.cat([getattr(one, name) for one in states], 1) for name in ("last", "remaining", "visited")
        )
        return cls(last, remaining, visited, states[0].demands, states[0].abreast)


def start(
    points: Float[Tensor, "batch places 2"], demands: Float[Tensor, "batch places"] | None, tours: int
) -> TourState | DeliveryState:
    """The state before any choice, for one tour through all places, or with demands for deliveries."""
    return TourState.start(points, tours) if demands is None else DeliveryState.start(demands, tours)


def lengths(
    points: Float[Tensor, "batch places 2"], tours: Int[Tensor, "batch tours steps"]
) -> Float[Tensor, "batch tours"]:
    """Length of closed tours; deliveries are one closed tour that passes the depot several times.

    Example:
        >>> square = torch.tensor([[[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]])
        >>> lengths(square, torch.tensor([[[0, 1, 2, 3], [0, 2, 1, 3]]]))
        tensor([[4.0000, 4.8284]])
    """
    batch, count, steps = tours.shape
    stops = points.gather(1, tours.reshape(batch, -1, 1).expand(-1, -1, 2)).view(batch, count, steps, 2)
    return (stops - stops.roll(-1, dims=2)).norm(dim=-1).sum(-1)
