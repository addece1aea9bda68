"""Laws that need no full product: dropout, memory, determinism, errors, known numbers."""

from __future__ import annotations

import math

import entmax
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

import regard as rg
from regard.attention.dropout import Dropout
from regard.attention.paths import blockwise
from regard.attention.scores.score import as_score
from regard.attention.space import Space, cut_into_tiles
from regard.attention.weighings import Carried
from regard.attention.wheres.where import Kind, Seen
from tests.attention.cases import SCORE_CASES, WEIGH_CASES, numbers


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(blockwise, "CELLS", 24)
    monkeypatch.setattr(blockwise, "ROWS", 2)


def small(seed: int, *shape: int) -> torch.Tensor:
    return numbers(*shape, seed=seed).requires_grad_()


def test_tensors_that_a_written_score_closes_over_get_their_gradient(small_tiles):
    query, key, value, matrix = small(1, 1, 1, 5, 3), small(2, 1, 1, 7, 3), small(3, 1, 1, 7, 2), small(4, 3, 3)
    found = []
    for path in ("reference", "blockwise"):
        context = rg.attend(query, key, value, score=lambda q, k: q @ matrix @ k.transpose(-1, -2), path=path)
        found.append(torch.autograd.grad(context.square().sum(), matrix)[0])
    torch.testing.assert_close(found[0], found[1])
    assert found[0].abs().max() > 0


class Forgetful(rg.Where):
    """A where that adds a learned number and does not name it."""

    kind = Kind.PRIOR

    def __init__(self, number: torch.Tensor) -> None:
        self.number = number

    def seen(self, tile):
        return Seen(prior=self.number * tile.column_index()[None, None])


def test_tensors_that_a_where_does_not_name_get_their_gradient(small_tiles):
    query, key, value, number = small(1, 1, 1, 5, 3), small(2, 1, 1, 7, 3), small(3, 1, 1, 7, 2), small(4, 1)
    found = []
    for path in ("reference", "blockwise"):
        context = rg.attend(query, key, value, where=Forgetful(number), path=path)
        found.append(torch.autograd.grad(context.square().sum(), number)[0])
    torch.testing.assert_close(found[0], found[1])
    assert found[0].abs().max() > 0


def test_dropout_drops_the_same_cells_on_every_path_and_keeps_the_mean(small_tiles):
    query, key, value = numbers(2, 3, 7, 5, seed=0), numbers(2, 3, 11, 5, seed=1), numbers(2, 3, 11, 5, seed=2)
    contexts = [
        rg.attend(query, key, value, dropout=0.4, generator=torch.Generator().manual_seed(7), path=path)
        for path in ("reference", "blockwise")
    ]
    torch.testing.assert_close(*contexts)
    assert not torch.allclose(contexts[0], rg.attend(query, key, value))
    space = Space((2, 3), 3, 500, 700, query.device)
    factor = Dropout(0.4, 123).factor(space.whole())
    assert set(factor.unique().tolist()) == {0.0, factor.max().item()}
    assert factor.max().item() == pytest.approx(1 / 0.6)
    # 2.1 million draws: five standard deviations of the mean are below 0.0018 / 0.6.
    assert factor.mean().item() == pytest.approx(1, abs=0.003)
    neighbours = (factor[..., 1:] * factor[..., :-1]).mean().item()
    assert neighbours == pytest.approx(1, abs=0.006)


def test_dropout_is_the_same_in_the_backward(small_tiles):
    query, key, value = small(0, 1, 1, 3, 5), small(1, 1, 1, 5, 5), small(2, 1, 1, 5, 2)

    def context(*tensors):
        return rg.attend(*tensors, dropout=0.5, generator=torch.Generator().manual_seed(3), path="blockwise")

    assert torch.autograd.gradcheck(context, (query, key, value))


def test_the_same_input_gives_the_same_bits_backward_included():
    def run() -> list[torch.Tensor]:
        leaves = [numbers(2, 4, size, 16, seed=n).float().requires_grad_() for n, size in enumerate((301, 307, 307))]
        context = rg.attend(*leaves, where=rg.Window(31, 5))
        return [context, *torch.autograd.grad(context.sum(), leaves)]

    assert all(torch.equal(one, other) for one, other in zip(run(), run(), strict=True))


class Largest(TorchDispatchMode):
    """The largest number of elements that any operation made."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.untyped_storage().nbytes() // tensor.element_size())
        return out


PLAIN = (SCORE_CASES[0], WEIGH_CASES[0])
LINEAR = [(s, PLAIN[1]) for s in SCORE_CASES if s.name != "LocationAware"] + [(PLAIN[0], w) for w in WEIGH_CASES]


@pytest.mark.parametrize(("score", "weigh"), LINEAR, ids=lambda case: case.name)
def test_nothing_of_queries_times_keys_is_ever_made(score, weigh, monkeypatch):
    """LocationAware is left out, since the weights that it is told are queries x keys themselves."""
    length, cells = 101, 1 << 12
    built = rg.Location(5, length) if score.name == "Location" else score.build()
    built = built.float() if isinstance(built, torch.nn.Module) else built
    # As many cells in a tile for all; what they need beside is theirs.
    width = as_score(built).width(score.key_size) + weigh.build().width - 1
    monkeypatch.setattr(blockwise, "CELLS", max(cells, 2 * length * width))
    key = numbers(1, 6, length, score.key_size, seed=1).float().requires_grad_()
    query, value = (numbers(1, 6, length, 5, seed=n).float().requires_grad_() for n in (0, 2))
    centre = torch.arange(length).float()[None, None].requires_grad_()
    where = rg.Causal() & rg.Around(centre, 50.0, gaussian=True)
    with Largest() as seen:
        rg.attend(query, key, value, score=built, where=where, weigh=weigh.build(), dropout=0.1).sum().backward()
    # What passes from row to row is kept once for every block of rows, here two.
    carries = 6 * length * (length // 2 + 1) if isinstance(weigh.build(), Carried) else 0
    assert seen.elements <= max(4 * cells, 6 * length * 17, 2 * length * width, carries) < 6 * length * length


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 3),
    groups=st.integers(1, 3),
    key_heads=st.integers(1, 3),
    queries=st.integers(1, 19),
    keys=st.integers(1, 23),
    size=st.integers(1, 9),
    cells=st.integers(1, 200),
    seed=st.integers(0, 1000),
)
def test_blocks_of_any_size_agree_with_the_definition(batch, groups, key_heads, queries, keys, size, cells, seed):
    query = numbers(batch, groups * key_heads, queries, size, seed=seed)
    key, value = (numbers(batch, key_heads, keys, size, seed=seed + n) for n in (1, 2))
    mask = torch.rand(batch, 1, queries, keys, generator=torch.Generator().manual_seed(seed)) < 0.5
    before = blockwise.CELLS
    try:
        blockwise.CELLS = cells
        leaves = [tensor.clone().requires_grad_() for tensor in (query, key, value)]
        found = rg.attend(*leaves, where=rg.Mask(mask), path="blockwise")
        grads = torch.autograd.grad(found.sum(), leaves)
    finally:
        blockwise.CELLS = before
    exact = rg.attend(*leaves, where=rg.Mask(mask), path="reference")
    torch.testing.assert_close(found, exact)
    for one, other in zip(grads, torch.autograd.grad(exact.sum(), leaves), strict=True):
        torch.testing.assert_close(one, other)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.integers(1, 99), st.integers(1, 9)
)
def test_tiles_cover_every_query_once(batch, heads, queries, keys, cells, rows):
    space = Space((batch, heads), heads, queries, keys, torch.device("cpu"))
    covered = torch.zeros(batch, heads, queries)
    for tile in cut_into_tiles(space, cells, rows):
        covered[tile.index] += 1
    assert bool((covered == 1).all())


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=40), st.sampled_from([1.1, 1.5, 1.9, 2.0, 2.5, 4.0]))
def test_entmax_agrees_with_bisection_for_any_row(row, alpha):
    scores = torch.tensor([row], dtype=torch.float64)
    expected = entmax.entmax_bisect(scores, alpha, dim=-1, n_iter=80)
    # Above 2 a weight is a root of its distance from tau, so the last bit of tau is worth eps^(1 / (alpha - 1)).
    budget = 1e-9 if alpha <= 2 else 4 * torch.finfo(torch.float64).eps ** (1 / (alpha - 1)) * 30
    torch.testing.assert_close(rg.Entmax(alpha).normalise(scores), expected, rtol=0, atol=budget)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q, k, v: rg.attend(q, k[..., :3], v), r"key has size 3 and query has size 5.*Bilinear\(5, 3\)"),
        (lambda q, k, v: rg.attend(q, k, v[:, :, :4]), r"value has shape .* one value for each key"),
        (lambda q, k, v: rg.attend(q, k[:, :2], v[:, :2]), r"key has leading sizes \(2, 2\) and query has \(2, 3\)"),
        (lambda q, k, v: rg.attend(q.long(), k, v), r"query has dtype torch.int64, expected a floating-point"),
        (lambda q, k, v: rg.attend(q, k, v, path="fast"), r"path is 'fast', expected one of reference, sdpa"),
        (lambda q, k, v: rg.attend(q, k, v, dropout=1.0), r"dropout is 1.0, expected a rate"),
        (lambda q, k, v: rg.attend(q, k, v, where=rg.Mask(torch.ones(5, 5).bool())), r"Mask has shape \(5, 5\)"),
        (lambda q, k, v: rg.attend(q, k, v, where=rg.Lengths(torch.ones(3).long())), r"key_lengths has shape \(3,\)"),
        (lambda q, k, v: rg.attend(q, k, v, score=rg.Location(5, 4)), r"key has 11 positions.*max_keys 4"),
        (lambda q, k, v: rg.attend(q, k, v, score=lambda q, k: q), r"score returned shape .*one score for each"),
        (lambda q, k, v: rg.Mask(torch.ones(3)), r"Mask has dtype torch.float32.*use Bias"),
        (lambda q, k, v: ~rg.Bias(torch.ones(3)), r"~ needs wheres that only hide keys"),
        (lambda q, k, v: rg.Bias(torch.ones(3)) | rg.Causal(), r"\| needs wheres that only hide keys"),
        (lambda q, k, v: rg.Causal() + rg.Window(1, 1), r"right side of \+ .* write a & b"),
        (lambda q, k, v: rg.Entmax(0.5), r"alpha is 0.5, expected at least 1"),
        (lambda q, k, v: rg.Window(-1, 0), r"left is -1"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    tensors = numbers(2, 3, 7, 5, seed=0), numbers(2, 3, 11, 5, seed=1), numbers(2, 3, 11, 5, seed=2)
    with pytest.raises(ValueError, match=message):
        call(*tensors)


def test_a_fixed_sink_differs_from_head_to_head_in_blocks_too(small_tiles):
    tensors = numbers(2, 6, 7, 5, seed=0), numbers(2, 6, 11, 5, seed=1), numbers(2, 6, 11, 3, seed=2)
    weigh = rg.Softmax(sink=numbers(6, 1, 1, seed=3))
    contexts = [rg.attend(*tensors, weigh=weigh, path=path) for path in ("reference", "blockwise")]
    torch.testing.assert_close(*contexts)


def test_explain_names_the_path_the_reason_and_the_cost():
    tensor = torch.zeros(1, 8, 512, 64)
    found = rg.explain(tensor, tensor, tensor, where=rg.Causal())
    assert found.path in ("sdpa", "native")
    assert found.flops == 2 * 8 * 512 * 512 * 128
    assert "the fastest for work like this" in str(found)
    assert rg.explain(tensor, tensor, tensor, weigh=rg.Sparsemax()).reason.endswith(
        "the weighing is not a plain softmax"
    )
    assert math.isfinite(found.bytes)
