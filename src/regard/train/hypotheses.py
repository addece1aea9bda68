"""What a search finds: hypotheses, and the ledger from which they are read back."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Hypothesis:
    """One target.

    tokens: without begin and end. score: what it was ranked by. log_prob: natural logarithm of its probability,
    the end included. weights: (tokens + end, source), None where the decoder does not look.
    """

    tokens: list[int]
    score: float
    log_prob: float
    weights: Tensor | None


@dataclass
class Ledger:
    """What was read and looked at in every step, and which row of the step before each row grew from.

    A search reorders its rows at every step. Here only their numbers are kept, and the few hypotheses that are
    wanted are read back at the end, so that no history is copied while the search goes on.

    Example:
        >>> ledger = Ledger()
        >>> ledger.write(torch.tensor([0, 0]), torch.tensor([1, 1]), None)  # both rows read begin (1)
        >>> ledger.write(torch.tensor([1, 1]), torch.tensor([5, 6]), None)  # both grew from row 1
        >>> ledger.read(steps=torch.tensor([1]), rows=torch.tensor([1]))[0]
        tensor([[1, 6]])
    """

    parents: list[Tensor] = field(default_factory=list)
    inputs: list[Tensor] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)

    def write(
        self,
        parents: Int[Tensor, " rows"],
        inputs: Int[Tensor, " rows"],
        weights: Float[Tensor, "rows source"] | None,
    ) -> None:
        """Note one step."""
        self.parents.append(parents)
        self.inputs.append(inputs)
        if weights is not None:
            self.weights.append(weights.float())

    def read(
        self, steps: Int[Tensor, " found"], rows: Int[Tensor, " found"]
    ) -> tuple[Int[Tensor, "found time"], Float[Tensor, "found time source"] | None]:
        """Inputs and weights of what was in row `rows` at step `steps`, from step 0 on; zero behind it."""
        longest, row = int(steps.max()) + 1, rows.clone()
        inputs = torch.zeros(len(rows), longest, dtype=torch.int64, device=rows.device)
        weights = self.weights[0].new_zeros(len(rows), longest, self.weights[0].shape[1]) if self.weights else None
        for time in reversed(range(longest)):
            live = (steps >= time).nonzero().flatten()
            here = row[live]
            inputs[live, time] = self.inputs[time][here]
            if weights is not None:
                weights[live, time] = self.weights[time][here]
            row[live] = self.parents[time][here]
        return inputs, weights


class Finished:
    """The best finished targets of every source: where in the ledger they end, and what they are worth."""

    def __init__(self, sources: int, most: int, device: torch.device) -> None:
        self.score = torch.full((sources, most), -torch.inf, dtype=torch.float64, device=device)
        self.log_prob = self.score.clone()
        self.step = torch.zeros(sources, most, dtype=torch.int64, device=device)
        self.row = self.step.clone()

    def offer(
        self,
        sources: Int[Tensor, " chosen"],
        score: Float[Tensor, "chosen offered"],
        log_prob: Float[Tensor, "chosen offered"],
        row: Int[Tensor, "chosen offered"],
        step: int,
    ) -> None:
        """Keep the best of what there is and what is offered; a score of minus infinity is no offer."""
        joined = torch.cat((self.score[sources], score), dim=1)
        score, best = joined.topk(self.score.shape[1])
        self.score[sources] = score
        for kept, offered in ((self.log_prob, log_prob), (self.row, row), (self.step, torch.full_like(row, step))):
            kept[sources] = torch.cat((kept[sources], offered), dim=1).gather(1, best)

    def hypotheses(self, ledger: Ledger, lengths: list[int]) -> list[list[Hypothesis]]:
        """What was finished, best first; weights end where their source does."""
        found: list[list[Hypothesis]] = [[] for _ in lengths]
        places = torch.isfinite(self.score).nonzero()
        if not len(places):
            return found
        source, rank = places.unbind(1)
        steps = self.step[source, rank]
        inputs, weights = ledger.read(steps, self.row[source, rank])
        scores, log_probs = self.score[source, rank].tolist(), self.log_prob[source, rank].tolist()
        written, until = inputs.tolist(), (steps + 1).tolist()
        for number, place in enumerate(source.tolist()):
            # The padded whole must not stay alive behind every row of it, so this is a copy.
            own = None if weights is None else weights[number, : until[number], : lengths[place]].clone()
            tokens = written[number][1 : until[number]]
            found[place].append(Hypothesis(tokens, scores[number], log_probs[number], own))
        return found
