"""A pointer network: inputs are read both ways, and a recurrent decoder points at one after another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.attention import Lengths, Mask, Where
from regard.layers import Pointer
from regard.models.encoded import Step
from regard.models.recurrence import Bridge, Cell, Hidden, Recurrence
from regard.models.two_ways import TwoWays


class Used(Enum):
    """May a place be pointed at again: HIDDEN ones may not, SHOWN ones may."""

    HIDDEN = "hidden"
    SHOWN = "shown"


@dataclass(frozen=True)
class Pointable:
    """Inputs as the decoder reads them; place 0 is the end, and input i has place 1 + i.

    Args:
        fed: what the decoder reads after it pointed at a place; that of place 0 begins.
        states: what is pointed at.
        lengths: places of each instance, the end among them.
        final: one vector for all inputs.
    """

    fed: Float[Tensor, "batch places embedding"]
    states: Float[Tensor, "batch places size"]
    lengths: Int[Tensor, " batch"]
    final: Float[Tensor, "batch size"]

    def select(self, index: Int[Tensor, " chosen"]) -> Pointable:
        """The chosen rows of the batch."""
        tensors = (self.fed, self.states, self.lengths, self.final)
        return Pointable(*(tensor.index_select(0, index) for tensor in tensors))


@dataclass(frozen=True)
class PointingState:
    """Between two steps: the decoder's hidden state, the inputs, and the places that were pointed at."""

    hidden: Hidden
    places: Pointable
    used: Bool[Tensor, "batch places"]

    def select(self, index: Int[Tensor, " chosen"]) -> PointingState:
        """The state of the chosen rows of the batch."""
        hidden = tuple(tensor.index_select(1, index) for tensor in self.hidden)
        return PointingState(hidden, self.places.select(index), self.used.index_select(0, index))


class PointerNetwork(nn.Module):
    """Point at inputs, one after another, until at the end.

    e_1 .. e_n = BiRNN(x_1 .. x_n),   e_0 and x_0 learned,   d_t = RNN(d_{t-1}, W x of the place pointed at before)
    log p(place i at step t) = log softmax over i of v . tanh(W_1 e_i + W_2 d_t + b)

    Place 0 is the end, and input i, counted from 0, has place 1 + i. The encoder reads both ways, where the paper's
    reads onward. A decoder for `regard.train.search`, with 0 for both begin and end.

    Args:
        input_size: numbers of an input.
        embedding_size: size of an input's vector.
        hidden_size: size of each encoder direction, of the decoder and of the pointer's hidden layer.
        cell: GRU or LSTM.
        used: whether a place may be pointed at again.

    Raises:
        ValueError: there is not one length from 1 to `inputs` for each row of inputs.

    Example:
        >>> model = PointerNetwork(2, 3, 5)
        >>> places = model.read(torch.rand(2, 4, 2), torch.tensor([4, 2]))
        >>> logs = model(places, torch.tensor([[3, 1, 0], [2, 0, 0]]))
        >>> logs.shape, (logs[1] == -torch.inf).tolist()[1]
        (torch.Size([2, 3, 5]), [False, False, True, True, True])

    Source: Vinyals, Fortunato and Jaitly 2015, section 2.3.
    """

    def __init__(
        self,
        input_size: int,
        embedding_size: int = 64,
        hidden_size: int = 128,
        cell: Cell = Cell.GRU,
        used: Used = Used.HIDDEN,
    ) -> None:
        super().__init__()
        self.used = used
        self.embedding = nn.Linear(input_size, embedding_size)
        self.encoder = TwoWays(cell, embedding_size, hidden_size)
        self.decoder = Recurrence(cell, embedding_size, hidden_size, 1, 0.0)
        self.bridge = Bridge(self.decoder, 2 * hidden_size)
        self.pointer = Pointer(hidden_size, 2 * hidden_size, hidden_size)
        self.begin = nn.Parameter(torch.randn(embedding_size) / embedding_size**0.5)
        self.end = nn.Parameter(torch.randn(2 * hidden_size) / hidden_size**0.5)
        # A search asks for scores of features; here the pointer's answer is both.
        self.output = nn.Identity()

    def read(self, inputs: Float[Tensor, "batch inputs size"], lengths: Int[Tensor, " batch"]) -> Pointable:
        """The inputs, read once for all steps."""
        if lengths.shape != inputs.shape[:1] or bool(((lengths < 1) | (lengths > inputs.shape[1])).any()):
            raise ValueError(
                f"lengths is {lengths.tolist()}, expected {len(inputs)} numbers from 1 to {inputs.shape[1]}: the "
                "inputs of each row."
            )
        embedded = self.embedding(inputs)
        states = self.encoder(embedded, lengths)
        onward, back = states.chunk(2, dim=-1)
        rows = torch.arange(len(inputs), device=inputs.device)
        final = torch.cat((onward[rows, lengths - 1], back[:, 0]), -1)
        return Pointable(_before(self.begin, embedded), _before(self.end, states), lengths + 1, final)

    def forward(self, places: Pointable, targets: Int[Tensor, "batch steps"]) -> Float[Tensor, "batch steps places"]:
        """Log-probability of every place at every step, given the true places of the steps before; all at once."""
        # What is read at a step is what the step before pointed at; the first one reads place 0.
        read = torch.cat((torch.zeros_like(targets[:, :1]), targets[:, :-1]), 1)
        rows = torch.arange(len(read), device=read.device).unsqueeze(1)
        states, _ = self.decoder(places.fed[rows, read], self.bridge(places.final))
        pointed = nn.functional.one_hot(read, places.fed.shape[1]).cumsum(1) > 0
        return self.pointer(states, places.states, self._where(places, pointed))

    def start(self, places: Pointable) -> PointingState:
        """The state before the first step."""
        used = torch.zeros(places.states.shape[:2], dtype=torch.bool, device=places.states.device)
        return PointingState(self.bridge(places.final), places, used)

    def step(self, inputs: Int[Tensor, " batch"], state: PointingState) -> Step:
        """One step, given the places of the step before; `features` are log-probabilities of places."""
        places = state.places
        rows = torch.arange(len(inputs), device=inputs.device)
        used = state.used.scatter(1, inputs.unsqueeze(1), True)
        output, hidden = self.decoder(places.fed[rows, inputs].unsqueeze(1), state.hidden)
        logs = self.pointer(output, places.states, self._where(places, used.unsqueeze(1)))[:, 0]
        return Step(logs, PointingState(hidden, places, used), logs.exp())

    def _where(self, places: Pointable, pointed: Bool[Tensor, "batch steps places"]) -> Where:
        """Which places may be pointed at: those that there are, and if need be only those not pointed at before."""
        real = Lengths(places.lengths)
        if self.used is Used.SHOWN:
            return real
        # The end is read first and pointed at last: it is never used.
        used = pointed.clone()
        used[..., 0] = False
        return real & Mask(~used)


def _before(first: Float[Tensor, " size"], rest: Float[Tensor, "batch time size"]) -> Tensor:
    return torch.cat((first.to(rest.dtype).expand(len(rest), 1, -1), rest), 1)
