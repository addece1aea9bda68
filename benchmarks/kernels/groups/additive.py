"""Bahdanau's score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

import regard as rg
from benchmarks.kernels.case import Aim, Build, Call, Case, Contender, Group, Make, Pass, Scale, Side, Work
from benchmarks.kernels.makes import Function, compiled, filled, plain, regard
from regard.attention.plan import Path


@dataclass(frozen=True)
class _Shape:
    batch: int
    queries: int
    keys: int
    size: int

    def __str__(self) -> str:
        return f"B = {self.batch}, {self.queries} x {self.keys}, D = {self.size}"

    @property
    def hidden_gibibytes(self) -> float:
        """What stands inside tanh, for all pairs."""
        return self.batch * self.queries * self.keys * self.size * 4 / 2**30


_SENTENCES = {Scale.FULL: _Shape(64, 50, 50, 512), Scale.SMOKE: _Shape(3, 5, 7, 11)}
_LONG = {Scale.FULL: _Shape(1, 2048, 2048, 256), Scale.SMOKE: _Shape(1, 13, 17, 11)}
_STEP = {Scale.FULL: _Shape(64, 1, 50, 512), Scale.SMOKE: _Shape(3, 1, 7, 11)}
_FORMULA, _COMPILED = "formula", "formula, compiled"


class _Ready(rg.Additive):
    """Additive whose queries and keys come projected: what is left is the sum over tanh, the work of a kernel."""

    def prepare_query(self, query: Tensor) -> Tensor:
        return query

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return key


def _cases(scale: Scale) -> list[Case]:
    sentences, long, step = _SENTENCES[scale], _LONG[scale], _STEP[scale]
    return [
        _pairs(sentences, (Aim(_FORMULA, Pass.BOTH, 40.0), Aim(_COMPILED, Pass.BOTH, 20.0)), tuple(Pass)),
        # The formula's backward would take three tensors of 4 GiB at the full size.
        _pairs(long, (Aim(_COMPILED, Pass.BOTH, 40.0),), (Pass.FORWARD,)),
        _whole(sentences),
        _decoding(step),
    ]


def _pairs(shape: _Shape, aims: tuple[Aim, ...], passes: tuple[Pass, ...]) -> Case:
    """Queries and keys that have been projected already."""

    def tensors() -> tuple[Tensor, ...]:
        return *_sequences(shape), filled(shape.size, seed=3, scale=shape.size**-0.5)

    return Case(
        f"{shape}, already projected",
        tensors,
        (
            *regard(_ready, "native", "blockwise"),
            Contender(_FORMULA, plain(_formula), passes=passes, gibibytes=3 * shape.hidden_gibibytes),
            Contender(_COMPILED, compiled(_formula), build=Build.COMPILED, gibibytes=2.5 * shape.hidden_gibibytes),
        ),
        _work(shape),
        aims,
    )


def _ready(path: Path | None, query: Tensor, key: Tensor, value: Tensor, energy: nn.Parameter) -> Call:
    size = energy.shape[0]
    score = _Ready(size, size, size)
    score.energy = energy
    return partial(rg.attend, query, key, value, score=score, path=path)


def _formula(query: Tensor, key: Tensor, value: Tensor, energy: Tensor) -> Tensor:
    scores = (query.unsqueeze(-2) + key.unsqueeze(-3)).tanh() @ energy
    return scores.softmax(-1) @ value


def _whole(shape: _Shape) -> Case:
    """The layer with its two projections, as a model has it."""

    def tensors() -> tuple[Tensor, ...]:
        learned = [filled(shape.size, shape.size, seed=seed, scale=shape.size**-0.5) for seed in (3, 4)]
        return *_sequences(shape), *learned, filled(shape.size, seed=5, scale=shape.size**-0.5)

    return Case(
        f"{shape}, whole layer",
        tensors,
        (
            *regard(_layer, "native", "blockwise"),
            Contender(_FORMULA, plain(_projected), gibibytes=3 * shape.hidden_gibibytes),
            Contender(_COMPILED, compiled(_projected), build=Build.COMPILED),
        ),
        _work(shape),
    )


def _layer(path: Path | None, query: Tensor, key: Tensor, value: Tensor, *learned: nn.Parameter) -> Call:
    return partial(rg.attend, query, key, value, score=_additive(*learned), path=path)


def _projected(query: Tensor, key: Tensor, value: Tensor, by_query: Tensor, by_key: Tensor, energy: Tensor) -> Tensor:
    return _formula(linear(query, by_query), linear(key, by_key), value, energy)


def _decoding(shape: _Shape) -> Case:
    """One step of a decoder: the keys have been projected, the query has not."""

    def tensors() -> tuple[Tensor, ...]:
        query, key, value = _sequences(shape)
        learned = [filled(shape.size, shape.size, seed=seed, scale=shape.size**-0.5) for seed in (3, 4)]
        return query, key, value, *learned, filled(shape.size, seed=5, scale=shape.size**-0.5)

    return Case(
        f"decoding step, {shape}",
        tensors,
        (
            Contender("Regard", _memory, Side.OURS, passes=(Pass.FORWARD,)),
            Contender(_FORMULA, _stepping(plain), passes=(Pass.FORWARD,)),
            Contender(_COMPILED, _stepping(compiled), passes=(Pass.FORWARD,), build=Build.COMPILED),
        ),
        {Pass.FORWARD: _work(shape)[Pass.FORWARD]},
        (Aim(_FORMULA, Pass.FORWARD, 5.0),),
    )


def _memory(query: Tensor, key: Tensor, value: Tensor, *learned: nn.Parameter) -> Call:
    with torch.no_grad():
        memory = rg.Memory(key, value, score=_additive(*learned))
    return partial(memory.ask, query)


def _step(query: Tensor, by_query: Tensor, projected: Tensor, value: Tensor, energy: Tensor) -> Tensor:
    return _formula(linear(query, by_query), projected, value, energy)


def _stepping(how: Callable[[Function], Make]) -> Make:
    def make(query: Tensor, key: Tensor, value: Tensor, by_query: Tensor, by_key: Tensor, energy: Tensor) -> Call:
        return how(_step)(query, by_query, linear(key, by_key).detach(), value, energy)

    return make


def _additive(by_query: nn.Parameter, by_key: nn.Parameter, energy: nn.Parameter) -> rg.Additive:
    score = rg.Additive(by_query.shape[1], by_key.shape[1], energy.shape[0])
    score.query.weight, score.key.weight, score.energy = by_query, by_key, energy
    score.bias.requires_grad_(False)
    return score


def _sequences(shape: _Shape) -> tuple[Tensor, Tensor, Tensor]:
    return (
        filled(shape.batch, shape.queries, shape.size, seed=0),
        filled(shape.batch, shape.keys, shape.size, seed=1),
        filled(shape.batch, shape.keys, shape.size, seed=2),
    )


def _work(shape: _Shape) -> dict[Pass, Work]:
    """Of each pair and hidden unit: a sum, a product with the energy and a sum; tanh is one exponential."""
    cells = shape.batch * shape.queries * shape.keys
    hidden = cells * shape.size
    touched = 4 * shape.batch * shape.size * (2 * shape.queries + 2 * shape.keys)
    forward = 3 * hidden + 2 * cells * shape.size
    return {
        Pass.FORWARD: Work(forward, hidden, touched),
        Pass.BOTH: Work(3 * forward, 2 * hidden, 3 * touched),
    }


ADDITIVE = Group("additive", "Bahdanau's score: sentences, long sequences, one decoding step", _cases)
