"""Facts about the weights of a long sequence, without the weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

import regard as rg
from benchmarks.kernels.attention import Problem
from benchmarks.kernels.case import Aim, Answer, Case, Contender, Group, Pass, Result, Scale, Side, Work
from benchmarks.kernels.makes import plain

_PROBLEM = {Scale.FULL: Problem(1, 8, 8192, 64), Scale.SMOKE: Problem(1, 3, 16, 5)}
_OVERVIEW = {Scale.FULL: (256, 256), Scale.SMOKE: (4, 4)}
_BLOCK = 512
_FORWARD = "Regard, forward of attention"


@dataclass(frozen=True)
class _Facts:
    """What a formula finds in the weights of a block of rows, and how the answers of all blocks join."""

    of: Callable[[Tensor], Tensor]
    join: Callable[[list[Tensor]], Tensor]


def _cases(scale: Scale) -> list[Case]:
    problem, overview = _PROBLEM[scale], _OVERVIEW[scale]
    every = rg.Wanted(entropy=True, mass=True, top=8, pooled=overview)
    wanted = {
        "entropy": rg.Wanted(entropy=True),
        "mass": rg.Wanted(mass=True),
        "top-8": rg.Wanted(top=8),
        "pooled map": rg.Wanted(pooled=overview),
    }
    alone = [_case(problem, name, one, 0.6) for name, one in wanted.items()]
    return [_case(problem, "entropy + mass + top-8 + pooled map", every, 0.8), *alone]


def _case(problem: Problem, name: str, wanted: rg.Wanted, most: float) -> Case:
    facts = tuple(_formulas(problem, wanted))
    forward = (Pass.FORWARD,)
    return Case(
        f"{name}, {problem.name}",
        problem.tensors,
        (
            Contender("Regard", plain(partial(_ours, wanted)), Side.OURS, forward),
            Contender("formula, in blocks", plain(partial(_in_blocks, facts, _BLOCK)), passes=forward),
            Contender(
                "formula",
                plain(partial(_in_blocks, facts, problem.time)),
                passes=forward,
                gibibytes=4 * problem.matrix_gibibytes,
            ),
            Contender(_FORWARD, plain(rg.attend), Side.YARDSTICK, forward, Answer.OTHER),
        ),
        {Pass.FORWARD: _work(problem)},
        (Aim(_FORWARD, Pass.FORWARD, 1 / most),),
    )


def _ours(wanted: rg.Wanted, query: Tensor, key: Tensor, value: Tensor) -> Result:
    found = rg.statistics(query, key, wanted)
    given = (found.entropy, found.mass, None if found.top is None else found.top.weight, found.pooled)
    return tuple(tensor for tensor in given if tensor is not None)


def _formulas(problem: Problem, wanted: rg.Wanted) -> list[_Facts]:
    found = []
    if wanted.entropy:
        found.append(_Facts(lambda weights: torch.special.entr(weights).sum(-1), partial(torch.cat, dim=-1)))
    if wanted.mass:
        found.append(_Facts(lambda weights: weights.sum(-2), lambda parts: torch.stack(parts).sum(0)))
    if wanted.top:
        found.append(_Facts(lambda weights: weights.topk(wanted.top).values, partial(torch.cat, dim=-2)))
    if wanted.pooled is not None:
        rows, columns = (problem.time // count for count in wanted.pooled)

        def pool(weights: Tensor) -> Tensor:
            return weights.unflatten(-1, (-1, columns)).sum(-1).unflatten(-2, (-1, rows)).mean(-2)

        found.append(_Facts(pool, partial(torch.cat, dim=-2)))
    return found


def _in_blocks(facts: tuple[_Facts, ...], block: int, query: Tensor, key: Tensor, value: Tensor) -> Result:
    """Softmax as it is written, for a block of rows at a time."""
    parts: list[list[Tensor]] = [[] for _ in facts]
    for rows in query.split(block, -2):
        weights = (rows @ key.mT / math.sqrt(query.shape[-1])).softmax(-1)
        for found, fact in zip(parts, facts, strict=True):
            found.append(fact.of(weights))
    return tuple(fact.join(found) for found, fact in zip(parts, facts, strict=True))


def _work(problem: Problem) -> Work:
    """Scores are made twice: the number of a row must be known before its weights."""
    touched = 2 * problem.batch * problem.heads * problem.time * problem.size * 4
    return Work(2 * 2 * problem.cells * problem.size, 2 * problem.cells, touched)


STATISTICS = Group("statistics", "entropy, mass, largest weights and overview at T = 8192", _cases)
