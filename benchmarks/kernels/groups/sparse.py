"""Sparse weights: sparsemax, entmax and an alpha that is learned."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

import regard as rg
from benchmarks.kernels.attention import Problem, work
from benchmarks.kernels.case import Aim, Answer, Call, Case, Contender, Group, Make, Pass, Scale, Side
from benchmarks.kernels.makes import filled, plain, regard
from regard.attention.plan import Path

_PROBLEM = {Scale.FULL: Problem(1, 8, 2048, 64), Scale.SMOKE: Problem(1, 3, 13, 5)}
# The peer looks among so many of the highest scores first, and again among all where the support is larger.
_FIRST = {Scale.FULL: 100, Scale.SMOKE: 5}
_SORT, _FIRST_K, _BISECTION, _SOFTMAX = "entmax, sort", "entmax, k = 100", "entmax, bisection", "Regard, Softmax"
_PACKAGE = ("entmax", "entmax")

Normalise = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class _Kind:
    """A weighing, the peers' name for it, and how much slower than our softmax it may be."""

    name: str
    weigh: rg.Weighing
    peer: str
    slower: float
    spread: float = 1.0


_KINDS = (
    _Kind("sparsemax", rg.Sparsemax(), "sparsemax", 1.5),
    _Kind("entmax-1.5", rg.Entmax(1.5), "entmax15", 1.5),
    _Kind("sparsemax, dense supports", rg.Sparsemax(), "sparsemax", 1.5, 0.1),
    _Kind("entmax-1.5, dense supports", rg.Entmax(1.5), "entmax15", 1.5, 0.1),
)


def _cases(scale: Scale) -> list[Case]:
    problem, first = _PROBLEM[scale], _FIRST[scale]
    return [*(_case(problem, kind, first) for kind in _KINDS), _learned(problem)]


def _case(problem: Problem, kind: _Kind, first: int) -> Case:
    def ours(path: Path | None, *tensors: Tensor) -> Call:
        return partial(rg.attend, *tensors, weigh=kind.weigh, path=path)

    def peer(name: str, count: int | None) -> Contender:
        make = _attending(lambda: partial(_of_entmax(kind.peer), dim=-1, k=count))
        return Contender(name, make, package=_PACKAGE, gibibytes=8 * problem.matrix_gibibytes)

    return Case(
        f"{kind.name}, {problem.name}",
        partial(_tensors, problem, kind.spread),
        (*regard(ours, "native", "blockwise"), peer(_SORT, None), peer(_FIRST_K, first), _softmax()),
        work(problem),
        (
            Aim(_SORT, Pass.BOTH, 4.0),
            Aim(_FIRST_K, Pass.BOTH, 1.5),
            Aim(_SOFTMAX, Pass.BOTH, 1 / kind.slower),
        ),
    )


def _learned(problem: Problem) -> Case:
    """One alpha for each head, from 1.2 to 1.8."""

    def tensors() -> tuple[Tensor, ...]:
        alpha = torch.linspace(1.2, 1.8, problem.heads).reshape(problem.heads, 1, 1)
        return *problem.tensors(), torch.nn.Parameter(alpha)

    def ours(path: Path | None, query: Tensor, key: Tensor, value: Tensor, alpha: Tensor) -> Call:
        return partial(rg.attend, query, key, value, weigh=rg.Entmax(alpha), path=path)

    def bisecting(query: Tensor, key: Tensor, value: Tensor, alpha: Tensor) -> Call:
        bisect = _of_entmax("entmax_bisect")
        spread = alpha.expand(problem.batch, problem.heads, problem.time, 1)
        return partial(_weighed, query, key, value, lambda scores: bisect(scores, spread, dim=-1))

    return Case(
        f"learned alpha, {problem.name}",
        tensors,
        (
            *regard(ours, "native", "blockwise"),
            Contender(_BISECTION, bisecting, package=_PACKAGE, gibibytes=12 * problem.matrix_gibibytes),
            _softmax(),
        ),
        work(problem),
        (Aim(_SOFTMAX, Pass.BOTH, 0.5),),
    )


def _softmax() -> Contender:
    """Our own softmax, whatever else the case learns."""
    make = plain(lambda query, key, value, *rest: rg.attend(query, key, value))
    return Contender(_SOFTMAX, make, Side.YARDSTICK, answer=Answer.OTHER)


def _tensors(problem: Problem, spread: float) -> tuple[Tensor, ...]:
    """A small spread of scores leaves many keys in the support of a row."""
    query, key, value = (
        filled(problem.batch, problem.heads, problem.time, problem.size, seed=seed, scale=scale)
        for seed, scale in enumerate((spread, 1.0, 1.0))
    )
    return query, key, value


def _of_entmax(name: str) -> Callable[..., Tensor]:
    import entmax

    found: Callable[..., Tensor] = getattr(entmax, name)
    return found


def _attending(normaliser: Callable[[], Normalise]) -> Make:
    def make(query: Tensor, key: Tensor, value: Tensor) -> Call:
        return partial(_weighed, query, key, value, normaliser())

    return make


def _weighed(query: Tensor, key: Tensor, value: Tensor, normalise: Normalise) -> Tensor:
    return normalise(query @ key.mT / math.sqrt(query.shape[-1])) @ value


SPARSE = Group("sparse", "sparsemax, entmax and learned alpha", _cases)
