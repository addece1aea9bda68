"""Facts about weights against the weights themselves."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import regard as rg
from regard.attention.paths import blockwise
from tests.attention.cases import SCORE_CASES, WEIGH_CASES, WHERE_CASES, inputs, numbers
from tests.attention.test_laws import Largest

ALL = rg.Wanted(True, True, True, True, True, top=3, rows=[5, 0, 2], pooled=(3, 4))
name = {"ids": lambda case: case.name}


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(blockwise, "CELLS", 200)
    monkeypatch.setattr(blockwise, "ROWS", 3)


def pooled(weights: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Cell by cell: the sum over its keys of the mean over its queries."""
    down = torch.arange(weights.shape[-2]) * rows // weights.shape[-2]
    across = torch.arange(weights.shape[-1]) * columns // weights.shape[-1]
    cells = [
        [weights[..., down == r, :][..., across == c].sum(-1).mean(-1) for c in range(columns)] for r in range(rows)
    ]
    return torch.stack([torch.stack(row, -1) for row in cells], -2)


@pytest.mark.parametrize("weigh", WEIGH_CASES, **name)
@pytest.mark.parametrize("where", WHERE_CASES, **name)
def test_facts_are_those_of_the_weights(where, weigh, small_tiles):
    query, key, _value = inputs(5)
    answers = {"where": where.build(), "weigh": weigh.build()}
    found, weights = rg.statistics(query, key, ALL, **answers), rg.weights(query, key, **answers)
    close = torch.testing.assert_close
    close(found.entropy, -torch.special.xlogy(weights, weights).sum(-1))
    close(found.mass, weights.sum(-2))
    close(found.position, (weights * torch.arange(11)).sum(-1))
    close(found.top.weight, weights.topk(3, -1).values)
    close(weights.gather(-1, found.top.index), found.top.weight)
    close(found.rows, weights[:, :, [5, 0, 2]])
    close(found.pooled, pooled(weights, 3, 4))
    close(found.pooled.sum((-1, -2)), pooled(weights, 3, 1).sum((-1, -2)))


@pytest.mark.parametrize("where", WHERE_CASES, **name)
@pytest.mark.parametrize("score", SCORE_CASES, **name)
def test_facts_about_scores_are_those_of_the_keys_that_may_be_seen(score, where, small_tiles):
    query, key, _value = inputs(score.key_size)
    built, shows = score.build(), where.build()
    built = built.double() if isinstance(built, torch.nn.Module) else built
    found = rg.statistics(query, key, rg.Wanted(lse=True, maximum=True), score=built, where=shows)
    for b, h, i in [(0, 0, 0), (1, 5, 6), (1, 0, 2), (0, 3, 4), (0, 2, 3)]:
        shown, prior, _factor = where.row(shows, b, h, i)
        # Sigmoid weights are as good as scores, and come from elsewhere.
        weights = rg.weights(query, key, score=built, where=shows, weigh=rg.Sigmoid())[b, h, i, shown]
        factor = 1.0 if _factor is None else _factor[shown]
        scores = torch.logit(weights / factor)
        if not shown:
            assert found.lse[b, h, i] == found.maximum[b, h, i] == -torch.inf
            continue
        torch.testing.assert_close(found.lse[b, h, i], scores.logsumexp(-1))
        torch.testing.assert_close(found.maximum[b, h, i], scores.amax(-1))


def finite(*tensors):
    query, key = tensors
    wanted = rg.Wanted(True, True, True, True, True, rows=[2, 0], pooled=(2, 2))
    found = rg.statistics(query, key, wanted, where=rg.Causal("start"))
    return [fact for fact in vars(found).values() if fact is not None]


def test_facts_can_be_differentiated_twice(small_tiles):
    tensors = [numbers(1, heads, size, 3, seed=heads).requires_grad_() for heads, size in ((2, 3), (1, 5))]
    assert torch.autograd.gradcheck(finite, tensors)
    assert torch.autograd.gradgradcheck(finite, tensors)


def test_the_gradient_of_an_empty_row_is_zero(small_tiles):
    query, key = (numbers(2, 5, 3, seed=n).requires_grad_() for n in (0, 1))
    wanted = rg.Wanted(lse=True, entropy=True, maximum=True, mass=True, position=True)
    found = rg.statistics(query, key, wanted, where=rg.Lengths(torch.tensor([5, 0])))
    kept = [torch.where(torch.isfinite(fact), fact, 0).sum() for fact in vars(found).values() if fact is not None]
    grads = torch.autograd.grad(sum(kept), (query, key))
    assert found.lse[1].isneginf().all()
    assert found.entropy[1].eq(0).all()
    assert all(grad[1].eq(0).all() and grad[0].abs().sum() > 0 for grad in grads)


def test_what_is_not_finite_spoils_just_the_rows_that_see_it():
    query, key = numbers(1, 7, 5, seed=0), numbers(1, 11, 5, seed=1)
    wanted = rg.Wanted(entropy=True, mass=True, maximum=True)
    clean = rg.statistics(query, key, wanted, where=rg.Causal("start"))
    dirty = key.clone()
    dirty[0, 4] = torch.nan
    found = rg.statistics(query, dirty, wanted, where=rg.Causal("start"))
    for fact in ("entropy", "maximum"):
        one, other = getattr(found, fact), getattr(clean, fact)
        assert one[0, 4:].isnan().all()
        torch.testing.assert_close(one[0, :4], other[0, :4])
    assert found.mass[0, :7].isnan().all()
    assert found.mass[0, 7:].eq(0).all()


def test_sums_of_16_bit_weights_are_made_in_32():
    query, key = numbers(1, 1, 2003, 4, seed=0).bfloat16(), numbers(1, 1, 3, 4, seed=1).bfloat16()
    found = rg.statistics(query, key, rg.Wanted(mass=True)).mass
    exact = rg.weights(query.double(), key.double()).sum(-2)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=0.01, atol=0)


def test_nothing_of_queries_times_keys_is_made(monkeypatch):
    monkeypatch.setattr(blockwise, "CELLS", 1 << 13)
    query, key = (numbers(1, 1, 512, 5, seed=n).float().requires_grad_() for n in (0, 1))
    with Largest() as seen:
        found = rg.statistics(query, key, rg.Wanted(True, True, True, True, True, 3, [7], (8, 8)))
        sum(fact.sum() for fact in (found.lse, found.entropy, found.mass, found.pooled)).backward()
    assert seen.elements <= 1 << 13


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.integers(1, 60), st.integers(0, 99))
def test_tiles_of_any_size_find_the_same(heads, queries, keys, cells, seed):
    query, key = numbers(2, heads, queries, 3, seed=seed), numbers(2, heads, keys, 3, seed=seed + 1)
    wanted = rg.Wanted(entropy=True, mass=True, pooled=(1, keys))
    before = blockwise.CELLS
    try:
        blockwise.CELLS = cells
        found = rg.statistics(query, key, wanted)
    finally:
        blockwise.CELLS = before
    weights = rg.weights(query, key)
    torch.testing.assert_close(found.mass, weights.sum(-2))
    torch.testing.assert_close(found.pooled, weights.mean(-2, keepdim=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q: rg.Wanted(), "wanted asks for nothing"),
        (lambda q: rg.Wanted(top=-1), "top is -1"),
        (lambda q: rg.statistics(q, q, rg.Wanted(top=8)), "top is 8, but there are 7 keys"),
        (lambda q: rg.statistics(q, q, rg.Wanted(rows=[7])), "rows has 7, expected numbers from 0 to 6"),
        (lambda q: rg.statistics(q, q, rg.Wanted(pooled=(8, 2))), r"pooled is \(8, 2\), but there are 7 queries"),
        (lambda q: rg.statistics(q[:, :0], q, rg.Wanted(lse=True)), "expected at least one query"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(2, 7, 3))
