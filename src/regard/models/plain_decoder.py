"""A recurrent decoder without attention: the bottleneck that attention removed."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.layers import Dropout
from regard.models.encoded import Encoded, Step
from regard.models.recurrence import Bridge, Recurrence, RecurrentState
from regard.models.sizes import DecoderSizes, join


class PlainDecoder(nn.Module):
    """Write a target from one vector of the source.

    s_t = RNN(s_{t-1}, E y_{t-1}),   features_t = tanh(W [s_t ; E y_{t-1}])

    Source: Sutskever, Vinyals and Le 2014; Cho et al. 2014.
    """

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        self.embedding = sizes.embed()
        self.dropout = Dropout(sizes.dropout)
        self.recurrence = Recurrence(sizes.cell, sizes.embedding_size, sizes.hidden_size, sizes.layers, sizes.dropout)
        self.bridge = Bridge(self.recurrence, sizes.source_size)
        self.readout = nn.Linear(sizes.hidden_size + sizes.embedding_size, sizes.feature_size)
        self.output = sizes.output_for(self.embedding)

    def forward(
        self, encoded: Encoded, inputs: Int[Tensor, "batch target"]
    ) -> Float[Tensor, "batch target features"]:
        """Features of every step, given the true previous tokens."""
        embedded = self.dropout(self.embedding(inputs))
        states, _hidden = self.recurrence(embedded, self.bridge(encoded.final))
        return self._features(states, embedded)

    def start(self, encoded: Encoded) -> RecurrentState:
        """The state before the first step."""
        return RecurrentState(self.bridge(encoded.final), None, encoded.lengths, None, 0)

    def step(self, inputs: Int[Tensor, " batch"], state: RecurrentState) -> Step:
        """One step, given the tokens of the step before."""
        embedded = self.dropout(self.embedding(inputs[:, None]))
        states, hidden = self.recurrence(embedded, state.hidden)
        after = RecurrentState(hidden, None, state.lengths, None, state.time + 1)
        return Step(self._features(states, embedded)[:, 0], after, None)

    def _features(self, states: Tensor, embedded: Tensor) -> Tensor:
        return self.dropout(self.readout(join(states, embedded)).tanh())
