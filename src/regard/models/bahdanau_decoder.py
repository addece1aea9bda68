"""Bahdanau's decoder: it looks at the source before each step."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Memory, Score, Weighing
from regard.layers import Dropout
from regard.models.encoded import Encoded, Step
from regard.models.recurrence import Bridge, Recurrence, RecurrentState
from regard.models.sizes import DecoderSizes, join


class BahdanauDecoder(nn.Module):
    """Look with the previous state, then step, then read out.

    c_t = attend(s_{t-1}, h, h),   s_t = RNN(s_{t-1}, [E y_{t-1} ; c_t]),
    features_t = tanh(W [s_t ; E y_{t-1} ; c_t])

    The readout is tanh where the paper has maxout. The score is any; the paper's is Additive.

    Source: Bahdanau, Cho and Bengio 2015, section 3.1 and appendix A.2.2.
    """

    def __init__(self, sizes: DecoderSizes, score: Score, weigh: Weighing) -> None:
        super().__init__()
        self.embedding = sizes.embed()
        self.dropout = Dropout(sizes.dropout)
        self.score, self.weigh = score, weigh
        self.recurrence = Recurrence(
            sizes.cell,
            sizes.embedding_size + sizes.source_size,
            sizes.hidden_size,
            sizes.layers,
            sizes.dropout,
        )
        self.bridge = Bridge(self.recurrence, sizes.source_size)
        joined = sizes.hidden_size + sizes.embedding_size + sizes.source_size
        self.readout = nn.Linear(joined, sizes.feature_size)
        self.output = sizes.output_for(self.embedding)

    def forward(
        self, encoded: Encoded, inputs: Int[Tensor, "batch target"]
    ) -> Float[Tensor, "batch target features"]:
        """Features of every step, given the true previous tokens."""
        embedded = self.dropout(self.embedding(inputs))
        memory, hidden = self._memory(encoded), self.bridge(encoded.final)
        states, contexts = [], []
        for before in embedded.split(1, dim=1):
            context = memory.ask(_query(hidden), self.weigh)
            output, hidden = self.recurrence(join(before, context), hidden)
            states.append(output)
            contexts.append(context)
        return self._features(torch.cat(states, 1), embedded, torch.cat(contexts, 1))

    def start(self, encoded: Encoded) -> RecurrentState:
        """The state before the first step."""
        return RecurrentState(self.bridge(encoded.final), self._memory(encoded), encoded.lengths, None, 0)

    def step(self, inputs: Int[Tensor, " batch"], state: RecurrentState) -> Step:
        """One step, given the tokens of the step before."""
        assert state.memory is not None
        embedded = self.dropout(self.embedding(inputs[:, None]))
        answer = state.memory.answer(_query(state.hidden), self.weigh)
        output, hidden = self.recurrence(join(embedded, answer.context), state.hidden)
        after = RecurrentState(hidden, state.memory, state.lengths, None, state.time + 1)
        return Step(self._features(output, embedded, answer.context)[:, 0], after, answer.weights[:, 0])

    def _memory(self, encoded: Encoded) -> Memory:
        return Memory(encoded.states, encoded.states, score=self.score, where=encoded.visible())

    def _features(self, states: Tensor, embedded: Tensor, contexts: Tensor) -> Tensor:
        return self.dropout(self.readout(join(states, embedded, contexts)).tanh())


def _query(hidden: tuple[Tensor, ...]) -> Tensor:
    """The top layer's state as one query, (batch, 1, size)."""
    return hidden[0][-1].unsqueeze(1)
