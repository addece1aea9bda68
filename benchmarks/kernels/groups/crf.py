"""Linear chains: likelihood, log-partition and the best sequence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.kernels.case import Aim, Answer, Build, Call, Case, Contender, Group, Make, Pass, Scale, Side, Work
from benchmarks.kernels.makes import compiled, filled, plain
from regard.attention.structures import linear_chain
from regard.layers import CRF


@dataclass(frozen=True)
class _Shape:
    batch: int
    time: int
    states: int

    def __str__(self) -> str:
        return f"B = {self.batch}, N = {self.time}, C = {self.states}"

    @property
    def transitions(self) -> int:
        return self.batch * (self.time - 1) * self.states**2


_SHAPES = {Scale.FULL: (_Shape(64, 64, 20), _Shape(16, 512, 32)), Scale.SMOKE: (_Shape(3, 7, 5),)}
# A compiler unrolls the loop over time: 40 s for 64 steps, and no end for 512.
_MOST_TO_UNROLL = 64
_TORCH_CRF = ("torchcrf", "pytorch-crf")
_TORCH_STRUCT = ("torch_struct", "torch-struct")


def _cases(scale: Scale) -> list[Case]:
    return [make(shape) for make in (_likelihood, _partition, _best) for shape in _SHAPES[scale]]


def _likelihood(shape: _Shape) -> Case:
    """What a tagger is trained by."""
    tags = torch.randint(shape.states, (shape.batch, shape.time), generator=torch.Generator().manual_seed(7))

    def ours(unary: Tensor, *learned: nn.Parameter) -> Call:
        return partial(_ours(*learned), unary, tags)

    def theirs(unary: Tensor, *learned: nn.Parameter) -> Call:
        return partial(_theirs(*learned), unary, tags, reduction="none")

    return Case(
        f"likelihood, {shape}",
        lambda: (*_scores(shape), filled(shape.states, seed=2), filled(shape.states, seed=3)),
        (
            Contender("Regard", ours, Side.OURS),
            Contender("pytorch-crf", theirs, package=_TORCH_CRF),
        ),
        _work(shape),
        (Aim("pytorch-crf", Pass.BOTH, 20.0),),
    )


def _partition(shape: _Shape) -> Case:
    """The sum over all sequences."""
    too_long = None
    if shape.time > _MOST_TO_UNROLL:
        too_long = f"a compiler unrolls the loop over time, without end for {shape.time} steps"
    return Case(
        f"log-partition, {shape}",
        lambda: _scores(shape),
        (
            Contender("Regard", plain(linear_chain.log_partition), Side.OURS),
            Contender("formula", plain(_recursion)),
            Contender("formula, compiled", compiled(_recursion), build=Build.COMPILED, unfit=too_long),
            Contender("torch-struct", _struct(shape), package=_TORCH_STRUCT),
        ),
        _work(shape),
        (Aim("torch-struct", Pass.BOTH, 200.0),),
    )


def _best(shape: _Shape) -> Case:
    """Viterbi; the peer's answer is a list of lists, so it is not compared here."""

    def ours(unary: Tensor, *learned: nn.Parameter) -> Call:
        best = _ours(*learned).best
        return lambda: best(unary).score

    def theirs(unary: Tensor, *learned: nn.Parameter) -> Call:
        decode = _theirs(*learned).decode
        return lambda: torch.tensor(decode(unary))

    return Case(
        f"best sequence, {shape}",
        lambda: (*_scores(shape), filled(shape.states, seed=2), filled(shape.states, seed=3)),
        (
            Contender("Regard", ours, Side.OURS, passes=(Pass.FORWARD,)),
            Contender("pytorch-crf", theirs, passes=(Pass.FORWARD,), package=_TORCH_CRF, answer=Answer.OTHER),
        ),
        {Pass.FORWARD: _work(shape)[Pass.FORWARD]},
    )


def _ours(transition: nn.Parameter, start: nn.Parameter, end: nn.Parameter) -> CRF:
    crf = CRF(start.shape[0])
    crf.transition, crf.start, crf.end = transition, start, end
    return crf


def _theirs(transition: nn.Parameter, start: nn.Parameter, end: nn.Parameter) -> Any:
    import torchcrf

    crf = torchcrf.CRF(start.shape[0], batch_first=True)
    crf.transitions, crf.start_transitions, crf.end_transitions = transition, start, end
    return crf


def _recursion(unary: Tensor, transition: Tensor) -> Tensor:
    """log Z by the forward recursion as it is written."""
    alpha = unary[:, 0]
    for step in range(1, unary.shape[1]):
        alpha = (alpha.unsqueeze(-1) + transition).logsumexp(-2) + unary[:, step]
    return alpha.logsumexp(-1)


def _struct(shape: _Shape) -> Make:
    def make(unary: Tensor, transition: Tensor) -> Call:
        import torch_struct

        lengths = torch.full((shape.batch,), shape.time)

        def partition() -> Tensor:
            # Its potentials are (batch, time - 1, to, from), and the first position's scores join the first of them.
            potentials = unary[:, 1:, :, None] + transition.mT
            first = torch.nn.functional.pad(unary[:, :1, None, :], (0, 0, 0, 0, 0, shape.time - 2))
            return torch_struct.LinearChainCRF(potentials + first, lengths).partition

        return partition

    return make


def _scores(shape: _Shape) -> tuple[Tensor, ...]:
    unary = filled(shape.batch, shape.time, shape.states, seed=0)
    return unary, filled(shape.states, shape.states, seed=1)


def _work(shape: _Shape) -> dict[Pass, Work]:
    """A product and a sum for each transition; backward runs the chain the other way and joins the two."""
    steps = shape.transitions
    touched = 4 * (shape.batch * shape.time * shape.states + shape.states**2 + shape.batch)
    return {
        Pass.FORWARD: Work(2 * steps, shape.batch * shape.time * shape.states, touched),
        Pass.BOTH: Work(6 * steps, 2 * shape.batch * shape.time * shape.states, 3 * touched),
    }


CHAIN = Group("crf", "linear-chain CRF: likelihood, log-partition, best sequence", _cases)
