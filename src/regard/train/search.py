"""One search for every decoder: greedy, sampling and beam, batched, with the record of what was looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from regard.train.strategies import Beam, Greedy, Limits, Sample, Strategy


class Stepping(Protocol):
    """What a search needs of a decoder."""

    @property
    def output(self) -> nn.Module:
        """Features to scores of tokens."""
        ...

    def start(self, encoded: Any) -> Any:
        """The state before the first step."""
        ...

    def step(self, inputs: Tensor, state: Any) -> Any:
        """One step: an object with `features`, `state` (which has `select`) and `weights`."""
        ...


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


def search(
    decoder: Stepping, encoded: Any, strategy: Strategy, limits: Limits, *, begin: int, end: int
) -> list[list[Hypothesis]]:
    """Targets for every source of a batch, best first.

    Greedy and Sample give one hypothesis each, Beam its `n_best`. A finished hypothesis leaves the batch.

    Args:
        decoder: what takes steps.
        encoded: what `decoder.start` takes; `encoded.lengths` are the sources' lengths.
        strategy: how the next token is chosen.
        limits: what a target may be.
        begin: the token before the first.
        end: the token after the last.

    Raises:
        ValueError: the strategy is not known, or `allowed` leaves no token.
    """
    with torch.no_grad():
        if isinstance(strategy, Beam):
            return _beam(decoder, encoded, strategy, limits, begin, end)
        return _one_each(decoder, encoded, _chooser(strategy), limits, begin, end)


def _most(encoded: Any, limits: Limits) -> Tensor:
    """Most tokens of each source's target."""
    return (encoded.lengths.double() * limits.ratio + 10).long().clamp(max=limits.maximum)


def _log_probs(
    decoder: Stepping, features: Tensor, limits: Limits, prefixes: Tensor, full: Tensor, end: int
) -> Tensor:
    """Log-probabilities (rows, vocabulary) of what may follow; the rest is minus infinity."""
    logs = decoder.output(features).double().log_softmax(-1)
    written = prefixes.shape[1] - 1
    if written < limits.minimum:
        logs[:, end] = -torch.inf
    if limits.allowed is not None:
        logs = logs.masked_fill(~limits.allowed(prefixes[:, 1:]), -torch.inf)
    if bool(full.any()):
        # At its maximum a target can only end; this costs it nothing, as the limit is not the model's.
        only_end = torch.full_like(logs, -torch.inf)
        only_end[:, end] = 0.0
        logs = torch.where(full[:, None], only_end, logs)
    if bool(torch.isneginf(logs).all(-1).any()):
        raise ValueError(
            f"allowed leaves no token after {written} tokens; let it allow the end ({end}), or lower minimum."
        )
    return logs


@dataclass
class _Rows:
    """Targets that are being written, one a row."""

    state: Any
    prefixes: Tensor
    log_prob: Tensor
    weights: Tensor | None

    def select(self, index: Tensor) -> _Rows:
        weights = None if self.weights is None else self.weights.index_select(0, index)
        return _Rows(
            self.state.select(index),
            self.prefixes.index_select(0, index),
            self.log_prob.index_select(0, index),
            weights,
        )

    def looked(self, weights: Tensor | None) -> _Rows:
        """With the weights of one more step."""
        if weights is None:
            return self
        row = weights.float().unsqueeze(1)
        joined = row if self.weights is None else torch.cat((self.weights, row), dim=1)
        return _Rows(self.state, self.prefixes, self.log_prob, joined)

    def write(self, tokens: Tensor, log_prob: Tensor) -> _Rows:
        return _Rows(self.state, torch.cat((self.prefixes, tokens[:, None]), dim=1), log_prob, self.weights)

    def hypothesis(self, row: int, score: float, log_prob: float, length: int) -> Hypothesis:
        """A row that has ended; `length` is the source's."""
        weights = None if self.weights is None else self.weights[row, :, :length].clone()
        return Hypothesis(self.prefixes[row, 1:].tolist(), score, log_prob, weights)


def _begin(decoder: Stepping, encoded: Any, begin: int) -> _Rows:
    state, count, device = decoder.start(encoded), len(encoded.lengths), encoded.lengths.device
    prefixes = torch.full((count, 1), begin, dtype=torch.int64, device=device)
    return _Rows(state, prefixes, torch.zeros(count, dtype=torch.float64, device=device), None)


def _advance(decoder: Stepping, rows: _Rows, most: Tensor, limits: Limits, end: int) -> tuple[_Rows, Tensor]:
    """One step of the decoder for every row, and the log-probabilities of what may follow."""
    step = decoder.step(rows.prefixes[:, -1], rows.state)
    full = most <= rows.prefixes.shape[1] - 1
    logs = _log_probs(decoder, step.features, limits, rows.prefixes, full, end)
    return _Rows(step.state, rows.prefixes, rows.log_prob, rows.weights).looked(step.weights), logs


def _one_each(
    decoder: Stepping,
    encoded: Any,
    choose: Callable[[Tensor], Tensor],
    limits: Limits,
    begin: int,
    end: int,
) -> list[list[Hypothesis]]:
    found: list[list[Hypothesis]] = [[] for _ in encoded.lengths]
    lengths, most = encoded.lengths.tolist(), _most(encoded, limits)
    rows, origin = _begin(decoder, encoded, begin), torch.arange(len(lengths), device=most.device)
    while len(origin):
        rows, logs = _advance(decoder, rows, most[origin], limits, end)
        tokens = choose(logs)
        log_prob = rows.log_prob + logs.gather(1, tokens[:, None]).squeeze(1)
        ended = tokens == end
        for row in ended.nonzero().flatten().tolist():
            total, place = float(log_prob[row]), int(origin[row])
            found[place].append(rows.hypothesis(row, total, total, lengths[place]))
        going = (~ended).nonzero().flatten()
        rows = rows.write(tokens, log_prob).select(going)
        origin = origin[going]
    return found


def _chooser(strategy: Strategy) -> Callable[[Tensor], Tensor]:
    if isinstance(strategy, Greedy):
        return lambda logs: logs.argmax(-1)
    if isinstance(strategy, Sample):
        generator = torch.Generator().manual_seed(strategy.seed)
        return lambda logs: _draw(logs, strategy, generator)
    raise ValueError(f"strategy is {strategy!r}, expected Greedy(), Sample(...) or Beam(...).")


def _draw(logs: Tensor, strategy: Sample, generator: torch.Generator) -> Tensor:
    logs = logs / strategy.temperature
    if 0 < strategy.top_k < logs.shape[-1]:
        kept = logs.topk(strategy.top_k).values[:, -1:]
        logs = logs.masked_fill(logs < kept, -torch.inf)
    probabilities = logs.softmax(-1)
    if strategy.top_p < 1:
        ordered, places = probabilities.sort(-1, descending=True)
        # A token stays if those before it do not yet have the probability that is asked for.
        ordered[ordered.cumsum(-1) - ordered >= strategy.top_p] = 0
        probabilities = torch.zeros_like(probabilities).scatter(1, places, ordered)
    return torch.multinomial(probabilities.cpu(), 1, generator=generator).squeeze(1).to(logs.device)


def _beam(
    decoder: Stepping, encoded: Any, strategy: Beam, limits: Limits, begin: int, end: int
) -> list[list[Hypothesis]]:
    size, lengths = strategy.size, encoded.lengths.tolist()
    found: list[list[Hypothesis]] = [[] for _ in lengths]
    most = _most(encoded, limits)
    origin = torch.arange(len(lengths), device=most.device)
    rows = _begin(decoder, encoded, begin).select(origin.repeat_interleave(size))
    # Copies of one empty prefix would all grow alike: only the first may, at the first step.
    rows.log_prob.view(-1, size)[:, 1:] = -torch.inf
    while len(origin):
        rows, logs = _advance(decoder, rows, most[origin].repeat_interleave(size), limits, end)
        vocabulary = logs.shape[1]
        totals = (rows.log_prob[:, None] + logs).view(len(origin), size * vocabulary)
        # Each row ends in one way only, so of 2 x size candidates at least size go on.
        best, places = totals.topk(min(2 * size, totals.shape[1]))
        parents = places // vocabulary + torch.arange(len(origin), device=places.device)[:, None] * size
        tokens = places % vocabulary
        ended = (tokens == end) & ~torch.isneginf(best)
        # Only what ranks among the beam itself may end, so that a beam of one is the greedy search.
        ended[:, size:] = False
        divisor = ((5 + rows.prefixes.shape[1]) / 6) ** strategy.length_penalty
        for group, column in ended.nonzero().tolist():
            total, place = float(best[group, column]), int(origin[group])
            row = int(parents[group, column])
            found[place].append(rows.hypothesis(row, total / divisor, total, lengths[place]))
        rows, origin = _grow(rows, origin, best, parents, tokens, end, size, found)
    return [sorted(group, key=lambda one: -one.score)[: strategy.n_best] for group in found]


def _grow(
    rows: _Rows,
    origin: Tensor,
    best: Tensor,
    parents: Tensor,
    tokens: Tensor,
    end: int,
    size: int,
    found: list[list[Hypothesis]],
) -> tuple[_Rows, Tensor]:
    """The best candidates that go on, without sources that have `size` targets or nothing left to grow."""
    growing = best.masked_fill(tokens == end, -torch.inf)
    going, columns = growing.topk(min(size, growing.shape[1]))
    if going.shape[1] < size:
        short = size - going.shape[1]
        going = torch.nn.functional.pad(going, (0, short), value=-torch.inf)
        columns = torch.nn.functional.pad(columns, (0, short))
    alive = torch.isfinite(going).any(1) & torch.tensor(
        [len(found[int(place)]) < size for place in origin], device=origin.device
    )
    index = alive.nonzero().flatten()
    columns, going = columns[index], going[index]
    chosen = parents[index].gather(1, columns).flatten()
    return rows.select(chosen).write(tokens[index].gather(1, columns).flatten(), going.flatten()), origin[index]
