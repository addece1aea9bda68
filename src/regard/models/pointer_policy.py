"""A pointer network as a policy over places: it remembers the way that it has come."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention import Mask
from regard.models.environments import DeliveryState, TourState
from regard.models.pointer_network import Pointable, PointerNetwork
from regard.models.policies import Policy
from regard.models.recurrence import Cell, Hidden


@dataclass(frozen=True)
class Trail:
    """Places as the network has read them, and where its decoder is.

    Args:
        inputs: what is pointed at; place 0 is what stands before a tour has begun, and place i has number 1 + i.
        hidden: of the decoder, a row for each tour; None before it was followed anywhere.
        asks: what the decoder says at each of the steps that were followed last, step after step.
    """

    inputs: Pointable
    hidden: Hidden | None = None
    asks: Float[Tensor, "batch tours size"] | None = None

    def detached(self) -> Trail:
        """The same without a gradient."""
        read = self.inputs
        inputs = Pointable(read.fed.detach(), read.states.detach(), read.lengths, read.final.detach())
        hidden = None if self.hidden is None else tuple(one.detach() for one in self.hidden)
        return Trail(inputs, hidden, None if self.asks is None else self.asks.detach())


class PointerPolicy(Policy[Trail]):
    """Read the cities one after another, in both directions; follow the tour with a recurrence; point at the next.

    e_1 .. e_n = BiRNN(x_1 .. x_n),   d_t = RNN(d_{t-1}, W x of the city that the tour is at)
    log p(city i) = log softmax over i of v . tanh(W_1 e_i + W_2 d_t + b),   visited cities at -inf

    Unlike for the attention model, the order that cities are given in matters, and so does the whole way until now.
    Before the first city is chosen a learned vector is read; a tour that is begun elsewhere begins with its city.

    Args:
        embedding_size: of a city's vector.
        hidden_size: of each encoder direction, the decoder and the pointer.
        cell: GRU or LSTM.

    Raises:
        ValueError: there are demands; a state is of deliveries; a choice is asked for before the tours were followed.

    Example:
        >>> policy, points = PointerPolicy(3, 5), torch.rand(3, 4, 2)
        >>> state = TourState.start(points, tours=2).step(torch.tensor([[0, 1]] * 3))
        >>> found = policy.choose(policy.follow(policy.read(points, None), state), state)
        >>> found.shape, bool((found[:, 1, 1] == -torch.inf).all())
        (torch.Size([3, 2, 4]), True)

    Source: Vinyals, Fortunato and Jaitly 2015, section 2.3; as a policy: Bello et al. 2017, sections 3 and 4.
    """

    def __init__(self, embedding_size: int = 128, hidden_size: int = 128, cell: Cell = Cell.GRU) -> None:
        super().__init__()
        self.network = PointerNetwork(2, embedding_size, hidden_size, cell)

    def read(self, points: Float[Tensor, "batch places 2"], demands: Float[Tensor, "batch places"] | None) -> Trail:
        """The cities, read in the order that they are given in."""
        if demands is not None:
            raise ValueError("demands is given, but a pointer network makes one tour; an attention model delivers.")
        batch, places = points.shape[:2]
        return Trail(self.network.read(points, torch.full((batch,), places, device=points.device)))

    def follow(self, places: Trail, state: TourState | DeliveryState) -> Trail:
        """The decoder goes on through the cities that the tours are at, from where it was."""
        if not isinstance(state, TourState):
            raise ValueError(f"state is a {type(state).__name__}, of deliveries; a pointer network makes one tour.")
        inputs, tours = places.inputs, state.abreast
        batch, numbers = inputs.fed.shape[:2]
        # What stands for no city yet is one more than the last, here place 0.
        numbered = ((state.last + 1) % numbers).unflatten(1, (-1, tours)).transpose(1, 2)
        rows = torch.arange(batch, device=numbered.device).view(-1, 1, 1)
        hidden = places.hidden or tuple(one.repeat_interleave(tours, 1) for one in self.network.bridge(inputs.final))
        asks, hidden = self.network.decoder(inputs.fed[rows, numbered].flatten(0, 1), hidden)
        asks = asks.unflatten(0, (batch, tours)).transpose(1, 2).flatten(1, 2)
        return replace(places, hidden=hidden, asks=asks)

    def choose(self, places: Trail, state: TourState | DeliveryState) -> Float[Tensor, "batch tours places"]:
        """Log-probability of every city to be next, at least in float32; visited ones have -inf."""
        if places.asks is None or places.asks.shape[:2] != state.hidden.shape[:2]:
            raise ValueError("the tours are not where the policy is; follow(places, state) before choose.")
        asks, states = (
            one.to(torch.promote_types(one.dtype, torch.float32)) for one in (places.asks, places.inputs.states)
        )
        # Place 0 is never pointed at: a tour has no end of its own.
        open_places = torch.nn.functional.pad(~state.hidden, (1, 0), value=False)
        with torch.autocast(asks.device.type, enabled=False):
            return self.network.pointer(asks, states, Mask(open_places))[..., 1:]

    def glimpse(self, places: Trail, state: TourState | DeliveryState) -> Float[Tensor, "batch tours heads places"]:
        """The pointer's own weights, as one head: it looks and points in one."""
        return self.choose(places, state).exp().unsqueeze(2)
