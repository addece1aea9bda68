"""What dropout and a learned bias cost on top of the same attention without them."""

from __future__ import annotations

import math
from functools import partial

from torch import Tensor
from torch.nn.functional import dropout, scaled_dot_product_attention

import regard as rg
from benchmarks.kernels.attention import Problem, work
from benchmarks.kernels.case import Aim, Answer, Call, Case, Contender, Group, Pass, Scale, Side
from benchmarks.kernels.makes import filled, plain, regard
from regard.attention.plan import Path

_PROBLEM = {Scale.FULL: Problem(1, 8, 2048, 64), Scale.SMOKE: Problem(1, 3, 13, 5)}
_RATE, _MOST = 0.1, 1.35
_WITHOUT = "Regard, without it"
_AIMS = tuple(Aim(_WITHOUT, which, 1 / _MOST) for which in Pass)


def _cases(scale: Scale) -> list[Case]:
    return [_dropout(_PROBLEM[scale]), _bias(_PROBLEM[scale])]


def _dropout(problem: Problem) -> Case:
    """Each draws for itself, so answers are not compared."""

    def ours(path: Path | None, *tensors: Tensor) -> Call:
        return partial(rg.attend, *tensors, dropout=_RATE, path=path)

    def formula(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        weights = (query @ key.mT / math.sqrt(problem.size)).softmax(-1)
        return dropout(weights, _RATE) @ value

    fused = partial(scaled_dot_product_attention, dropout_p=_RATE)
    return Case(
        f"dropout {_RATE}, {problem.name}",
        problem.tensors,
        (
            *regard(ours, "native", "blockwise", answer=Answer.OTHER),
            Contender("SDPA", plain(fused), answer=Answer.OTHER, gibibytes=8 * problem.matrix_gibibytes),
            Contender("formula", plain(formula), answer=Answer.OTHER, gibibytes=8 * problem.matrix_gibibytes),
            _without(),
        ),
        work(problem),
        _AIMS,
    )


def _bias(problem: Problem) -> Case:
    """One learned number for each key."""

    def ours(path: Path | None, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Call:
        return partial(rg.attend, query, key, value, where=rg.Bias(bias), path=path)

    def fused(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        return scaled_dot_product_attention(query, key, value, attn_mask=bias)

    def formula(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        return (query @ key.mT / math.sqrt(problem.size) + bias).softmax(-1) @ value

    return Case(
        f"learned bias per key, {problem.name}",
        lambda: (*problem.tensors(), filled(1, 1, 1, problem.time, seed=3)),
        (
            *regard(ours, "native", "blockwise"),
            Contender("SDPA", plain(fused), gibibytes=8 * problem.matrix_gibibytes),
            Contender("formula", plain(formula), gibibytes=8 * problem.matrix_gibibytes),
            _without(),
        ),
        work(problem),
        _AIMS,
    )


def _without() -> Contender:
    make = plain(lambda query, key, value, *rest: rg.attend(query, key, value))
    return Contender(_WITHOUT, make, Side.YARDSTICK, answer=Answer.OTHER)


EXTRAS = Group("dropout-bias", "dropout and a learned bias, against the same without", _cases)
