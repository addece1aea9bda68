"""Small smooth problems, of every exported mechanism that has a derivative, as functions of all they learn.

A problem's `context` takes query, key, value and the learned tensors, so that each of them can be differentiated,
batched or moved in a direction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

import regard as rg
from tests.attention.cases import numbers
from tests.layers.parts import filled

HEADS, QUERIES, KEYS, SIZE, OTHER, VALUE = 2, 3, 5, 3, 2, 2

Context = Callable[..., Tensor]


@dataclass(frozen=True)
class Problem:
    """`on(path)` is a function of query, key, value and the learned tensors; `builds` makes its mechanism."""

    name: str
    key_size: int
    learned: tuple[Tensor, ...]
    builds: Callable[..., object]
    on: Callable[[str | None], Context]

    def tensors(self, *lead: int, seed: int = 0) -> tuple[Tensor, ...]:
        """Query, key, value and what is learned; with leading sizes, that many different ones of each."""
        shapes = ((1, HEADS, QUERIES, SIZE), (1, HEADS, KEYS, self.key_size), (1, HEADS, KEYS, VALUE))
        given = [numbers(*lead, *shape, seed=seed + place) for place, shape in enumerate(shapes)]
        spread = [
            (tensor + 0.05 * numbers(*lead, *tensor.shape, seed=seed + 9)) if lead else tensor.clone()
            for tensor in self.learned
        ]
        return (*given, *spread)

    def leaves(self, seed: int = 0) -> tuple[Tensor, ...]:
        """The tensors, each of which wants a gradient."""
        return tuple(tensor.requires_grad_() for tensor in self.tensors(seed=seed))


class _Asked(nn.Module):
    """A score as a part of a module, so that its parameters can be given from outside."""

    def __init__(self, score: object, path: str | None) -> None:
        super().__init__()
        self.score, self.path = score, path

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return rg.attend(query, key, value, score=self.score, where=rg.Causal(), path=self.path)


def _of_score(name: str, key_size: int, build: Callable[[], object]) -> Problem:
    built = build()
    if isinstance(built, nn.Module):
        filled(built)
    names = [name for name, _ in _Asked(built, None).named_parameters()]

    def on(path: str | None) -> Context:
        asked = _Asked(built, path)
        return lambda query, key, value, *learned: functional_call(
            asked, dict(zip(names, learned, strict=True)), (query, key, value)
        )

    learned = tuple(parameter.detach() for parameter in _Asked(built, None).parameters())
    return Problem(name, key_size, learned, lambda *_: built, on)


def _of_where(name: str, tensor: Tensor, build: Callable[[Tensor], rg.Where]) -> Problem:
    def on(path: str | None) -> Context:
        return lambda query, key, value, learned: rg.attend(
            query, key, value, where=rg.Causal() + build(learned), path=path
        )

    return Problem(name, SIZE, (tensor,), build, on)


def _of_weighing(name: str, build: Callable[..., rg.Weighing], *learned: Tensor) -> Problem:
    def on(path: str | None) -> Context:
        return lambda query, key, value, *tensors: rg.attend(
            query, key, value, where=rg.Causal(), weigh=build(*tensors), path=path
        )

    return Problem(name, SIZE, learned, build, on)


def _written(query: Tensor, key: Tensor) -> Tensor:
    return torch.sin(query) @ key.transpose(-1, -2)


_BEFORE = numbers(1, HEADS, QUERIES, KEYS, seed=20).abs()

SCORES = (
    _of_score("Dot", SIZE, rg.Dot),
    _of_score("Dot-capped", SIZE, lambda: rg.Dot(1.0, 2.0)),
    _of_score("Bilinear", OTHER, lambda: rg.Bilinear(SIZE, OTHER)),
    _of_score("Additive", OTHER, lambda: rg.Additive(SIZE, OTHER, 2)),
    _of_score("Location", OTHER, lambda: rg.Location(SIZE, KEYS)),
    _of_score("LocationAware", OTHER, lambda: rg.LocationAware(SIZE, OTHER, 2, channels=1, radius=1).after(_BEFORE)),
    _of_score("Cosine", SIZE, lambda: rg.Cosine(2.0)),
    _of_score("Distance", SIZE, lambda: rg.Distance(2.0)),
    _of_score("Trilinear", SIZE, lambda: rg.Trilinear(SIZE)),
    _of_score("Salience", OTHER, lambda: rg.Salience(OTHER, 2)),
    _of_score("written", SIZE, lambda: _written),
)

WHERES = (
    _of_where("Bias", numbers(QUERIES, KEYS, seed=21), rg.Bias),
    _of_where("Bias-of-keys", numbers(HEADS, 1, KEYS, seed=22), rg.Bias),
    _of_where("RelativeBias", numbers(HEADS, 3, seed=23), rg.RelativeBias),
    _of_where("Alibi", torch.tensor([0.5, 0.25], dtype=torch.float64), rg.Alibi),
    _of_where(
        "Around-gaussian",
        torch.tensor([[[1.3, 2.1, 3.7]]], dtype=torch.float64),
        lambda centre: rg.Around(centre, 2.5, gaussian=True),
    ),
)

WEIGHINGS = (
    _of_weighing("Softmax", lambda: rg.Softmax(0.75)),
    _of_weighing(
        "Softmax-sink", lambda sink: rg.Softmax(sink=sink), torch.tensor([[[0.5]], [[-1.0]]], dtype=torch.float64)
    ),
    _of_weighing("Sparsemax", rg.Sparsemax),
    _of_weighing("Entmax", rg.Entmax),
    _of_weighing("Entmax-2.5", lambda: rg.Entmax(2.5)),
    _of_weighing("Entmax-learned", rg.Entmax, torch.tensor([[[1.25]], [[1.75]]], dtype=torch.float64)),
    _of_weighing("TopK", lambda: rg.TopK(2)),
    _of_weighing("Sigmoid", rg.Sigmoid),
    _of_weighing("Bernoulli", rg.Bernoulli),
    _of_weighing("Gumbel", lambda: rg.Gumbel(0.5, seed=5)),
    _of_weighing("Chain", rg.Chain, numbers(HEADS, 2, 2, seed=24)),
    _of_weighing("Chain-of-three", rg.Chain, numbers(3, 3, seed=25)),
    _of_weighing("Monotonic", rg.Monotonic),
    _of_weighing("Monotonic-chunks", lambda: rg.Monotonic(2)),
)

# One key gets all of the weight, and the gradient is that of another weighing.
STRAIGHT_THROUGH = (
    (rg.Argmax(), rg.Softmax()),
    (rg.Gumbel(0.5, hard=True, seed=5), rg.Gumbel(0.5, seed=5)),
)

PROBLEMS = SCORES + WHERES + WEIGHINGS
