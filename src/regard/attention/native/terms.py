"""The three answers of a call as kernels know them: plain numbers and tensors, no classes of ours."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import torch
from torch import Tensor


class Code(IntEnum):
    """A step of a where; what each means and takes stands in native/src/where.hpp."""

    BAND = 1
    KEY_LENGTHS = 2
    QUERY_LENGTHS = 3
    MASK = 4
    SAME = 5
    PLACES = 6
    SPANS = 7
    AROUND = 8
    AND = 9
    OR = 10
    NOT = 11
    BIAS = 20
    TABLE = 21
    SLOPE = 22
    GAUSS = 23

    @property
    def learns(self) -> bool:
        """Whether the kernels have a gradient of the step's tensor."""
        return self in (Code.BIAS, Code.TABLE, Code.SLOPE, Code.GAUSS)


# Stands for an open side of a band.
OPEN = 1 << 60


class Step(NamedTuple):
    """A step and its arguments: whole numbers, floating-point numbers and tensors."""

    code: Code
    arguments: tuple[int | float | Tensor, ...] = ()


class Program(NamedTuple):
    """A where: conditions, as a program for a stack, and what is added to scores or multiplies weights.

    No conditions means that everything is seen.
    """

    conditions: tuple[Step, ...] = ()
    priors: tuple[Step, ...] = ()

    def both(self, other: Program) -> Program:
        """What both show, with the priors of both."""
        joined = (Step(Code.AND),) if self.conditions and other.conditions else ()
        return Program(self.conditions + other.conditions + joined, self.priors + other.priors)

    def either(self, other: Program) -> Program:
        """What one or the other shows."""
        if not self.conditions or not other.conditions:
            return Program()
        return Program((*self.conditions, *other.conditions, Step(Code.OR)))

    def others(self) -> Program:
        """What is hidden here."""
        if not self.conditions:
            return Program((Step(Code.BAND, (1, 0)),))
        return Program((*self.conditions, Step(Code.NOT)))


class Matching(IntEnum):
    """How a kernel matches prepared queries with prepared keys."""

    PRODUCT = 0
    ADDITIVE = 1
    CONVOLVED = 2


class Match(NamedTuple):
    """A score: how to match, the bound of a capped product (0 for none), and what it learns.

    size: how many numbers of a prepared query and key are matched, 0 for all; what the rest means is told in
    native/src/convolved.hpp. channels, taps: filters and how many numbers each has.
    """

    matching: Matching
    softcap: float = 0.0
    learned: Tensor | None = None
    size: int = 0
    channels: int = 0
    taps: int = 0


class Weights(IntEnum):
    """How a kernel makes weights of a row of scores."""

    SOFTMAX = 0
    ENTMAX = 1
    SIGMOID = 2
    TOP_K = 3
    ARGMAX = 4
    GUMBEL = 5
    GUMBEL_HARD = 6


class Rule(NamedTuple):
    """A weighing: how, with which temperature or alpha, and a number for every row where that varies or is learned.

    number: the sink of a softmax, or the alpha of an entmax, broadcasts to (batch, heads, queries, 1).
    most: how many keys a top-k keeps. seed: of the noise of a sample.
    """

    weights: Weights
    temperature: float = 1.0
    alpha: float = 0.0
    number: Tensor | None = None
    most: int = 0
    seed: int | Tensor | None = None


def strided(tensor: Tensor, axes: int) -> tuple[Tensor, *tuple[int, ...]]:
    """A tensor, dense, and its strides along its first axes: 0 where it has one entry for all."""
    dense = tensor.contiguous()
    steps = (0 if size == 1 else step for size, step in zip(dense.shape, dense.stride(), strict=True))
    return dense, *tuple(steps)[:axes]


def single(tensor: Tensor) -> Tensor:
    """A tensor of numbers as kernels read them."""
    return tensor if tensor.dtype == torch.float32 else tensor.float()
