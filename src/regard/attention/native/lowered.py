"""A call in the terms of the kernels: flat lists of tensors and numbers, as an operator takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from regard.attention.native.library import missing
from regard.attention.native.problem import DTYPES
from regard.attention.native.terms import Match, Program, Rule, single
from regard.attention.tracing import transformed

if TYPE_CHECKING:
    from regard.attention.call import Call


class Lowered(NamedTuple):
    """What a kernel is told besides query, key and value, as every operator takes it.

    See `Problem` in native/src/problem.hpp.

    tensors: what the steps read, and a sample's seed after them. learned: what the score learns. number: a row's
    sink or alpha. seed: of dropout. kinds: matching, rule, keys of a top-k, place of a sample's seed or -1,
    numbers of a query and key that are matched or 0 for all, filters, and their numbers.
    """

    tensors: list[Tensor]
    learned: Tensor | None
    number: Tensor | None
    seed: Tensor | None
    steps: list[int]
    numbers: list[float]
    kinds: list[int]
    settings: list[float]

    @property
    def differentiable(self) -> tuple[Tensor | None, ...]:
        """The tensors that may need a gradient."""
        return (*self.tensors, self.number, self.learned)


def served(call: Call, dtype: torch.dtype) -> Lowered | str:
    """The call in terms of the kernels, or why they cannot serve it here and now."""
    if transformed():
        return "the kernels know no transforms of torch.func and no forward-mode derivatives"
    why = missing()
    if why is not None:
        return why
    if dtype not in DTYPES:
        return f"the kernels have no {dtype}"
    # A compiler does not follow what is remembered, and asks only once anyway.
    return lowered(call) if torch.compiler.is_compiling() else call.lowered


def lowered(call: Call) -> Lowered | str:
    """The call in terms of the kernels, or why they cannot serve it."""
    if call.space.device.type != "cpu":
        return "the kernels are for CPUs"
    match, rule, program = call.score.match(), call.weigh.rule(call.space), call.where.program(call.space)
    if match is None:
        return f"the kernels do not know the score {type(call.score).__name__}"
    if rule is None:
        return f"the kernels do not know the weighing {type(call.weigh).__name__} as it is here"
    if program is None:
        return "the kernels do not know the where"
    return _flat(call, match, rule, program)


def _flat(call: Call, match: Match, rule: Rule, program: Program) -> Lowered | str:
    tensors: list[Tensor] = []
    steps: list[int] = []
    numbers: list[float] = []
    for step in (*program.conditions, *program.priors):
        steps.append(int(step.code))
        for argument in step.arguments:
            if isinstance(argument, Tensor):
                if argument.requires_grad and not step.code.learns:
                    return f"the kernels have no gradient of {step.code.name.lower()}"
                steps.append(len(tensors))
                tensors.append(argument)
            elif isinstance(argument, float):
                steps.append(len(numbers))
                numbers.append(argument)
            else:
                steps.append(argument)
    noise = -1
    if rule.seed is not None:
        noise = len(tensors)
        tensors.append(torch.as_tensor(rule.seed, dtype=torch.int32))
    seed = None if call.dropout is None else torch.as_tensor(call.dropout.seed, dtype=torch.int32)
    number = None if rule.number is None else single(rule.number).contiguous()
    rate = 0.0 if call.dropout is None else call.dropout.rate
    return Lowered(
        tensors,
        None if match.learned is None else single(match.learned).contiguous(),
        number,
        seed,
        steps,
        numbers,
        [int(match.matching), int(rule.weights), rule.most, noise, match.size, match.channels, match.taps],
        [call.factor, match.softcap, rule.temperature, rule.alpha, rate],
    )
