"""Luong's decoder: it looks at the source after each step."""

from __future__ import annotations

from enum import Enum

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Memory, Score, Weighing
from regard.layers import Dropout
from regard.models.encoded import Encoded, Step
from regard.models.recurrence import Bridge, Hidden, Recurrence, RecurrentState
from regard.models.sizes import DecoderSizes, join


class Feeding(Enum):
    """Whether a step is told what the step before read: Luong's input feeding, or nothing."""

    INPUT = "input"
    NONE = "none"


class LuongDecoder(nn.Module):
    """Step, look with the new state, and join what was read.

    s_t = RNN(s_{t-1}, [E y_{t-1} ; h~_{t-1}]),   c_t = attend(s_t, h, h, where=locality),
    h~_t = tanh(W [s_t ; c_t])

    Without input feeding h~_{t-1} is left out, and all steps run at once.

    Source: Luong, Pham and Manning 2015, sections 3 to 3.3.
    """

    def __init__(
        self, sizes: DecoderSizes, score: Score, weigh: Weighing, locality: nn.Module, feeding: Feeding
    ) -> None:
        super().__init__()
        self.embedding = sizes.embed()
        self.dropout = Dropout(sizes.dropout)
        self.score, self.weigh, self.locality = score, weigh, locality
        self.fed_size = {Feeding.INPUT: sizes.feature_size, Feeding.NONE: 0}[feeding]
        input_size = sizes.embedding_size + self.fed_size
        self.recurrence = Recurrence(sizes.cell, input_size, sizes.hidden_size, sizes.layers, sizes.dropout)
        self.bridge = Bridge(self.recurrence, sizes.source_size)
        self.combine = nn.Linear(sizes.source_size + sizes.hidden_size, sizes.feature_size)
        self.output = sizes.output_for(self.embedding)

    def forward(
        self, encoded: Encoded, inputs: Int[Tensor, "batch target"]
    ) -> Float[Tensor, "batch target features"]:
        """Features of every step, given the true previous tokens."""
        embedded = self.dropout(self.embedding(inputs))
        state = self.start(encoded)
        # With nothing fed, the steps do not wait for each other and are one piece.
        pieces = embedded.split(1 if self.fed_size else embedded.shape[1], dim=1)
        features = []
        for piece in pieces:
            states, hidden = self.recurrence(self._with_fed(piece, state), state.hidden)
            assert state.memory is not None
            context = state.memory.ask(states, self.weigh, self.locality(states, state.lengths, state.time))
            combined = self._combined(context, states)
            state = self._after(state, hidden, combined)
            features.append(combined)
        return torch.cat(features, 1)

    def start(self, encoded: Encoded) -> RecurrentState:
        """The state before the first step."""
        memory = Memory(encoded.states, encoded.states, score=self.score, where=encoded.visible())
        fed = encoded.states.new_zeros((encoded.states.shape[0], self.fed_size))
        return RecurrentState(self.bridge(encoded.final), memory, encoded.lengths, fed, 0)

    def step(self, inputs: Int[Tensor, " batch"], state: RecurrentState) -> Step:
        """One step, given the tokens of the step before."""
        embedded = self.dropout(self.embedding(inputs[:, None]))
        states, hidden = self.recurrence(self._with_fed(embedded, state), state.hidden)
        assert state.memory is not None
        where = self.locality(states, state.lengths, state.time)
        answer = state.memory.answer(states, self.weigh, where)
        combined = self._combined(answer.context, states)
        return Step(combined[:, 0], self._after(state, hidden, combined), answer.weights[:, 0])

    def _with_fed(self, embedded: Tensor, state: RecurrentState) -> Tensor:
        if not self.fed_size:
            return embedded
        assert state.fed is not None
        return join(embedded, state.fed.unsqueeze(1))

    def _combined(self, context: Tensor, states: Tensor) -> Tensor:
        return self.dropout(self.combine(join(states, context)).tanh())

    def _after(self, state: RecurrentState, hidden: Hidden, combined: Tensor) -> RecurrentState:
        fed = combined[:, -1] if self.fed_size else state.fed
        return RecurrentState(hidden, state.memory, state.lengths, fed, state.time + combined.shape[1])
