"""What one call costs when there is nothing to compute."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

import regard as rg
from benchmarks.kernels.attention import Problem, contenders, work
from benchmarks.kernels.case import Aim, Call, Case, Contender, Group, Pass, Scale, Side, Work
from benchmarks.kernels.makes import filled

_PROBLEM = Problem(1, 1, 1, 16)
_KEYS, _SIZE = 13, 16


def _cases(scale: Scale) -> list[Case]:
    """The same at both scales: it is tiny as it is."""
    aims = tuple(Aim("SDPA", which, 0.25) for which in Pass)
    call = Case(f"one call, {_PROBLEM.name}", _PROBLEM.tensors, contenders(_PROBLEM), work(_PROBLEM), aims)
    return [call, _step()]


def _step() -> Case:
    """One step of a recurrent decoder: a prepared memory asked with Bahdanau's score."""

    def tensors() -> tuple[Tensor, ...]:
        query, key, value = (filled(1, count, _SIZE, seed=seed) for seed, count in enumerate((1, _KEYS, _KEYS)))
        return query, key, value, filled(_SIZE, _SIZE, seed=3), filled(_SIZE, seed=4)

    def ours(query: Tensor, key: Tensor, value: Tensor, weight: nn.Parameter, energy: nn.Parameter) -> Call:
        score = rg.Additive(_SIZE, _SIZE, _SIZE)
        score.query.weight, score.key.weight, score.energy = weight, weight, energy
        with torch.no_grad():
            return partial(rg.Memory(key, value, score=score).ask, query)

    def formula(query: Tensor, key: Tensor, value: Tensor, weight: Tensor, energy: Tensor) -> Call:
        projected = linear(key, weight).detach()

        def step() -> Tensor:
            scores = (linear(query, weight).unsqueeze(-2) + projected.unsqueeze(-3)).tanh() @ energy
            return scores.softmax(-1) @ value

        return step

    hidden = _KEYS * _SIZE
    return Case(
        f"one decoding step, additive, {_KEYS} keys of {_SIZE}",
        tensors,
        (
            Contender("Regard", ours, Side.OURS, passes=(Pass.FORWARD,)),
            Contender("formula", formula, passes=(Pass.FORWARD,)),
        ),
        {Pass.FORWARD: Work(2 * _SIZE**2 + 5 * hidden, hidden, 4 * (2 * hidden + _SIZE**2))},
    )


OVERHEAD = Group("overhead", "the cost of a call with next to nothing to compute", _cases)
