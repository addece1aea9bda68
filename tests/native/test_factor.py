"""The factor of a product, which kernels multiply queries by: against the formula, wherever it is left to them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import regard as rg
from regard.attention.paths import blockwise
from tests.attention.cases import BATCH, HEADS, QUERIES, SCORE_CASES, SIZE, numbers
from tests.native.exactness import assert_as_exact, needs_kernels

FACTORS = (None, 1.0, 0.37, -0.7, 0.0)
KEYS = 43
# A few queries are matched with keys as they lie, many with packed ones; 16 numbers are whole vectors, 19 are not.
SIZES = ((3, 16), (3, 19), (29, 16), (29, 19))
factors = pytest.mark.parametrize("scale", FACTORS)
sizes = pytest.mark.parametrize(("queries", "size"), SIZES)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(blockwise, "CELLS", 1 << 10)
    monkeypatch.setattr(blockwise, "ROWS", 5)


def drawn(queries: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value; two query heads share a key head."""
    query = numbers(2, 6, queries, size, seed=1)
    return query, numbers(2, 3, KEYS, size, seed=2), numbers(2, 3, KEYS, 13, seed=3)


def scores(query: Tensor, key: Tensor, scale: float | None, softcap: float | None) -> Tensor:
    products = query @ key.repeat_interleave(2, 1).transpose(-1, -2)
    products = products / query.shape[-1] ** 0.5 if scale is None else products * scale
    return products if softcap is None else softcap * (products / softcap).tanh()


@needs_kernels
@factors
@sizes
@pytest.mark.parametrize("softcap", [None, 1.5])
@pytest.mark.parametrize("path", ["native", "blockwise"])
def test_context_and_gradients_are_those_of_the_formula(queries, size, scale, softcap, path):
    def found(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return rg.attend(query, key, value, score=rg.Dot(scale, softcap), where=rg.Lengths(real), path=path)

    def formula(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        weights = scores(query, key, scale, softcap).masked_fill(~shown, -torch.inf).softmax(-1)
        return weights @ value.repeat_interleave(2, 1)

    real = torch.tensor([KEYS, 31])
    shown = torch.arange(KEYS) < real[:, None, None, None]
    assert_as_exact(found, formula, drawn(queries, size))


@factors
def test_the_kernel_of_pytorch_is_told_the_factor(scale):
    query, key, value = drawn(29, 13)

    def found(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return rg.attend(query, key, value, score=rg.Dot(scale), path="sdpa")

    def formula(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return scores(query, key, scale, None).softmax(-1) @ value.repeat_interleave(2, 1)

    assert_as_exact(found, formula, (query, key, value))


@needs_kernels
@factors
@sizes
def test_facts_are_about_scores_with_their_factor(queries, size, scale):
    query, key, _value = drawn(queries, size)
    exact = scores(query, key, scale, None)
    found = rg.statistics(
        query.float(), key.float(), rg.Wanted(lse=True, maximum=True, rows=[1]), score=rg.Dot(scale)
    )
    torch.testing.assert_close(found.lse.double(), exact.logsumexp(-1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.maximum.double(), exact.amax(-1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.rows[..., 0, :].double(), exact[..., 1, :].softmax(-1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", SCORE_CASES, ids=lambda case: case.name)
def test_a_prepared_query_is_the_bare_one_times_its_factor(case):
    score = case.build()
    if not isinstance(score, rg.Score):
        pytest.skip("a function of two tiles prepares nothing")
    query = numbers(BATCH, HEADS, QUERIES, SIZE, seed=5)
    whole, bare = score.prepare_query(query), score.bare_query(query)
    assert torch.equal(whole, bare if score.factor(SIZE) == 1.0 else bare * score.factor(SIZE))
