"""The attention model: places are read once, without an order, and a decoder points at one after another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.attention import Mask, attend, weights
from regard.layers import FeedForward, MultiHead
from regard.layers.heads import apart, joined
from regard.models.environments import DeliveryState, TourState
from regard.models.policies import Policy

_CLIP = 10.0


class Context(Enum):
    """What a decoder knows besides the places: where one TOUR began and is, or where a vehicle is and its rest."""

    TOUR = "tour"
    DELIVERIES = "deliveries"


@dataclass(frozen=True)
class Places:
    """Places as the decoder reads them, all projections made once for all steps.

    Args:
        last: what the place that a tour is at adds to the question, with all places together; a row for each place
            and one for a tour that has not begun.
        context: what else is in the question: a row for each place that a tour may have begun at, or with deliveries
            one for a full vehicle.
        key: of the glimpse.
        value: of the glimpse.
        pointed: what the pointer multiplies a glimpse with, the glimpse's own output projection and all.
    """

    last: Float[Tensor, "batch rows size"]
    context: Float[Tensor, "batch _ size"]
    key: Float[Tensor, "batch heads places width"]
    value: Float[Tensor, "batch heads places width"]
    pointed: Float[Tensor, "batch size places"]

    def detached(self) -> Places:
        """The same without a gradient."""
        return Places(
            self.last.detach(), self.context.detach(), self.key.detach(), self.value.detach(), self.pointed.detach()
        )


class NormalisedLayer(nn.Module):
    """h <- BN(h + MHA(h));   h <- BN(h + FF(h)).

    Args:
        size: of the states.
        heads: of the attention.
        feed_forward_size: of the hidden layer.

    Source: Kool, van Hoof and Welling 2019, equations 2 and 3.
    """

    def __init__(self, size: int, heads: int, feed_forward_size: int) -> None:
        super().__init__()
        self.attended, self.feed_forward = MultiHead(size, heads), FeedForward(size, feed_forward_size, 0.0)
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for _ in range(2))

    def forward(self, states: Float[Tensor, "batch places size"]) -> Float[Tensor, "batch places size"]:
        """States of the next layer."""
        states = self._normalised(0, states + self.attended(states, states))
        return self._normalised(1, states + self.feed_forward(states))

    def _normalised(self, place: int, states: Tensor) -> Tensor:
        return self.norms[place](states.flatten(0, 1)).view_as(states)


class AttentionModel(Policy[Places]):
    """Read places by self-attention; point at the next with one glimpse and one score.

    question = W_mean h_mean + W_last h_last + W_first h_first           (one tour)
    question = W_mean h_mean + W_last h_last + w_remaining remaining     (deliveries)
    glimpse = W_out MHA(question, places that are not hidden)
    log p(place j) = log softmax over j of 10 tanh(glimpse . W_pointed h_j / sqrt(d)),   hidden places at -inf

    Places have no order: the result does not depend on the one that they are given in. Before the first choice of a
    tour, W_last h_last and W_first h_first are learned vectors.

    Args:
        size: d, of the states.
        heads: of every attention.
        layers: of the encoder.
        feed_forward_size: of an encoder's hidden layer.
        context: what the decoder knows besides the places.

    Raises:
        ValueError: size is not a multiple of heads; places come with demands where there are none, or without; a
            state is of the other kind.

    Example:
        >>> model, points = AttentionModel(16, 2, 1, 32).eval(), torch.rand(3, 5, 2)
        >>> state = TourState.start(points, tours=2).step(torch.tensor([[0, 4]] * 3))
        >>> found = model.choose(model.read(points, None), state)
        >>> found.shape, bool((found[:, 0, 0] == -torch.inf).all())
        (torch.Size([3, 2, 5]), True)

    Source: Kool, van Hoof and Welling 2019, sections 3.1 and 3.2, equations 1 to 9.
    """

    def __init__(
        self,
        size: int = 128,
        heads: int = 8,
        layers: int = 3,
        feed_forward_size: int = 512,
        context: Context = Context.TOUR,
    ) -> None:
        super().__init__()
        self.size, self.heads, self.context = size, heads, context
        one_tour = context is Context.TOUR
        self.place = nn.Linear(2 if one_tour else 3, size)
        self.depot = None if one_tour else nn.Linear(2, size)
        self.layers = nn.ModuleList(NormalisedLayer(size, heads, feed_forward_size) for _ in range(layers))
        self.key, self.value, self.pointed, self.last, self.mean, self.output = (
            nn.Linear(size, size, bias=False) for _ in range(6)
        )
        self.first = nn.Linear(size, size, bias=False) if one_tour else None
        # What stands for places before there are any, or what a full vehicle adds to the question.
        bound = 1 / math.sqrt(size)
        self.vectors = nn.Parameter(torch.empty(2 if one_tour else 1, size).uniform_(-bound, bound))

    def read(self, points: Float[Tensor, "batch places 2"], demands: Float[Tensor, "batch places"] | None) -> Places:
        """The places, read once for all questions."""
        states = self._features(points, demands)
        for layer in self.layers:
            states = layer(states)
        key, value = (apart(_wide(one(states)), self.heads) for one in (self.key, self.value))
        pointed = self.pointed(states) @ self.output.weight / math.sqrt(self.size)
        last, context = self._asked(states)
        return Places(_wide(last), _wide(context), key, value, _wide(pointed).transpose(1, 2))

    def follow(self, places: Places, state: TourState | DeliveryState) -> Places:
        """The same places: all that matters of a tour is in its state."""
        return places

    def choose(self, places: Places, state: TourState | DeliveryState) -> Float[Tensor, "batch tours places"]:
        """Log-probability of every place to be next, at least in float32; hidden ones have -inf."""
        with torch.autocast(places.key.device.type, enabled=False):
            query, hidden = self._query(places, state), state.hidden
            glimpse = joined(attend(query, places.key, places.value, where=_shown(hidden)))
            scores = (glimpse @ places.pointed).tanh() * _CLIP
            return scores.masked_fill(hidden, -torch.inf).log_softmax(-1)

    def glimpse(self, places: Places, state: TourState | DeliveryState) -> Float[Tensor, "batch tours heads places"]:
        """Weights of the glimpse."""
        with torch.autocast(places.key.device.type, enabled=False):
            return weights(self._query(places, state), places.key, where=_shown(state.hidden)).transpose(1, 2)

    def _query(self, places: Places, state: TourState | DeliveryState) -> Float[Tensor, "batch heads tours width"]:
        """What a tour asks for: where it is, with what else the decoder knows."""
        last = _rows(places.last, state.last)
        if self.first is not None and isinstance(state, TourState):
            # Where a tour began may stand once for all of its steps.
            first = _rows(places.context, state.first)
            steps, begun = (one.unflatten(1, (-1, state.abreast)) for one in (last, first))
            return apart((steps + begun).flatten(1, 2), self.heads)
        if self.first is None and isinstance(state, DeliveryState):
            return apart(last + state.remaining.to(last.dtype).unsqueeze(-1) * places.context, self.heads)
        raise ValueError(f"state is a {type(state).__name__}, but the model's context is {self.context}.")

    def _asked(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """What can be in a question: of the last place, with the mean, and of the context."""
        mean, last = self.mean(states.mean(1, keepdim=True)), self.last(states)
        vectors = self.vectors.to(last.dtype).expand(len(states), -1, -1)
        if self.first is None:
            return last + mean, vectors
        return torch.cat([last, vectors[:, :1]], 1) + mean, torch.cat([self.first(states), vectors[:, 1:]], 1)

    def _features(self, points: Tensor, demands: Tensor | None) -> Tensor:
        if (demands is None) != (self.depot is None):
            raise ValueError(
                f"demands is {'missing' if demands is None else 'given'}, but the model's context is {self.context}; "
                "deliveries have demands, one tour has none."
            )
        if demands is None or self.depot is None:
            return self.place(points)
        customers = self.place(torch.cat([points, demands.to(points.dtype).unsqueeze(-1)], -1)[:, 1:])
        return torch.cat([self.depot(points[:, :1]), customers], 1)


def _shown(hidden: Bool[Tensor, "batch tours places"]) -> Mask:
    """The places that every head may see."""
    return Mask(~hidden.unsqueeze(1))


def _wide(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _rows(table: Float[Tensor, "batch rows size"], index: Int[Tensor, "batch tours"]) -> Tensor:
    """Rows of every instance's own table."""
    begin = torch.arange(len(table), device=index.device).unsqueeze(1) * table.shape[1]
    return nn.functional.embedding(index + begin, table.flatten(0, 1))
