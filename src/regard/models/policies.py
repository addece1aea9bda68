"""What a policy over places has to do, whichever network it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, Self, TypeVar

from jaxtyping import Float
from torch import Tensor, nn

from regard.models.environments import DeliveryState, TourState


class Read(Protocol):
    """Places as a policy has read them, and what it remembers of the tours through them."""

    def detached(self) -> Self:
        """The same without a gradient."""
        ...


Seen = TypeVar("Seen", bound=Read)


class Policy(nn.Module, ABC, Generic[Seen]):
    """Says of every place how probable it is to be next, again and again until the tours are done.

    Places are read once. At each step the policy follows the tours to where they are, and chooses. States of several
    steps, joined, are followed and chosen from all at once, with the same result.
    """

    @abstractmethod
    def read(self, points: Float[Tensor, "batch places 2"], demands: Float[Tensor, "batch places"] | None) -> Seen:
        """The places, read once for all steps, before any tour has begun."""

    @abstractmethod
    def follow(self, places: Seen, state: TourState | DeliveryState) -> Seen:
        """The places, with what is remembered once the tours have come to where they are."""

    @abstractmethod
    def choose(self, places: Seen, state: TourState | DeliveryState) -> Float[Tensor, "batch tours places"]:
        """Log-probability of every place to be next, at least in float32; hidden ones have -inf."""

    @abstractmethod
    def glimpse(self, places: Seen, state: TourState | DeliveryState) -> Float[Tensor, "batch tours heads places"]:
        """Weights of what was looked at for this choice."""
