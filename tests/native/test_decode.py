"""A few queries against a long memory, read once: against a plain formula in float64, over sizes that fit nothing."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial

import entmax
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import regard as rg
from regard.attention import plan
from tests.native.exactness import assert_as_exact, assert_passes_at, levels, needs_kernels

pytestmark = needs_kernels

# Keys that one item of work reads; kPart in native/src/decode.cpp.
PART = 1024
Normaliser = Callable[[Tensor], Tensor]


def tensors(sizes: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value for (batch, key heads, group, queries, keys, size, value size)."""
    batch, key_heads, group, queries, keys, size, value_size = sizes
    shapes = (
        (batch, key_heads * group, queries, size),
        (batch, key_heads, keys, size),
        (batch, key_heads, keys, value_size),
    )
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (torch.randn(shape, generator=generator).to(dtype) for shape in shapes)
    return query, key, value


def softmax(scores: Tensor) -> Tensor:
    return scores.softmax(-1)


def formula(query: Tensor, key: Tensor, value: Tensor, visible: Tensor, normalise: Normaliser = softmax) -> Tensor:
    """Context by the definition, all scores at once, in the dtype of the tensors; rows that see nothing are 0."""
    group = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(group, 1), value.repeat_interleave(group, 1)
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~visible, torch.finfo(scores.dtype).min)
    weights = normalise(scores).masked_fill(~visible, 0)
    return weights @ value


def assert_close(found: Tensor, exact: Tensor, plain: Tensor) -> None:
    """At most twice the error of the plain formula in the same dtype, plus a few roundings of the largest number."""
    budget = 2 * (plain.double() - exact).abs().max() + 8 * torch.finfo(found.dtype).eps * (exact.abs().max() + 1)
    assert (found.double() - exact).abs().max() <= budget


def everything(query: Tensor, key: Tensor) -> Tensor:
    return torch.ones(query.shape[0], query.shape[1], query.shape[2], key.shape[2], dtype=torch.bool)


def shown(kind: str, query: Tensor, key: Tensor) -> tuple[rg.Where | None, Tensor]:
    """A where of a kind, and the cells that it shows."""
    visible = everything(query, key)
    batch, _heads, queries, keys = visible.shape
    i, j = torch.arange(queries)[:, None], torch.arange(keys)[None]
    last = i + keys - queries
    if kind == "causal":
        return rg.Causal(), visible & (j <= last)
    if kind == "window":
        return rg.Window(7, 3), visible & (j >= last - 7) & (j <= last + 3)
    lengths = (torch.arange(batch) * keys + keys) // 3
    if kind == "lengths":
        return rg.Lengths(lengths), visible & (j < lengths[:, None, None, None])
    mask = torch.rand(visible.shape, generator=torch.Generator().manual_seed(4)) < 0.3
    if kind == "mask":
        return rg.Mask(mask), mask
    if kind == "either":
        return rg.Mask(mask) | rg.Causal("start"), mask | (j <= i)
    return None, visible


KINDS = ("everything", "causal", "window", "lengths", "mask", "either")
DTYPES = (torch.float32, torch.bfloat16)
odd_sizes = st.tuples(
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 4),
    st.one_of(st.integers(1, 80), st.integers(PART - 20, 2 * PART + 200)),
    st.integers(1, 70),
    st.integers(1, 70),
)


@settings(max_examples=60)
@given(sizes=odd_sizes, dtype=st.sampled_from(DTYPES), kind=st.sampled_from(KINDS))
def test_odd_sizes(sizes, dtype, kind):
    given_ = tensors(sizes, dtype)
    where, visible = shown(kind, *given_[:2])
    found = rg.attend(*given_, where=where, path="native")
    assert found.dtype == dtype
    assert_close(found, formula(*(t.double() for t in given_), visible), formula(*given_, visible))


WEIGHINGS: tuple[tuple[rg.Weighing, Normaliser], ...] = (
    (rg.Softmax(temperature=0.5), lambda s: (s / 0.5).softmax(-1)),
    (rg.Softmax(sink=2.0), lambda s: torch.cat((s, torch.full_like(s[..., :1], 2.0)), -1).softmax(-1)[..., :-1]),
    (rg.Sigmoid(), torch.sigmoid),
    (rg.Sparsemax(), lambda s: entmax.sparsemax(s, -1)),
    (rg.Entmax(1.5), lambda s: entmax.entmax15(s, -1)),
    (rg.Entmax(1.3), lambda s: entmax.entmax_bisect(s, 1.3, -1, n_iter=60)),
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("weigh", "normalise"), WEIGHINGS, ids=[repr(weigh) for weigh, _rule in WEIGHINGS])
def test_weighings(weigh, normalise, kind):
    given_ = tensors((2, 2, 3, 2, PART + 101, 19, 23), torch.float32)
    where, visible = shown(kind, *given_[:2])
    found = rg.attend(*given_, where=where, weigh=weigh, path="native")
    exact = formula(*(t.double() for t in given_), visible, normalise)
    assert_close(found, exact, formula(*given_, visible, normalise))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_capped_score_with_a_prior(dtype):
    query, key, value = tensors((2, 1, 3, 1, PART + 7, 31, 17), dtype)
    prior = torch.randn(3, 1, PART + 7, generator=torch.Generator().manual_seed(8))
    found = rg.attend(query, key, value, score=rg.Dot(softcap=1.5), where=rg.Causal() + rg.Bias(prior), path="native")

    def capped(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scores = query @ key.repeat_interleave(3, 1).transpose(-1, -2) / math.sqrt(31)
        scores = 1.5 * torch.tanh(scores / 1.5) + prior.to(scores.dtype)
        return scores.softmax(-1) @ value.repeat_interleave(3, 1)

    assert_close(found, capped(query.double(), key.double(), value.double()), capped(query, key, value))


def test_dropout_falls_as_on_the_other_paths():
    given_ = tensors((2, 2, 3, 1, PART + 11, 13, 17), torch.float32)
    exact, plain, found = (
        rg.attend(*each, dropout=0.3, generator=torch.Generator().manual_seed(3), path=path)
        for each, path in (
            (tuple(t.double() for t in given_), "reference"),
            (given_, "reference"),
            (given_, "native"),
        )
    )
    assert_close(found, exact, plain)


@pytest.mark.parametrize("weigh", [rg.Softmax(sink=0.5), rg.Entmax(1.5), rg.Sigmoid()], ids=repr)
def test_the_ordinary_backward_works_after_it(weigh):
    given_ = tensors((2, 2, 3, 2, PART + 101, 19, 23), torch.float32)
    where, visible = shown("mask", *given_[:2])
    normalise = {
        rg.Softmax: lambda s: torch.cat((s, torch.full_like(s[..., :1], 0.5)), -1).softmax(-1)[..., :-1],
        rg.Entmax: lambda s: entmax.entmax15(s, -1),
        rg.Sigmoid: torch.sigmoid,
    }[type(weigh)]

    def grads(context_of, dtype):
        leaves = [t.to(dtype).requires_grad_() for t in given_]
        context = context_of(*leaves)
        outer = torch.randn(context.shape, generator=torch.Generator().manual_seed(7)).to(dtype)
        return torch.autograd.grad(context, leaves, outer)

    found = grads(lambda *t: rg.attend(*t, where=where, weigh=weigh, path="native"), torch.float32)
    by_hand = [grads(lambda *t: formula(*t, visible, normalise), dtype) for dtype in (torch.float64, torch.float32)]
    for one, exact, plain in zip(found, *by_hand, strict=True):
        assert_close(one, exact, plain)


ADDITIVE = rg.Additive(32, 32, 32)


@pytest.mark.parametrize("queries", [1, 3, 5])
@pytest.mark.parametrize("size", [32, 13])
@pytest.mark.parametrize("score", [rg.Dot(), rg.Dot(softcap=3.0), ADDITIVE], ids=["dot", "capped", "additive"])
@pytest.mark.parametrize("weigh", [rg.Softmax(sink=0.5), rg.Sparsemax(), rg.Entmax(1.5), rg.Sigmoid()], ids=repr)
def test_gradients_of_few_queries(weigh, score, size, queries):
    """Up to a number of queries nothing is packed for the gradients either."""
    query, key, value = tensors((2, 3, 2, queries, 71, 32, size), torch.float32, seed=queries)
    where = rg.Lengths(torch.tensor([71, 1]))

    def run(*inputs: Tensor, path: str) -> Tensor:
        made = (
            score if inputs[0].dtype is torch.float32 or score is not ADDITIVE else copy.deepcopy(ADDITIVE).double()
        )
        return rg.attend(*inputs, score=made, weigh=weigh, where=where, path=path)

    assert_as_exact(partial(run, path="native"), partial(run, path="reference"), (query, key, value))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("weigh", [rg.Softmax(), rg.Softmax(sink=1.0), rg.Entmax(1.5), rg.Sigmoid()], ids=repr)
def test_a_row_that_sees_nothing(weigh, dtype):
    query, key, value = tensors((2, 1, 2, 1, PART + 3, 5, 7), dtype)
    leaves = [tensor.requires_grad_() for tensor in (query, key, value)]
    context = rg.attend(*leaves, where=rg.Lengths(torch.tensor([0, 3])), weigh=weigh, path="native")
    grads = torch.autograd.grad(context.sum(), leaves)
    assert (context[0] == 0).all()
    assert (context[1] != 0).any()
    assert all((grad[0] == 0).all() for grad in grads)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size", [16, 13])
def test_what_is_hidden_cannot_leak(size, dtype):
    query, key, value = tensors((2, 2, 1, 1, PART + 40, size, size), dtype)
    lengths = torch.tensor([PART + 33, 5])
    hidden = torch.arange(PART + 40) >= lengths[:, None, None, None].squeeze(-1)
    spoiled = (key.masked_fill(hidden[..., None], torch.nan), value.masked_fill(hidden[..., None], torch.inf))
    where = rg.Lengths(lengths)
    found = rg.attend(query, *spoiled, where=where, path="native")
    assert torch.equal(found, rg.attend(query, key, value, where=where, path="native"))


@pytest.mark.parametrize("where", [None, rg.Lengths(torch.tensor([PART + 33]))], ids=["everything", "lengths"])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_not_finite_and_seen_spoils_its_rows_only(place, bad, where):
    given_ = list(tensors((1, 3, 1, 2, PART + 40, 16, 16), torch.float32))
    clean = rg.attend(*given_, where=where, path="native")
    given_[place][0, 1, 0, 3] = bad
    found = rg.attend(*given_, where=where, path="native")
    # A query spoils its own row, a key the rows of its head, a value one number of these.
    touched = ((slice(0, 1), slice(None)), (slice(None), slice(None)), (slice(None), slice(3, 4)))
    changed = torch.zeros_like(clean, dtype=torch.bool)
    changed[(0, 1, *touched[place])] = True
    assert found[changed].isnan().all()
    assert torch.equal(found[~changed], clean[~changed])


def test_strides_as_they_come():
    query, key, value = tensors((2, 3, 2, 1, PART + 5, 32, 16), torch.float32)
    turned = (tensor.transpose(1, 2).contiguous().transpose(1, 2) for tensor in (query, key, value))
    sliced = tuple(torch.cat((tensor, tensor), -2)[..., : tensor.shape[-2], :] for tensor in (query, key, value))
    plain = rg.attend(query, key, value, path="native")
    assert torch.equal(rg.attend(*turned, path="native"), plain)
    assert torch.equal(rg.attend(*sliced, path="native"), plain)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("weigh", [rg.Softmax(), rg.Entmax(1.5)], ids=repr)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_neither_threads_nor_neighbours_change_a_bit(weigh, dtype, two_threads):
    given_ = tensors((3, 2, 3, 2, 5 * PART + 17, 24, 16), dtype)
    first, again = (rg.attend(*given_, where=rg.Causal(), weigh=weigh, path="native") for _time in range(2))
    torch.set_num_threads(1)
    single = rg.attend(*given_, where=rg.Causal(), weigh=weigh, path="native")
    alone = rg.attend(*(tensor[1:2] for tensor in given_), where=rg.Causal(), weigh=weigh, path="native")
    assert torch.equal(first, again)
    assert torch.equal(first, single)
    assert torch.equal(first[1:2], alone)


@pytest.mark.parametrize("where", [None, rg.Window(50, 0)], ids=["everything", "window"])
def test_a_memory_that_grows_step_by_step(where, monkeypatch):
    monkeypatch.setattr(plan, "decide", lambda call, prepared, path: ("native", "for this test"))
    query, key, value = tensors((2, 2, 2, 1, 131, 11, 13), torch.float32)
    memory = rg.Memory(key[..., :100, :], value[..., :100, :], where=where)
    for step in range(100, 131):
        memory = memory.append(key[..., step : step + 1, :], value[..., step : step + 1, :])
        so_far = (key[..., : step + 1, :], value[..., : step + 1, :])
        found = memory.ask(query)
        assert torch.equal(found, rg.Memory(*so_far, where=where).ask(query))
        hidden = torch.arange(step + 1) < (0 if where is None else step - 50)
        visible = everything(query, so_far[0]) & ~hidden
        exact = formula(query.double(), *(tensor.double() for tensor in so_far), visible)
        assert_close(found, exact, formula(query, *so_far, visible))


@pytest.mark.parametrize("level", levels())
def test_every_level(level):
    """The odd sizes and the weighings again."""
    assert_passes_at(level, __file__, "odd_sizes or weighings or capped")
