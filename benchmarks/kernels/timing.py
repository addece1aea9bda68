"""Contenders of a case timed round by round on the same tensors."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from types import FrameType

import torch
from torch import Tensor

from benchmarks.kernels.case import Answer, Build, Case, Contender, Pass, Result, Scale
from benchmarks.kernels.presence import absence

# A first call that compiles for longer, in seconds, is given up.
COMPILING = 240
# A contender that has run so long in one pass, in seconds, is not asked in further rounds.
PATIENCE = 60.0
# A first call that takes longer, in seconds, needs no second one before the rounds.
LONG = 1.0
# How a reason begins why a contender that was called has no times.
REFUSED, FAILED = "refused", "failed"
# A round lasts at least this long, in seconds: shorter calls are repeated, so that neither the clock itself counts
# nor the caches that the contender before has filled.
SHORTEST = {Scale.FULL: 0.02, Scale.SMOKE: 0.0}


@dataclass
class Run:
    """One contender in one pass.

    Args:
        contender: who.
        seconds: of one call, in each round.
        first: seconds of the very first call, compiling included.
        difference: largest difference from ours in anything it gives, as a part of the largest number of ours; None
            where it is not held to ours.
        missing: why it has no times; None means that it has.
    """

    contender: Contender
    seconds: list[float] = field(default_factory=list)
    first: float = 0.0
    difference: float | None = None
    missing: str | None = None


def timed(case: Case, which: Pass, rounds: int, scale: Scale) -> list[Run]:
    """Run every contender of a case that has this pass; ours comes first and is what others are compared with."""
    torch.compiler.reset()
    tensors = case.tensors()
    steps: list[_Step] = []
    runs: list[Run] = []
    expected: list[Tensor] | None = None
    for contender in case.contenders:
        if which not in contender.passes:
            continue
        run = Run(contender, missing=absence(contender, scale))
        runs.append(run)
        if run.missing is None:
            step = _Step(run, which, tensors)
            found = step.first()
            if found is None:
                continue
            expected = found if contender.name == case.ours else expected
            if expected is not None and contender.answer is Answer.SAME:
                run.difference = difference(found, expected)
            step.warm(SHORTEST[scale])
            steps.append(step)
    _play(steps, rounds)
    return runs


def _play(steps: list[_Step], rounds: int) -> None:
    """Each round begins with another contender, so that none always follows the same one."""
    for place in range(rounds):
        start = place % max(1, len(steps))
        for step in steps[start:] + steps[:start]:
            if place == 0 or step.spent < PATIENCE:
                step.play()


class _Step:
    """A contender's pass, ready to be called again and again."""

    def __init__(self, run: Run, which: Pass, tensors: tuple[Tensor, ...]) -> None:
        self.run, self.which, self.tensors = run, which, tensors
        self.call: Callable[[], list[Tensor]] = list
        self.repeats, self.spent = 1, 0.0

    def first(self) -> list[Tensor] | None:
        """Build and call once; None where that failed, which the run then tells."""
        begun = time.perf_counter()
        try:
            with _limited(self.run.contender):
                self.call = pass_of(self.run.contender, self.which, self.tensors)
                with mode_of(self.which):
                    found = self.call()
        except Exception as error:  # whatever a peer raises is its result here, and must not end the others
            # A call that a path or a peer does not serve is a ValueError; the rest is out of order.
            how = REFUSED if isinstance(error, ValueError) else FAILED
            self.run.missing = f"{how}: {_one_line(error)}"
            return None
        self.run.first = time.perf_counter() - begun
        return found

    def warm(self, shortest: float) -> None:
        """Call again and see how often a round must; a long first call has warmed up what there is to warm."""
        if self.run.contender.build is Build.READY and self.run.first > LONG:
            return
        while (spent := self._seconds()) < shortest:
            self.repeats *= max(2, math.ceil(shortest / max(spent, 1e-6)))

    def play(self) -> None:
        """One round."""
        spent = self._seconds()
        self.spent += spent
        self.run.seconds.append(spent / self.repeats)

    def _seconds(self) -> float:
        with mode_of(self.which):
            begun = time.perf_counter()
            for _ in range(self.repeats):
                self.call()
            return time.perf_counter() - begun


def pass_of(contender: Contender, which: Pass, tensors: tuple[Tensor, ...]) -> Callable[[], list[Tensor]]:
    """A call that runs a pass, within `mode_of` it, and gives the answer, or the gradients of all that is learned."""
    call = contender.make(*tensors)
    if which is Pass.FORWARD:
        return lambda: _listed(call())
    with torch.no_grad():
        outer = [_outer(tensor) for tensor in _listed(call())]
    learned = [tensor for tensor in tensors if tensor.requires_grad]

    def both() -> list[Tensor]:
        # A yardstick need not use all that the case learns.
        found = torch.autograd.grad(_listed(call()), learned, outer, allow_unused=True)
        return [tensor for tensor in found if tensor is not None]

    return both


def mode_of(which: Pass) -> AbstractContextManager[object]:
    """The mode of a pass; entered round many calls, as entering costs what a small call does."""
    return torch.set_grad_enabled(which is Pass.BOTH)


def difference(found: list[Tensor], expected: list[Tensor]) -> float:
    """Largest difference of any number, as a part of the largest one expected in its tensor.

    A tensor whose numbers all but vanish beside those of the others counts as if they were a thousandth of these.
    """
    if [one.shape for one in found] != [one.shape for one in expected]:
        return math.inf
    largest = [_largest(one) for one in expected]
    least = max(1e-3 * max(largest), torch.finfo(torch.float32).tiny)
    distances = (_largest(one.float() - other.float()) for one, other in zip(found, expected, strict=True))
    parts = [distance / max(scale, least) for distance, scale in zip(distances, largest, strict=True)]
    # Of NaN and a number, max gives either.
    return math.nan if any(map(math.isnan, parts)) else max(parts)


def _largest(tensor: Tensor) -> float:
    return float(tensor.detach().float().abs().max())


def _outer(tensor: Tensor) -> Tensor:
    """A gradient from outside: dense and not constant, as a model's is."""
    generator = torch.Generator().manual_seed(11)
    return torch.randn(tensor.shape, generator=generator).to(tensor.dtype)


def _listed(result: Result) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else list(result)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 160 else f"{text[:157]}..."


@contextmanager
def _limited(contender: Contender) -> Iterator[None]:
    """Give up compiling after a while; elsewhere no limit."""
    if contender.build is not Build.COMPILED:
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"compiling took more than {COMPILING} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(COMPILING)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
