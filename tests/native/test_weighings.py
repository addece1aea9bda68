"""Every weighing in the kernels, against the definition in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product

import entmax
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import regard as rg
from regard.attention.space import Space
from tests.attention.cases import BATCH, HEADS, KEY_HEADS, WEIGH_CASES, numbers
from tests.attention.test_conformance import roundings
from tests.native.exactness import assert_passes_at, levels, needs_kernels, rms

pytestmark = needs_kernels

SIZE, VALUE = 13, 11
EPSILON = torch.finfo(torch.float32).eps


@dataclass(frozen=True)
class Case:
    """A weighing, and how many roundings of the largest number it may be off beside twice the plain formula's error.

    `continuous` says whether a small change of a score makes a small change of the weights.
    """

    name: str
    build: Callable[[], rg.Weighing]
    roundings: int = 8
    continuous: bool = True


@dataclass(frozen=True)
class Size:
    """Queries, keys, and how far the scores of a row are spread: few weights, or all of them, are not 0."""

    queries: int
    keys: int
    spread: float


def served(build: Callable[[], rg.Weighing]) -> bool:
    """Whether the kernels know a weighing."""
    return build().rule(Space((BATCH, HEADS), KEY_HEADS, 3, 5, torch.device("cpu"))) is not None


def alphas(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None, None]


# The cases of the conformance suite, and what only kernels have to be asked: every branch of a rule.
CASES = [
    *(
        Case(case.name, case.build, roundings(case, torch.float32), "hard" not in case.name)
        for case in WEIGH_CASES
        if served(case.build)
    ),
    Case("Entmax-1.0009765625", lambda: rg.Entmax(1.0009765625)),
    Case("Entmax-1.125", lambda: rg.Entmax(1.125)),
    Case("Entmax-1.875", lambda: rg.Entmax(1.875)),
    Case("Entmax-3", lambda: rg.Entmax(3.0), 8 * 512),
    Case("Entmax-learned-widely", lambda: rg.Entmax(alphas(1.015625, 1.5, 2.0, 1.0625, 2.25, 1.75)), 8 * 64),
    Case("Entmax-learned-by-all", lambda: rg.Entmax(torch.tensor(1.375, dtype=torch.float64)), 8 * 64),
    Case("Entmax-learned-by-row", lambda: rg.Entmax(1.25 + 0.25 * numbers(BATCH, 1, 1, 1, seed=3).abs()), 8 * 64),
    Case("TopK-1", lambda: rg.TopK(1), continuous=False),
    Case("TopK-31", lambda: rg.TopK(31)),
    Case("TopK-all", lambda: rg.TopK(10_000)),
    Case("Gumbel-warm", lambda: rg.Gumbel(2.0, seed=torch.tensor(2**31 - 1, dtype=torch.int32))),
]

SIZES = (Size(29, 61, 1.0), Size(29, 61, 1e-3), Size(7, 509, 2.0), Size(7, 509, 0.125))


def random_mask(size: Size) -> Tensor:
    """Some keys hidden, and every third row empty."""
    shown = torch.rand(BATCH, 1, size.queries, size.keys, generator=torch.Generator().manual_seed(6)) < 0.6
    shown[:, :, ::3] = False
    return shown


WHERES: dict[str, Callable[[Size], rg.Where | None]] = {
    "everything": lambda size: None,
    "Causal": lambda size: rg.Causal("start"),
    "Window": lambda size: rg.Window(17, 2),
    "Mask": lambda size: rg.Mask(random_mask(size)),
    "Lengths": lambda size: rg.Lengths(torch.tensor([size.keys - 5, 0])),
    "Around-gaussian": lambda size: rg.Around(torch.full((1, 1, 1), size.keys / 3), 20.0, gaussian=True),
}

FEW_SIZES = SIZES[:1] + SIZES[2:3]


def inputs(size: Size) -> tuple[Tensor, ...]:
    """Query, key, value and the gradient of the context."""
    return (
        numbers(BATCH, HEADS, size.queries, SIZE, seed=0, scale=size.spread),
        numbers(BATCH, KEY_HEADS, size.keys, SIZE, seed=1),
        numbers(BATCH, KEY_HEADS, size.keys, VALUE, seed=2),
        numbers(BATCH, HEADS, size.queries, VALUE, seed=9),
    )


def run(
    case: Case, where: rg.Where | None, given: tuple[Tensor, ...], dtype: torch.dtype, path: str, dropout: float = 0.0
) -> list[Tensor]:
    """Context and all gradients, in float64."""
    weigh = case.build()
    for tensor in weigh.learned():
        tensor.data = tensor.data.to(dtype)
        tensor.requires_grad_()
    *leaves, outer = (tensor.to(dtype, copy=True).requires_grad_() for tensor in given)
    context = rg.attend(
        *leaves,
        where=where,
        weigh=weigh,
        dropout=dropout,
        generator=torch.Generator().manual_seed(4),
        path=path,
    )
    grads = torch.autograd.grad(context, (*leaves, *weigh.learned()), outer.detach(), allow_unused=True)
    known = (*leaves, *weigh.learned())
    filled = (torch.zeros_like(one) if grad is None else grad for one, grad in zip(known, grads, strict=True))
    return [one.detach().double() for one in (context, *filled)]


@cache
def exact(name: str, where: str, size: Size, dropout: float = 0.0) -> list[Tensor]:
    return run(named(name), WHERES[where](size), inputs(size), torch.float64, "reference", dropout)


def named(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


def assert_close(
    found: list[Tensor], truth: list[Tensor], plain: list[Tensor], rounds: float, dtype: torch.dtype = torch.float32
) -> None:
    """At most twice the error of the plain formula, plus a few roundings of the largest number."""
    largest = max(one.abs().max() for one in truth)
    for one, other, right in zip(found, plain, truth, strict=True):
        budget = 2 * rms(other - right) + rounds * torch.finfo(dtype).eps * (largest + 1)
        assert torch.isfinite(one).all()
        assert rms(one - right) <= budget


def hide(where: str, size: Size, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """NaN in the keys and infinity in the values that nobody sees."""
    if where != "Lengths":
        return given
    query, key, value, outer = (tensor.clone() for tensor in given)
    for batch, length in enumerate((size.keys - 5, 0)):
        key[batch, :, length:], value[batch, :, length:] = torch.nan, torch.inf
    return query, key, value, outer


@pytest.mark.parametrize("where", WHERES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_context_and_gradients_are_those_of_the_definition(case, where):
    for size in SIZES:
        built = WHERES[where](size)
        found = run(case, built, hide(where, size, inputs(size)), torch.float32, "native")
        plain = run(case, built, inputs(size), torch.float32, "reference")
        assert_close(found, exact(case.name, where, size), plain, case.roundings)


@pytest.mark.parametrize("case", [case for case in CASES if case.continuous], ids=lambda case: case.name)
def test_in_16_bits_the_error_is_that_of_rounding(case):
    for size in SIZES:
        found = run(case, None, inputs(size), torch.bfloat16, "native")
        plain = run(case, None, inputs(size), torch.bfloat16, "reference")
        assert_close(found, exact(case.name, "everything", size), plain, max(case.roundings, 64), torch.bfloat16)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_dropout_takes_the_same_cells(case):
    for size, where in product(FEW_SIZES, ("everything", "Causal")):
        found, plain = (
            run(case, WHERES[where](size), inputs(size), torch.float32, path, dropout=0.4)
            for path in ("native", "reference")
        )
        assert_close(found, exact(case.name, where, size, 0.4), plain, case.roundings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_neighbour_in_the_batch_changes_no_bit(case):
    for size in FEW_SIZES:
        given = inputs(size)
        other = tuple(torch.cat((tensor[:1], 2 * tensor[1:])) for tensor in given)
        one, two, again = (
            run(case, None, each, torch.float32, "native")[: len(given)] for each in (given, other, given)
        )
        for mine, theirs, repeated in zip(one, two, again, strict=True):
            assert torch.equal(mine[0], theirs[0])
            assert torch.equal(mine, repeated)


def weights(scores: Tensor, weigh: rg.Weighing) -> Tensor:
    """Weights that the kernels give scores (rows, keys), which they read exactly as they are."""
    rows, keys = scores.shape
    one, value = torch.ones(rows, 1, 1, 1), torch.eye(keys).expand(rows, 1, keys, keys)
    context = rg.attend(one, scores[:, None, :, None], value, score=rg.Dot(scale=1.0), weigh=weigh, path="native")
    return context[:, 0, 0]


@settings(max_examples=200, deadline=None)
@given(keys=st.integers(1, 300), kept=st.integers(1, 40), values=st.integers(1, 400), seed=st.integers(0, 2**31))
def test_of_equal_scores_the_earlier_key_is_kept(keys, kept, values, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(values, (3, keys), generator=generator).float() / 16
    found = weights(scores, rg.TopK(kept))
    for row, given_row in zip(found, scores.tolist(), strict=True):
        first = sorted(range(keys), key=lambda place, row=given_row: (-row[place], place))[:kept]
        expected = torch.zeros(keys, dtype=torch.float64)
        expected[first] = torch.tensor([given_row[place] for place in first], dtype=torch.float64).softmax(0)
        assert sorted(row.nonzero()[:, 0].tolist()) == sorted(first)
        torch.testing.assert_close(row.double(), expected, rtol=8 * EPSILON, atol=0)


@settings(max_examples=100, deadline=None)
@given(keys=st.integers(1, 300), values=st.integers(1, 400), seed=st.integers(0, 2**31))
def test_of_equal_scores_the_earliest_wins(keys, values, seed):
    scores = torch.randint(values, (3, keys), generator=torch.Generator().manual_seed(seed)).float()
    winners = [row.index(max(row)) for row in scores.tolist()]
    assert torch.equal(weights(scores, rg.Argmax()), torch.eye(keys)[winners])


@settings(max_examples=300, deadline=None)
@given(
    keys=st.integers(1, 300),
    alpha=st.one_of(st.sampled_from((1.5, 2.0)), st.floats(1.0009765625, 4.0)),
    spread=st.floats(-3, 3),
    seed=st.integers(0, 2**31),
)
def test_entmax_of_any_spread_sums_to_one_and_is_as_exact_as_floats_are(keys, alpha, spread, seed):
    scores = torch.randn(3, keys, generator=torch.Generator().manual_seed(seed)) * 10**spread
    found = weights(scores, rg.Entmax(alpha)).double()
    truth = entmax.entmax_bisect(scores.double(), alpha, -1, 200)
    # A weight is a power of its distance from the edge, which is known to a few roundings.
    edge = (8 * EPSILON) ** min(1.0, 1 / (alpha - 1))
    plain = rg.Entmax(alpha).exact(scores).double()
    assert (found - truth).abs().max() <= 2 * (plain - truth).abs().max() + 2 * edge
    torch.testing.assert_close(found.sum(-1), torch.ones(3).double(), rtol=0, atol=1e-5 + keys * edge)


def test_the_gradient_of_alpha_survives_an_alpha_close_to_one():
    """At alpha = 1 + 2^-10 the plain formula divides what is left of a difference by 2^-20."""
    alpha, generator = 1.0009765625, torch.Generator().manual_seed(3)
    scores, value = torch.randn(1, 1, 401, 1, generator=generator), torch.randn(1, 1, 401, 3, generator=generator)

    def gradient(dtype: torch.dtype, path: str) -> Tensor:
        learned = torch.tensor(alpha, dtype=dtype, requires_grad=True)
        one = torch.ones(1, 1, 1, 1, dtype=dtype)
        context = rg.attend(
            one, scores.to(dtype), value.to(dtype), score=rg.Dot(1.0), weigh=rg.Entmax(learned), path=path
        )
        return torch.autograd.grad(context.sum(), learned)[0].double()

    # By differences of the definition, which knows nothing of the closed form.
    step, moved = 1e-5, []
    for side in (-1, 1):
        solved = entmax.entmax_bisect(scores[0, 0, :, 0].double(), alpha + side * step, -1, 200)
        moved.append((solved @ value[0, 0].double()).sum())
    expected = (moved[1] - moved[0]) / (2 * step)
    torch.testing.assert_close(gradient(torch.float64, "reference"), expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(gradient(torch.float32, "native"), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if not case.build().learned()], ids=lambda case: case.name)
def test_scores_that_are_no_numbers_stay_in_their_row(case):
    """All that goes in is finite, but one query's products are infinite, and their sums are no numbers."""
    halves = torch.randn(1, 1, 67, 1, generator=torch.Generator().manual_seed(1)).clamp(-1, 1)
    key, value = torch.cat((halves, -halves), -1) * 3e38, torch.eye(67)[None, None]
    calm, wild = torch.zeros(1, 1, 1, 2), torch.full((1, 1, 1, 2), 3e38)
    alone = rg.attend(calm, key, value, weigh=case.build(), path="native")
    both = rg.attend(torch.cat((calm, wild), 2), key, value, weigh=case.build(), path="native")
    assert torch.isfinite(alone).all()
    assert torch.equal(both[:, :, :1], alone)


@pytest.mark.parametrize("level", levels())
def test_every_level_of_this_chip(level):
    assert_passes_at(level, __file__, "definition or equal or spread or close_to_one")
