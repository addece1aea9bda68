"""Facts, chosen rows and tiles by the kernels, against the definition in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import regard as rg
from regard.attention.attend import prepare_call
from regard.attention.call import Call, Prepared
from regard.attention.native import statistics as native_statistics
from regard.attention.native import tiles
from regard.attention.native.library import kernels, level_for
from regard.attention.paths import native_facts
from tests.layers.parts import filled
from tests.native import wheres
from tests.native.exactness import assert_passes_at, levels, needs_kernels, rms
from tests.native.test_attention import EXAMPLES, PROBLEM, SIZES, WEIGHINGS, Sizes

pytestmark = needs_kernels

FACTS = ("lse", "maximum", "entropy", "position", "mass", "rows", "pooled")
WHERES = (*wheres.KINDS, "segments", "bias", "around")


def where_of(sizes: Sizes, kind: str) -> rg.Where | None:
    """A where of a kind, some of whose rows may see nothing."""
    generator = torch.Generator().manual_seed(sizes.seed + 2)
    heads = sizes.key_heads * sizes.group
    if kind == "segments":
        ids = [
            torch.randint(-1, 4, (sizes.batch, count), generator=generator) for count in (sizes.queries, sizes.keys)
        ]
        return rg.Segments(*ids)
    if kind == "bias":
        bias = torch.randn(heads, sizes.queries, sizes.keys, generator=generator)
        return rg.Causal() + rg.Bias(bias.masked_fill(bias > 1, -torch.inf))
    if kind == "around":
        centre = torch.rand(sizes.batch, heads, sizes.queries, generator=generator) * (sizes.keys + 10) - 5
        return rg.Around(centre, 6.0, gaussian=True)
    return wheres.where_of(sizes, kind)


def wanted_of(sizes: Sizes) -> rg.Wanted:
    """Everything, in sizes that the problem has."""
    top, rows = 1 + sizes.seed % sizes.keys, [sizes.queries - 1, 0, sizes.seed % sizes.queries]
    pooled = 1 + sizes.seed % sizes.queries, 1 + sizes.seed % sizes.keys
    return rg.Wanted(True, True, True, True, True, top=min(top, 40), rows=rows, pooled=pooled)


def finite(tensor: Tensor) -> Tensor:
    return torch.where(tensor.isneginf(), 0, tensor).double()


@settings(max_examples=EXAMPLES)
@given(sizes=SIZES, where=st.sampled_from(WHERES), weigh=st.sampled_from(tuple(WEIGHINGS)))
def test_facts_of_any_size_are_as_accurate_as_the_plain_formula(sizes, where, weigh):
    query, key, _value = sizes.tensors(torch.float32)
    answers = {"where": where_of(sizes, where), "weigh": WEIGHINGS[weigh]}
    wanted = wanted_of(sizes)
    ours = rg.statistics(query, key, wanted, **answers)
    exact = rg.statistics(query.double(), key.double(), wanted, **answers)
    # A gradient is wanted, so the kernels do not serve this one.
    plain = rg.statistics(query.clone().requires_grad_(), key, wanted, **answers)
    assert ours.lse.dtype == torch.float32
    # A weight is known relatively as well as its score absolutely.
    roundings = (16 + finite(exact.lse).abs().max()) * torch.finfo(torch.float32).eps
    for name in FACTS:
        one, other, truth = (getattr(found, name).detach() for found in (ours, plain, exact))
        assert one.shape == truth.shape
        assert torch.equal(one.isneginf(), truth.isneginf()), name
        one, other, truth = finite(one), finite(other), finite(truth)
        budget = 2 * rms(other - truth) + roundings * (truth.abs().max() + 1)
        assert rms(one - truth) <= budget, name
    weights = rg.weights(query.double(), key.double(), **answers)
    index, weight = ours.top.index, ours.top.weight.double()
    budget = 2 * rms(plain.top.weight.detach() - exact.top.weight) + roundings
    assert rms(weight - exact.top.weight) <= budget
    assert rms(weights.gather(-1, index) - weight) <= budget
    assert index.sort(-1).values.diff().gt(0).all()


@pytest.mark.parametrize("name", [*FACTS, "top"])
def test_a_fact_alone_is_the_fact_among_all(name):
    query, key, _value = PROBLEM.tensors(torch.float32)
    asked = {"top": 5, "rows": [60, 3], "pooled": (7, 11)}
    together = rg.statistics(query, key, rg.Wanted(True, True, True, True, True, **asked), where=rg.Causal())
    alone = rg.statistics(query, key, rg.Wanted(**{name: asked.get(name, True)}), where=rg.Causal())
    assert [fact for fact, found in vars(alone).items() if found is not None] == [name]
    if name == "top":
        assert torch.equal(alone.top.index, together.top.index)
        assert torch.equal(alone.top.weight, together.top.weight)
    else:
        # Beside an overview, sums of columns are made of other parts.
        torch.testing.assert_close(getattr(alone, name), getattr(together, name), rtol=1e-6, atol=1e-6)


LONG = Sizes(batch=2, key_heads=1, group=2, queries=1301, keys=1103, size=7, value=1, seed=5, spread=1.0)
SHARED = rg.Wanted(True, True, True, True, True, top=9, pooled=(19, 13))


def numbers_of(found: rg.Statistics) -> list[Tensor]:
    facts = [getattr(found, name) for name in FACTS if name != "rows"]
    return [*facts, found.top.index, found.top.weight]


def test_many_rows_are_added_up_in_shares():
    query, key, _value = LONG.tensors(torch.float32)
    for where in (None, rg.Causal()):
        ours = rg.statistics(query, key, SHARED, where=where)
        exact = rg.statistics(query.double(), key.double(), SHARED, where=where)
        torch.testing.assert_close(ours.mass.double(), exact.mass, rtol=2e-6, atol=2e-6)
        torch.testing.assert_close(ours.pooled.double(), exact.pooled, rtol=2e-6, atol=2e-6)


def test_neither_threads_nor_neighbours_change_a_bit():
    query, key, _value = LONG.tensors(torch.float32)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5, 5):
            torch.set_num_threads(threads)
            found.append(numbers_of(rg.statistics(query, key, SHARED, where=rg.Causal())))
        alone = numbers_of(rg.statistics(query[1:], key[1:], SHARED, where=rg.Causal()))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(*pair) for pair in zip(found[0], other, strict=True))
    assert all(torch.equal(one[1:], other) for one, other in zip(found[0], alone, strict=True))


@pytest.mark.parametrize("top", [1, 4, 37, 101])
def test_of_equal_weights_the_earlier_key_goes_first(top):
    # A few values, often repeated, are scores that are exact.
    scores = torch.randint(0, 4, (1, 1, 53, 101), generator=torch.Generator().manual_seed(1)).float()
    query, key = torch.zeros(1, 1, 53, 1), torch.zeros(1, 1, 101, 1)
    seen = rg.Mask(torch.arange(101) % 3 > 0)
    found = rg.statistics(query, key, rg.Wanted(top=top), where=seen + rg.Bias(scores)).top
    weights = rg.weights(query, key, where=seen + rg.Bias(scores))
    order = weights.sort(dim=-1, descending=True, stable=True)
    assert torch.equal(found.index, order.indices[..., :top])
    torch.testing.assert_close(found.weight, order.values[..., :top])


def test_scores_that_overflow_give_nan_and_keys_that_are_there():
    query = torch.full((1, 1, 3, 2), 1e30) * torch.tensor([1.0, -1.0])
    key = torch.full((1, 1, 301, 2), 1e30)
    found = rg.statistics(query, key, rg.Wanted(entropy=True, top=5), weigh=rg.Softmax())
    assert found.entropy.isnan().all()
    assert torch.equal(found.top.index, torch.arange(5).expand(1, 1, 3, 5))


def test_16_bits_are_read_as_they_are():
    query, key, _value = PROBLEM.tensors(torch.bfloat16)
    wanted = wanted_of(PROBLEM)
    # Without a scale, which would be multiplied in 16 bits.
    pairs = (query.float(), key.float()), (query, key)
    wide, narrow = (rg.statistics(*pair, wanted, score=rg.Dot(1.0)) for pair in pairs)
    for name in FACTS:
        torch.testing.assert_close(getattr(narrow, name), getattr(wide, name))
        assert getattr(narrow, name).dtype == torch.float32


def test_what_is_hidden_and_not_finite_changes_nothing():
    query, key, _value = PROBLEM.tensors(torch.float32)
    lengths = torch.tensor([107, 0, 40])
    dirty = key.clone()
    for place, length in enumerate(lengths):
        dirty[place, :, length:] = torch.nan
    wanted = wanted_of(PROBLEM)
    clean, found = (rg.statistics(query, each, wanted, where=rg.Lengths(lengths)) for each in (key, dirty))
    for name in FACTS:
        torch.testing.assert_close(getattr(found, name), getattr(clean, name))


def test_gradients_go_by_the_blocks():
    grads = []
    for dtype in (torch.float32, torch.float64):
        query, key, _value = (tensor.requires_grad_() for tensor in PROBLEM.tensors(dtype))
        found = rg.statistics(query, key, rg.Wanted(entropy=True, mass=True), where=rg.Causal())
        grads.append(torch.autograd.grad(found.entropy.sum() + found.mass.square().sum(), (query, key)))
    for one, truth in zip(*grads, strict=True):
        torch.testing.assert_close(one.double(), truth, rtol=1e-4, atol=1e-4)


def test_the_kernels_serve_what_they_can(monkeypatch):
    calls = []
    kernel = native_facts.statistics
    monkeypatch.setattr(native_facts, "statistics", lambda *given: calls.append(given) or kernel(*given))
    query, key, _value = PROBLEM.tensors(torch.float32)
    wanted = rg.Wanted(entropy=True)
    rg.statistics(query, key, wanted)
    assert len(calls) == 1
    with torch.no_grad():
        rg.statistics(query.clone().requires_grad_(), key, wanted)
    assert len(calls) == 2
    rg.statistics(query.clone().requires_grad_(), key, wanted)
    rg.statistics(query.double(), key.double(), wanted)
    rg.statistics(query, key, wanted, score=lambda q, k: q @ k.transpose(-1, -2))
    torch.func.vmap(lambda one: rg.statistics(one, key[0], wanted).entropy)(query[:, :2])
    assert len(calls) == 2


def prepared_of(query: Tensor, key: Tensor, where: rg.Where | None, weigh: rg.Weighing) -> tuple[Call, Prepared]:
    call, asked, keys = prepare_call(query, key, key, rg.Dot(), where, weigh, None)
    return call, Prepared(asked.tensor, keys.key, keys.value)


@settings(max_examples=EXAMPLES)
@given(
    sizes=SIZES,
    where=st.sampled_from(WHERES),
    weigh=st.sampled_from(tuple(WEIGHINGS)),
    corners=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_a_tile_is_cut_from_the_weights(sizes, where, weigh, corners):
    query, key, _value = sizes.tensors(torch.float32)
    shows, weighing = where_of(sizes, where), WEIGHINGS[weigh]
    call, prepared = prepared_of(query, key, shows, weighing)
    top, bottom = sorted(int(corner * (sizes.queries - 1)) for corner in corners[:2])
    left, right = sorted(int(corner * (sizes.keys - 1)) for corner in corners[2:])
    saved = tiles.row_numbers(call, prepared)
    found = tiles.tile(call, prepared, saved, range(top, bottom + 1), range(left, right + 1))
    cut = slice(top, bottom + 1), slice(left, right + 1)
    exact = rg.weights(query.double(), key.double(), where=shows, weigh=weighing)[:, :, *cut]
    plain = rg.weights(query, key, where=shows, weigh=weighing)[:, :, *cut]
    assert found.shape == exact.shape
    assert (found - exact).abs().max() <= 2 * (plain - exact).abs().max() + 1e-6


EVERY_WEIGHING = (
    rg.Softmax(0.5, sink=0.3),
    rg.Entmax(1.5),
    rg.Entmax(1.25),
    rg.TopK(5),
    rg.Argmax(),
    rg.Gumbel(0.5, seed=3),
    rg.Gumbel(1.0, hard=True, seed=3),
)


def side_by_side(call: Call, prepared: Prepared) -> Tensor:
    """All weights, tile by tile."""
    saved = tiles.row_numbers(call, prepared)
    rows = [range(first, min(first + 23, 61)) for first in range(0, 61, 23)]
    columns = [range(first, min(first + 29, 107)) for first in range(0, 107, 29)]
    return torch.cat([torch.cat([tiles.tile(call, prepared, saved, r, c) for c in columns], -1) for r in rows], -2)


@pytest.mark.parametrize("weigh", EVERY_WEIGHING, ids=repr)
@pytest.mark.parametrize("where", [rg.Causal(), rg.Window(31, 9)], ids=repr)
def test_tiles_side_by_side_are_all_weights(where, weigh):
    query, key, _value = PROBLEM.tensors(torch.float32)
    shown = where + rg.Alibi(torch.tensor([0.5, 0.25, 0.125, 1.0]))
    exact = rg.weights(query.double(), key.double(), where=shown, weigh=weigh)
    found = side_by_side(*prepared_of(query, key, shown, weigh))
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=2e-6)
    everything = rg.Wanted(entropy=True, rows=range(61))
    facts = rg.statistics(query, key, everything, where=shown, weigh=weigh)
    torch.testing.assert_close(facts.rows, found, rtol=0, atol=1e-6)
    torch.testing.assert_close(facts.entropy.double(), -torch.special.xlogy(exact, exact).sum(-1), rtol=0, atol=1e-5)


def test_an_additive_score_has_facts_and_tiles():
    query, key, _value = PROBLEM.tensors(torch.float32)
    score, where = filled(rg.Additive(19, 19, 11)).float().requires_grad_(False), rg.Window(31, 9)
    exact = rg.weights(query, key, score=score, where=where)
    call, found, keys = prepare_call(query, key, key, score, where, rg.Softmax(), None)
    asked = Prepared(found.tensor, keys.key, keys.value)
    torch.testing.assert_close(side_by_side(call, asked), exact, rtol=0, atol=2e-6)
    mass = rg.statistics(query, key, rg.Wanted(mass=True), score=score, where=where).mass
    torch.testing.assert_close(mass, exact.sum(-2))


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (range(60, 62), range(3), r"rows is range\(60, 62\), expected neighbours within range\(0, 61\)"),
        (range(5, 5), range(3), r"rows is range\(5, 5\), expected .* at least one"),
        (range(3), range(0, 9, 2), r"columns is range\(0, 9, 2\), expected neighbours within range\(0, 107\)"),
    ],
)
def test_a_rectangle_beside_the_map_is_refused(rows, columns, message):
    call, prepared = prepared_of(*PROBLEM.tensors(torch.float32)[:2], None, rg.Softmax())
    with pytest.raises(ValueError, match=message):
        tiles.tile(call, prepared, tiles.row_numbers(call, prepared), rows, columns)


def test_a_call_that_the_kernels_do_not_know_is_refused():
    call, prepared = prepared_of(*PROBLEM.tensors(torch.float64)[:2], None, rg.Softmax())
    with pytest.raises(ValueError, match=r"call cannot be served by our kernels: the kernels have no torch.float64"):
        tiles.row_numbers(call, prepared)


def test_the_operators_pass_the_checks_of_pytorch():
    query, key, _value = (tensor.contiguous() for tensor in PROBLEM.tensors(torch.float32))
    nothing = ([], None, None, None, [], [], [0, 0, 0, -1, 0, 0, 0], [0.5, 0.0, 1.0, 0.0, 0.0])
    checks = ("test_schema", "test_faketensor")
    wanted = [True] * 9
    torch.library.opcheck(native_statistics._statistics, (query, key, *nothing, wanted, [3, 2, 5]), test_utils=checks)
    torch.library.opcheck(tiles._rows, (query, key, *nothing, [4, 0]), test_utils=checks)
    saved = torch.ones(*query.shape[:3], 4)
    torch.library.opcheck(tiles._tile, (query, key, *nothing, saved, [3, 7, 2, 31]), test_utils=checks)


def test_statistics_compile_to_one_graph():
    query, key, _value = PROBLEM.tensors(torch.float32)

    def facts(query: Tensor, key: Tensor) -> list[Tensor]:
        found = rg.statistics(query, key, wanted_of(PROBLEM), where=rg.Causal())
        return [*(getattr(found, name) for name in FACTS), found.top.index]

    compiled = torch.compile(facts, fullgraph=True, backend="aot_eager")
    assert all(torch.equal(*pair) for pair in zip(compiled(query, key), facts(query, key), strict=True))


@pytest.mark.parametrize("level", levels())
def test_every_level_of_the_chip_finds_the_same(level, monkeypatch):
    assert level_for(level, kernels().level) == level
    monkeypatch.setenv("REGARD_EXAMPLES", "25")
    assert_passes_at(level, __file__, "any_size or tile or earlier or overflow")
