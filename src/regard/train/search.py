"""One search for every decoder: greedy, sampling and beam, batched, with the record of what was looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from regard.train.hypotheses import Finished, Hypothesis, Ledger
from regard.train.strategies import Beam, Greedy, Limits, Sample, Strategy

__all__ = ["Hypothesis", "Stepping", "search"]


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


def search(
    decoder: Stepping, encoded: Any, strategy: Strategy, limits: Limits, *, begin: int, end: int
) -> list[list[Hypothesis]]:
    """Targets for every source of a batch, best first.

    Greedy and Sample give one hypothesis each, Beam up to its `n_best`. A finished source leaves the batch.
    A source's result does not depend on the batch it is in, except that Sample's draws do.

    Args:
        decoder: what takes steps.
        encoded: what `decoder.start` takes; `encoded.lengths` are the sources' lengths.
        strategy: how the next token is chosen.
        limits: what a target may be.
        begin: the token before the first.
        end: the token after the last.

    Raises:
        ValueError: the strategy is not known, `allowed` leaves no token or has not one boolean for each token,
            or the decoder's scores are not numbers.
    """
    if len(encoded.lengths) == 0:
        return []
    with torch.no_grad():
        if isinstance(strategy, Beam):
            return _beam(decoder, encoded, strategy, limits, begin, end)
        return _one_each(decoder, encoded, _chooser(strategy), limits, begin, end)


@dataclass
class _Writing:
    """Targets under way, one a row."""

    decoder: Stepping
    limits: Limits
    end: int
    state: Any
    inputs: Tensor
    parents: Tensor
    prefixes: Tensor
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def written(self) -> int:
        """Tokens of every target so far."""
        return self.prefixes.shape[1]

    def step(self, most: Tensor) -> Tensor:
        """Log-probabilities (rows, vocabulary) of what may follow; what may not has minus infinity."""
        step = self.decoder.step(self.inputs, self.state)
        self.state = step.state
        self.ledger.write(self.parents, self.inputs, step.weights)
        scores = self.decoder.output(step.features)
        logs = scores.log_softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32))
        # One score that is no number makes its whole row no number, so one column is enough to look at.
        if bool(logs[:, self.end].isnan().any()):
            raise ValueError(
                f"the decoder's scores are not numbers after {self.written} tokens; the model's weights have "
                "diverged: take an earlier checkpoint, or train with a lower learning rate."
            )
        return _masked(logs, self.prefixes, most <= self.written, self.limits, self.end)

    def go_on(self, parents: Tensor, tokens: Tensor) -> None:
        """Row by row, grow the row `parents` by `tokens`."""
        stays = torch.arange(len(self.inputs), device=parents.device)
        if not torch.equal(parents, stays):
            self.state, self.prefixes = self.state.select(parents), self.prefixes.index_select(0, parents)
        self.parents, self.inputs = parents, tokens
        self.prefixes = torch.cat((self.prefixes, tokens[:, None]), dim=1)


def _masked(logs: Tensor, prefixes: Tensor, full: Tensor, limits: Limits, end: int) -> Tensor:
    """Written into `logs`: what may not follow gets minus infinity, and a target that is full can only end."""
    ending = logs[:, end].clone()
    if limits.allowed is not None:
        allowed = limits.allowed(prefixes)
        if allowed.dtype != torch.bool or allowed.shape != logs.shape:
            raise ValueError(
                f"allowed gave {tuple(allowed.shape)} of {allowed.dtype}, expected {tuple(logs.shape)} (rows, "
                "vocabulary) of torch.bool; expand one row to all if they are alike."
            )
        logs.masked_fill_(~allowed, -torch.inf)
    if prefixes.shape[1] < limits.minimum:
        logs[:, end] = -torch.inf
    if bool(full.any()):
        logs[full] = -torch.inf
        logs[full, end] = ending[full]
    return logs


def _begin(
    decoder: Stepping, encoded: Any, limits: Limits, begin: int, end: int, copies: int
) -> tuple[_Writing, Tensor]:
    """Empty targets, `copies` for each source, and the most tokens each source's target may have."""
    lengths = encoded.lengths
    rows = torch.arange(len(lengths), device=lengths.device).repeat_interleave(copies)
    state = decoder.start(encoded)
    writing = _Writing(
        decoder,
        limits,
        end,
        state if copies == 1 else state.select(rows),
        inputs=torch.full_like(rows, begin),
        parents=torch.arange(len(rows), device=rows.device),
        prefixes=rows.new_empty(len(rows), 0),
    )
    most = (lengths.double() * limits.ratio + 10).long().clamp(min=limits.minimum, max=limits.maximum)
    return writing, most


def _one_each(
    decoder: Stepping,
    encoded: Any,
    choose: Callable[[Tensor], Tensor],
    limits: Limits,
    begin: int,
    end: int,
) -> list[list[Hypothesis]]:
    writing, most = _begin(decoder, encoded, limits, begin, end, copies=1)
    finished = Finished(len(most), 1, most.device)
    sources, log_prob = torch.arange(len(most), device=most.device), finished.score.new_zeros(len(most))
    while len(sources):
        logs = writing.step(most[sources])
        if bool(torch.isneginf(logs.amax(-1)).any()):
            raise _nothing_follows(writing.written, end)
        tokens = choose(logs)
        log_prob = log_prob + logs.gather(1, tokens[:, None]).squeeze(1)
        ended, rows = tokens == end, torch.arange(len(tokens), device=tokens.device)
        score = log_prob.masked_fill(~ended, -torch.inf)
        finished.offer(sources, score[:, None], log_prob[:, None], rows[:, None], writing.written)
        going = (~ended).nonzero().flatten()
        sources, log_prob = sources[going], log_prob[going]
        writing.go_on(going, tokens[going])
    return finished.hypotheses(writing.ledger, encoded.lengths.tolist())


def _beam(
    decoder: Stepping, encoded: Any, strategy: Beam, limits: Limits, begin: int, end: int
) -> list[list[Hypothesis]]:
    size = strategy.size
    writing, most = _begin(decoder, encoded, limits, begin, end, copies=size)
    finished = Finished(len(most), strategy.n_best, most.device)
    sources, ends = torch.arange(len(most), device=most.device), torch.zeros_like(most)
    # Copies of one empty target would all grow alike: only the first may, at the first step.
    totals = torch.full((len(most), size), -torch.inf, dtype=torch.float64, device=most.device)
    totals[:, 0] = 0
    while len(sources):
        logs = writing.step(most[sources].repeat_interleave(size))
        best, parents, tokens = _candidates(totals, logs)
        ended = tokens == end
        # Only what ranks among the beam itself may end, so that a beam of one is the greedy search.
        offered = best[:, :size].masked_fill(~ended[:, :size], -torch.inf)
        score = strategy.score(offered, writing.written + 1)
        finished.offer(sources, score, offered, parents[:, :size], writing.written)
        ends[sources] += torch.isfinite(offered).sum(1)

        totals, columns = best.masked_fill(ended, -torch.inf).topk(size)
        # Log-probabilities only fall, so this is the most that growing on could still reach.
        reachable = strategy.score(totals[:, 0], most[sources] + 1)
        alive = (ends[sources] < size) & (reachable > finished.score[sources, -1])
        # A beam with places to spare fills them with copies of its first; their minus infinity holds them back.
        columns = torch.where(torch.isfinite(totals), columns, columns[:, :1])[alive]
        sources, totals = sources[alive], totals[alive]
        writing.go_on(parents[alive].gather(1, columns).flatten(), tokens[alive].gather(1, columns).flatten())
    if bool(torch.isneginf(finished.score[:, 0]).any()):
        raise _nothing_follows(writing.written, end)
    return finished.hypotheses(writing.ledger, encoded.lengths.tolist())


def _candidates(totals: Tensor, logs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The best ways on, (sources, ways): their log-probabilities, the rows they grow from and their tokens.

    A row can end in one way only, so that of twice as many ways as the beam has rows enough go on.
    """
    sources, size = totals.shape
    # The best of all are among the best of each row, which are far fewer than the whole vocabulary.
    width = min(2 * size, logs.shape[1])
    values, tokens = logs.topk(width)
    sums = (totals[..., None] + values.view(sources, size, width)).flatten(1)
    best, places = sums.topk(min(2 * size, size * width))
    first = torch.arange(0, sources * size, size, device=places.device)
    return best, places // width + first[:, None], tokens.view(sources, -1).gather(1, places)


def _chooser(strategy: Strategy) -> Callable[[Tensor], Tensor]:
    if isinstance(strategy, Greedy):
        return lambda logs: logs.argmax(-1)
    if isinstance(strategy, Sample):
        generator = torch.Generator().manual_seed(strategy.seed)
        return lambda logs: _draw(logs, strategy, generator)
    raise ValueError(f"strategy is {strategy!r}, expected Greedy(), Sample(...) or Beam(...).")


def _draw(logs: Tensor, strategy: Sample, generator: torch.Generator) -> Tensor:
    # With the best at 0, a temperature near 0 does not overflow.
    cooled = (logs.double() - logs.amax(-1, keepdim=True)) / strategy.temperature
    if strategy.top_k == 0 and strategy.top_p == 1:
        return _drawn(cooled, generator)
    ordered, tokens = cooled.topk(min(strategy.top_k or logs.shape[-1], logs.shape[-1]))
    # A token stays if those before it do not yet have the probability that is asked for.
    probabilities = ordered.softmax(-1)
    before = probabilities.cumsum(-1) - probabilities
    chosen = _drawn(ordered.masked_fill(before >= strategy.top_p, -torch.inf), generator)
    return tokens.gather(1, chosen[:, None]).squeeze(1)


def _drawn(logs: Tensor, generator: torch.Generator) -> Tensor:
    """A place of every row; drawn on the CPU, so that one seed draws the same on every device."""
    drawn = torch.multinomial(logs.softmax(-1).cpu(), 1, generator=generator)
    return drawn.squeeze(1).to(logs.device)


def _nothing_follows(written: int, end: int) -> ValueError:
    return ValueError(
        f"allowed leaves no token after {written} tokens; let it allow the end ({end}), or lower minimum."
    )
