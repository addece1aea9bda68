"""Softmax attention and those who compute it: the contenders of several groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

import regard as rg
from benchmarks.kernels.case import Aim, Build, Call, Case, Contender, Make, Pass, Reach, Work
from benchmarks.kernels.makes import compiled, filled, plain, regard
from regard.attention.plan import Path


class Shown(Enum):
    """Which keys are seen."""

    FULL = "full"
    CAUSAL = "causal"
    PADDED = "padded"


@dataclass(frozen=True)
class Problem:
    """Softmax attention of one shape: as many queries as keys, (batch, heads, time, size)."""

    batch: int
    heads: int
    time: int
    size: int
    shown: Shown = Shown.FULL
    dtype: torch.dtype = torch.float32

    @property
    def name(self) -> str:
        """Shape and what is shown."""
        return f"({self.batch},{self.heads},{self.time},{self.size}) {self.shown.value}"

    @property
    def lengths(self) -> Tensor:
        """Keys of each sequence when padded: from two thirds of the time to nearly all of it."""
        return self.time - (torch.arange(self.batch) + 1) * self.time // (3 * self.batch)

    @property
    def cells(self) -> int:
        """Scores that count."""
        per_head = {
            Shown.FULL: self.batch * self.time**2,
            Shown.CAUSAL: self.batch * self.time * (self.time + 1) // 2,
            Shown.PADDED: self.time * int(self.lengths.sum()),
        }
        return self.heads * per_head[self.shown]

    @property
    def where(self) -> rg.Where | None:
        """What is shown, for Regard."""
        wheres: dict[Shown, rg.Where] = {Shown.CAUSAL: rg.Causal(), Shown.PADDED: rg.Lengths(self.lengths)}
        return wheres.get(self.shown)

    @property
    def mask(self) -> Tensor | None:
        """What is shown as a tensor that broadcasts to the scores, as the formula wants it."""
        if self.shown is Shown.CAUSAL:
            return torch.ones(self.time, self.time, dtype=torch.bool).tril()
        return self.real

    @property
    def real(self) -> Tensor | None:
        """Which keys are no padding, (batch, 1, 1, time); None where there is none."""
        if self.shown is not Shown.PADDED:
            return None
        return (torch.arange(self.time) < self.lengths[:, None])[:, None, None, :]

    @property
    def matrix_gibibytes(self) -> float:
        """One matrix of weights."""
        return self.batch * self.heads * self.time**2 * self.dtype.itemsize / 2**30

    def tensors(self) -> tuple[Tensor, ...]:
        """Query, key and value."""
        shape = (self.batch, self.heads, self.time, self.size)
        return tuple(filled(*shape, seed=seed, dtype=self.dtype) for seed in range(3))


def attention_work(cells: float, size: int, value_size: int, touched: float) -> dict[Pass, Work]:
    """Work of attention over so many scores; `touched` are the bytes of inputs and output.

    Forward multiplies twice over every score, by keys and values; backward five times, as it makes the scores again.
    Of bytes, backward reads what forward did and the outer gradient, and writes a gradient for each.
    """
    forward = 2 * cells * (size + value_size)
    backward = 2 * cells * (3 * size + 2 * value_size)
    return {
        Pass.FORWARD: Work(forward, cells, touched),
        Pass.BOTH: Work(forward + backward, 2 * cells, 3 * touched),
    }


def formula(query: Tensor, key: Tensor, value: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Attention as it is written: all scores, softmax, sum."""
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(-1) @ value


def contenders(problem: Problem) -> tuple[Contender, ...]:
    """All who compute softmax attention."""
    where, mask = problem.where, problem.mask

    def ours(path: Path | None, *tensors: Tensor) -> Call:
        return partial(rg.attend, *tensors, where=where, path=path)

    whole = partial(formula, mask=mask)
    return (
        *regard(ours, "native", "blockwise"),
        sdpa(problem),
        Contender("FlexAttention", flex(problem), passes=(Pass.FORWARD,), build=Build.COMPILED),
        Contender("formula", plain(whole), gibibytes=6 * problem.matrix_gibibytes),
        Contender("formula, compiled", compiled(whole), build=Build.COMPILED, gibibytes=4 * problem.matrix_gibibytes),
        Contender("x-transformers", x_transformers(problem), package=("x_transformers", "x-transformers")),
    )


def sdpa(problem: Problem) -> Contender:
    """PyTorch's fused attention."""
    call = partial(scaled_dot_product_attention, attn_mask=problem.real, is_causal=problem.shown is Shown.CAUSAL)
    return Contender("SDPA", plain(call))


def flex(problem: Problem) -> Make:
    """FlexAttention, compiled; it has no backward on a CPU and takes no tensors that are learned."""

    def make(*tensors: Tensor) -> Call:
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        lengths, time = problem.lengths, problem.time
        shows = {
            Shown.CAUSAL: lambda batch, head, row, column: row >= column,
            Shown.PADDED: lambda batch, head, row, column: column < lengths[batch],
        }.get(problem.shown)
        blocks = None
        if shows is not None:
            blocks = create_block_mask(shows, problem.batch, None, time, time, device="cpu")
        return partial(
            torch.compile(flex_attention, fullgraph=True, dynamic=False),
            *(tensor.detach() for tensor in tensors),
            block_mask=blocks,
        )

    return make


def x_transformers(problem: Problem) -> Make:
    """The attention inside x-transformers, with its flash option."""

    def make(query: Tensor, key: Tensor, value: Tensor) -> Call:
        from x_transformers.attend import Attend

        attend = Attend(causal=problem.shown is Shown.CAUSAL, flash=True)
        return lambda: attend(query, key, value, mask=problem.real)[0]

    return make


def case(problem: Problem, *, aims: tuple[Aim | Reach, ...] = ()) -> Case:
    """Softmax attention of this shape, by all who compute it."""
    return Case(problem.name, problem.tensors, contenders(problem), work(problem), aims, problem.dtype)


def work(problem: Problem) -> dict[Pass, Work]:
    """Work of softmax attention of this shape."""
    touched = 4 * problem.batch * problem.heads * problem.time * problem.size * problem.dtype.itemsize
    return attention_work(problem.cells, problem.size, problem.size, touched)
