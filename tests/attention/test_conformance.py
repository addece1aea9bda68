"""The laws, for every score x where x weighing x path x dtype. A mechanism joins by being exported."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import pytest
import torch
from torch import Tensor, nn

import regard as rg
from regard.attention import PATHS, SCORES, WEIGHINGS, WHERES
from regard.attention.paths import blockwise
from regard.attention.scores.score import as_score
from regard.attention.weighings import Carried
from tests.attention.cases import (
    BATCH,
    HEADS,
    KEY_HEADS,
    KEYS,
    QUERIES,
    SCORE_CASES,
    VALUE,
    WEIGH_CASES,
    WHERE_CASES,
    by_hand,
    inputs,
    numbers,
)

DTYPES = (torch.float64, torch.float32, torch.bfloat16)
ROUTES = (*PATHS, "blockwise in tiles")


def learned(built: tuple) -> list[Tensor]:
    """Every tensor of the three answers that may need a gradient."""
    score, where, weigh = built
    found = list(score.parameters()) if isinstance(score, nn.Module) else []
    return found + list(where.learned() if where is not None else ()) + list(weigh.learned())


def build(score, where, weigh, dtype: torch.dtype) -> tuple:
    """Fresh answers in a dtype, all their tensors asking for a gradient."""
    built = score.build(), where.build(), weigh.build()
    for tensor in learned(built):
        tensor.data = tensor.data.to(dtype)
        tensor.requires_grad_()
    return built


@dataclass(frozen=True)
class Result:
    """Context and all gradients of one run, in float64."""

    tensors: tuple[Tensor, ...]


def run(context_of, built: tuple, tensors: tuple[Tensor, ...]) -> Result:
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    context = context_of(*leaves)
    outer = numbers(*context.shape, seed=9).to(context.dtype)
    known = [*leaves, *learned(built)]
    grads = torch.autograd.grad(context, known, outer, allow_unused=True)
    filled = (torch.zeros_like(t) if g is None else g for t, g in zip(known, grads, strict=True))
    return Result(tuple(tensor.detach().double() for tensor in (context, *filled)))


@cache
def oracle(score, where, weigh, dtype: torch.dtype, value_size: int) -> Result:
    built = build(score, where, weigh, dtype)
    tensors = tuple(tensor.to(dtype) for tensor in inputs(score.key_size, value_size))
    return run(lambda q, k, v: by_hand(score, where, weigh, built, q, k, v), built, tensors)


@cache
def plain(score, where, weigh, dtype: torch.dtype, value_size: int) -> Result:
    """The plain formula over whole tensors in a dtype; its own error is what a path is allowed, twice."""
    return ours(score, where, weigh, dtype, "reference", value_size)


@cache
def never_seen(where) -> Tensor:
    """Keys that no query of any of their heads sees, (batch, key heads, keys)."""
    built, group = where.build(), HEADS // KEY_HEADS
    seen = torch.zeros(BATCH, KEY_HEADS, KEYS, dtype=torch.bool)
    for b, h, i in itertools.product(range(BATCH), range(HEADS), range(QUERIES)):
        seen[b, h // group, where.row(built, b, h, i)[0]] = True
    return ~seen


def poisoned(where, tensors: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """In float32, NaN in every key and infinity in every value that nobody sees; other dtypes stay clean."""
    if dtype != torch.float32:
        return tensors
    query, key, value = tensors
    hidden = never_seen(where).unsqueeze(-1)
    return query, key.masked_fill(hidden, torch.nan), value.masked_fill(hidden, torch.inf)


def ours(score, where, weigh, dtype: torch.dtype, route: str, value_size: int) -> Result:
    built = build(score, where, weigh, dtype)
    path = route.split()[0]
    tensors = poisoned(where, tuple(tensor.to(dtype) for tensor in inputs(score.key_size, value_size)), dtype)
    return run(
        lambda q, k, v: rg.attend(q, k, v, score=built[0], where=built[1], weigh=built[2], path=path),
        built,
        tensors,
    )


def assert_as_accurate(
    found: Result, allowed: Result, exact: Result, dtype: torch.dtype, roundings: int, says: str
) -> None:
    """At most twice the error of the plain formula in the same dtype, plus a few roundings of the largest number."""
    # Gradients are sums that may cancel, so what they can lose is measured by the largest of all.
    largest = max(truth.abs().max() for truth in exact.tensors)
    for one, other, truth in zip(found.tensors, allowed.tensors, exact.tensors, strict=True):
        budget = 2 * (other - truth).abs().max() + roundings * torch.finfo(dtype).eps * (largest + 1)
        assert torch.isfinite(one).all(), says
        assert (one - truth).abs().max() <= budget, says


def served_by_pytorch(score, where, weigh) -> bool:
    """What PyTorch's kernel knows: products, softmax, and masks that need no T x T tensor."""
    return (
        score.name in ("Dot", "Bilinear", "Cosine", "Trilinear", "Salience")
        and where.name in ("everything", "Causal-start", "Lengths")
        and weigh.name in ("Softmax", "Softmax-cool")
    )


# What our own kernels do not know.
KERNELS_LACK = {
    *("Location", "Distance", "written"),
    *("Chain", "Monotonic", "Monotonic-chunks"),
}


def refused(route: str, score, where, weigh, dtype: torch.dtype) -> str | None:
    """What a route says to a call that it cannot serve; None for one that it serves."""
    if route == "sdpa" and not served_by_pytorch(score, where, weigh):
        return "PyTorch's kernel cannot serve this call: .+"
    if route == "native" and (dtype == torch.float64 or {score.name, where.name, weigh.name} & KERNELS_LACK):
        return "our kernels cannot serve this call: .+"
    return None


def value_size_of(route: str, score) -> int:
    """PyTorch's kernel wants values as large as prepared queries; the others are tested with another size."""
    return (
        {"Trilinear": score.key_size + 2, "Salience": 1}.get(score.name, score.key_size) if route == "sdpa" else VALUE
    )


def cut_small(route: str, score, weigh, monkeypatch: pytest.MonkeyPatch) -> None:
    """About ten tiles of a few rows, however many numbers a cell needs."""
    if route == "blockwise in tiles":
        width = as_score(score.build()).width(score.key_size) + weigh.build().width - 1
        monkeypatch.setattr(blockwise, "CELLS", 120 * max(width, blockwise.HELD))
        monkeypatch.setattr(blockwise, "ROWS", 3)


name = {"ids": lambda case: getattr(case, "name", str(case).removeprefix("torch."))}


def variants(cases) -> set[str]:
    """Names of cases whose class has an earlier one."""
    classes = [type(case.build()) for case in cases]
    return {case.name for place, case in enumerate(cases) if classes[place] in classes[:place]}


VARIANTS = variants(SCORE_CASES) | variants(WHERE_CASES) | variants(WEIGH_CASES)
PLAIN = {cases[0].name for cases in (SCORE_CASES, WHERE_CASES, WEIGH_CASES)}


def worth_trying(combination) -> bool:
    """Every class with every other; a further case of a class with all of one kind, where the third is plain."""
    names = {case.name for case in combination}
    return not names & VARIANTS or (len(names & VARIANTS) == 1 and bool(names & PLAIN))


COMBINATIONS = [one for one in itertools.product(SCORE_CASES, WHERE_CASES, WEIGH_CASES) if worth_trying(one)]


@pytest.mark.parametrize(("score", "where", "weigh"), COMBINATIONS, **name)
def test_context_and_gradients_are_those_of_the_definition(score, where, weigh):
    for route, dtype in itertools.product(ROUTES, DTYPES):
        with pytest.MonkeyPatch.context() as monkeypatch:
            cut_small(route, score, weigh, monkeypatch)
            holds(score, where, weigh, route, dtype)


# Two scores that differ by less than a rounding to 16 bits: which key wins or is kept is luck, and the kernels, which
# round less, are no more lucky than the others.
NEAR_TIES = {
    *(
        ("Cosine", where, "Argmax", torch.bfloat16)
        for where in ("everything", "Segments", "Around", "Around-gaussian")
    ),
    ("LocationAware", "Segments-causal", "TopK", torch.bfloat16),
}


def holds(score, where, weigh, route: str, dtype: torch.dtype) -> None:
    if route == "native" and (score.name, where.name, weigh.name, dtype) in NEAR_TIES:
        return
    says = refused(route, score, where, weigh, dtype)
    if says is not None:
        with pytest.raises(ValueError, match=says):
            ours(score, where, weigh, dtype, route, score.key_size)
        return
    value_size = value_size_of(route, score)
    exact = oracle(score, where, weigh, torch.float64, value_size)
    allowed = plain(score, where, weigh, dtype, value_size)
    found = allowed if route == "reference" else ours(score, where, weigh, dtype, route, value_size)
    assert_as_accurate(found, allowed, exact, dtype, roundings(weigh, dtype), f"{route}, {dtype}")
    if route == "reference" and dtype == torch.float64:
        for one, truth in zip(found.tensors, exact.tensors, strict=True):
            torch.testing.assert_close(one, truth, rtol=2e-7, atol=2e-7)


def roundings(weigh, dtype: torch.dtype) -> int:
    """How many roundings of the largest number an error may have beside twice that of the plain formula."""
    # The gradient of a learned alpha divides by (alpha - 1)^2, here 1/64 at the least; at alpha = 2.5 the slope is
    # 1 / sqrt(weight), which magnifies roundings where a weight almost vanishes.
    # In 16 bits a score's rounding can move it across the edge of a sparse support.
    # A number of a chain has been through a sum for every key before and after it.
    if weigh.name == "Chain":
        return 8 * 4
    narrow_and_sparse = dtype == torch.bfloat16 and weigh.name in ("Sparsemax", "Entmax")
    return 8 * 64 if narrow_and_sparse or weigh.name in ("Entmax-learned", "Entmax-2.5") else 8


# What is visible at all is decided by the where; with it every score and every weighing is tried.
PAIRS = [(score, where, WEIGH_CASES[0]) for score in SCORE_CASES for where in WHERE_CASES]
PAIRS += [(SCORE_CASES[0], where, weigh) for where in WHERE_CASES for weigh in WEIGH_CASES[1:]]


@pytest.mark.parametrize(("score", "where", "weigh"), PAIRS, **name)
def test_what_some_rows_see_does_not_leak_into_others(score, where, weigh):
    for route in ROUTES:
        dtype = torch.float32 if route == "native" else torch.float64
        if refused(route, score, where, weigh, dtype) is None:
            with pytest.MonkeyPatch.context() as monkeypatch:
                cut_small(route, score, weigh, monkeypatch)
                hides(score, where, weigh, route, dtype)


def hides(score, where, weigh, route: str, dtype: torch.dtype) -> None:
    """One key and its value become NaN; rows that do not see it keep context and gradient."""
    poisoned = 6
    built = build(score, where, weigh, dtype)
    sees = torch.tensor(
        [[[poisoned in where.row(built[1], b, h, i)[0] for i in range(7)] for h in range(6)] for b in range(2)]
    )
    if isinstance(built[2], Carried):
        # What spoils a row spoils those after it, which hang on it.
        sees = sees.cumsum(-1) > 0
    value_size = value_size_of(route, score)
    clean = tuple(tensor.to(dtype) for tensor in inputs(score.key_size, value_size))
    dirty = clean[0], clean[1].clone(), clean[2].clone()
    dirty[1][:, :, poisoned], dirty[2][:, :, poisoned] = torch.nan, torch.inf
    outer = numbers(2, 6, 7, value_size, seed=9).to(dtype) * ~sees[..., None]

    def go(tensors: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        leaves = [tensor.clone().requires_grad_() for tensor in tensors]
        context = rg.attend(*leaves, score=built[0], where=built[1], weigh=built[2], path=route.split()[0])
        kept = torch.where(sees[..., None], 0.0, context)
        return context, torch.autograd.grad(kept, leaves, outer, allow_unused=True)

    context, grads = go(clean)
    found, found_grads = go(dirty)
    assert torch.equal(torch.isnan(found).any(-1), sees)
    torch.testing.assert_close(found[~sees], context[~sees], rtol=0, atol=1e-12)
    if not sees.any():
        for one, other in zip(found_grads, grads, strict=True):
            if one is not None:
                torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_every_exported_mechanism_has_an_example():
    assert {type(case.build()) for case in SCORE_CASES} >= set(SCORES)
    assert {type(case.build()) for case in WHERE_CASES} >= set(WHERES)
    assert {type(case.build()) for case in WEIGH_CASES} >= set(WEIGHINGS)
