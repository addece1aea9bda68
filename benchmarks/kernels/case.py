"""What is measured: a case is one question on given tensors, a contender one way to answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

import torch
from torch import Tensor

Result = Tensor | tuple[Tensor, ...]
Call = Callable[[], Result]
Make = Callable[..., Call]
Ceiling = Literal["matrix", "exp", "copy"]


class Pass(Enum):
    """How far a call is run."""

    FORWARD = "forward"
    BOTH = "forward + backward"


class Side(Enum):
    """Whose contender it is; a yardstick is only measured against and never counts as the best peer."""

    OURS = "ours"
    PEER = "peer"
    YARDSTICK = "yardstick"


class Answer(Enum):
    """Whether a contender must give what ours gives: what draws, or is another question, need not."""

    SAME = "same"
    OTHER = "other"


class Build(Enum):
    """Whether a contender is compiled by its first call, which takes tens of seconds."""

    READY = "ready"
    COMPILED = "compiled"


class Scale(Enum):
    """The sizes of the aims, or tiny ones that show in seconds that everything runs."""

    FULL = "full"
    SMOKE = "smoke"


@dataclass(frozen=True)
class Contender:
    """One way to answer a case.

    Args:
        name: as it stands in the table.
        make: builds a call without arguments from the case's tensors; imports whatever package it needs.
        side: whose it is.
        passes: what it can do.
        answer: whether it is held to what ours gives.
        build: whether its first call compiles.
        package: what must be installed, as (name to import, name on PyPI); None means nothing.
        gibibytes: memory it is known to take; it is not run where less is free.
        unfit: why it cannot serve this case; None means it can.
    """

    name: str
    make: Make
    side: Side = Side.PEER
    passes: tuple[Pass, ...] = tuple(Pass)
    answer: Answer = Answer.SAME
    build: Build = Build.READY
    package: tuple[str, str] | None = None
    gibibytes: float = 0.0
    unfit: str | None = None


@dataclass(frozen=True)
class Work:
    """What a pass cannot do without: floating-point operations, exponentials, bytes of tensors read or written."""

    flops: float
    exponentials: float
    bytes: float

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return self.flops / self.bytes


@dataclass(frozen=True)
class Aim:
    """Ours is to be at least so many times as fast as another contender; against None, as the best peer."""

    against: str | None
    which: Pass
    at_least: float


@dataclass(frozen=True)
class Reach:
    """Ours is to reach at least such a part of a measured ceiling."""

    ceiling: Ceiling
    which: Pass
    at_least: float


@dataclass(frozen=True)
class Case:
    """One question on given tensors.

    Args:
        name: as it stands in the table.
        tensors: makes them, the same ones each time; those that are learned require a gradient.
        contenders: all who answer; the first of ours is the one that ratios and aims are about.
        work: of each pass that is measured.
        aims: what ours is to reach.
        dtype: whose matrix ceiling counts.
    """

    name: str
    tensors: Callable[[], tuple[Tensor, ...]]
    contenders: tuple[Contender, ...]
    work: Mapping[Pass, Work]
    aims: tuple[Aim | Reach, ...] = field(default=())
    dtype: torch.dtype = torch.float32

    @property
    def ours(self) -> str:
        """The contender that ratios and aims are about."""
        return next(one.name for one in self.contenders if one.side is Side.OURS)


@dataclass(frozen=True)
class Group:
    """The cases of one line of the table of aims."""

    name: str
    summary: str
    cases: Callable[[Scale], list[Case]]
