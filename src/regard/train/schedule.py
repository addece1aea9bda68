"""How the learning rate changes: a factor that depends on the step alone, so that a resumed run agrees."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass


class Schedule(ABC):
    """A factor of the learning rate for every step, counted from 1."""

    @abstractmethod
    def factor(self, step: int) -> float:
        """The factor at a step."""


@dataclass(frozen=True)
class Constant(Schedule):
    """Rise linearly for `warmup` steps, then stay."""

    warmup: int = 0

    def factor(self, step: int) -> float:
        """min(1, step / warmup)."""
        return min(1.0, step / max(1, self.warmup))


@dataclass(frozen=True)
class InverseSquareRoot(Schedule):
    """Rise linearly for `warmup` steps, then fall with the root of the step (Vaswani et al. 2017, section 5.3).

    Without warm-up it falls from the first step on, as with one step of it.
    """

    warmup: int = 1000

    def __post_init__(self) -> None:
        _check("warmup", self.warmup, 0)

    def factor(self, step: int) -> float:
        """min(step / warmup, sqrt(warmup / step))."""
        warmup = max(1, self.warmup)
        return min(step / warmup, math.sqrt(warmup / step))


@dataclass(frozen=True)
class Cosine(Schedule):
    """Rise for `warmup` steps, then fall along a cosine to `last` at step `total` (Loshchilov and Hutter 2017)."""

    total: int = 10_000
    warmup: int = 500
    last: float = 0.02

    def factor(self, step: int) -> float:
        """The cosine, and `last` after `total`."""
        if step < self.warmup:
            return step / self.warmup
        done = min(1.0, (step - self.warmup) / max(1, self.total - self.warmup))
        return self.last + (1 - self.last) * 0.5 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True)
class Exponential(Schedule):
    """Rise for `warmup` steps, then halve every `half_life` steps."""

    half_life: int = 4000
    warmup: int = 200

    def __post_init__(self) -> None:
        _check("half_life", self.half_life, 1)

    def factor(self, step: int) -> float:
        """min(step / warmup, 1) * 2^(-(step - warmup) / half_life)."""
        if step < self.warmup:
            return step / self.warmup
        return float(0.5 ** ((step - self.warmup) / self.half_life))


@dataclass(frozen=True)
class Stairs(Schedule):
    """Stay at `start` for `wait` steps, then begin at 1 and halve at every `stair` steps.

    Source: Sukhbaatar et al. 2015, section 4.2, whose linear start has half the rate and steps of its own.
    """

    stair: int = 1000
    wait: int = 0
    start: float = 1.0

    def __post_init__(self) -> None:
        _check("stair", self.stair, 1)

    def factor(self, step: int) -> float:
        """start;  2^(-floor((step - wait - 1) / stair)) after `wait`."""
        return self.start if step <= self.wait else float(0.5 ** ((step - self.wait - 1) // self.stair))


def _check(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"schedule.{name} is {value}, expected at least {least}.")
