"""The kernel of the additive score: any size, any magnitude, against the definition in float64."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import regard as rg
from tests.native.exactness import assert_passes_at, levels, needs_kernels, rms
from tests.native.wheres import KINDS, where_of

pytestmark = needs_kernels

NAMES = ("context", "query", "key", "value", "energy")


@dataclass(frozen=True)
class Sizes:
    """Sizes of a problem, and how it is drawn."""

    batch: int
    key_heads: int
    group: int
    queries: int
    keys: int
    hidden: int
    value: int
    seed: int

    def tensors(self, query: float = 1.0, key: float = 1.0, energy: float = 1.0) -> tuple[Tensor, ...]:
        """Query, key, value and energy of these magnitudes, in numbers that bfloat16 holds."""
        drawn = self._drawn(query, key, energy)
        return tuple(tensor.bfloat16().double() for tensor in drawn)

    def _drawn(self, query: float, key: float, energy: float) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(self.seed)
        heads = self.key_heads * self.group
        return (
            torch.randn(self.batch, heads, self.queries, self.hidden, generator=generator) * query,
            torch.randn(self.batch, self.key_heads, self.keys, self.hidden, generator=generator) * key,
            torch.randn(self.batch, self.key_heads, self.keys, self.value, generator=generator),
            torch.randn(self.hidden, generator=generator) * energy / self.hidden**0.5,
        )

    def where(self, kind: str) -> rg.Where | None:
        """A where of a kind, for these sizes."""
        if kind == "around":
            generator = torch.Generator().manual_seed(self.seed + 1)
            centre = torch.rand(self.batch, 1, self.queries, generator=generator) * self.keys
            return rg.Around(centre, 5.0, gaussian=True)
        return where_of(self, kind)


SIZES = st.builds(
    Sizes,
    batch=st.integers(1, 3),
    key_heads=st.integers(1, 2),
    group=st.integers(1, 3),
    queries=st.integers(1, 101),
    keys=st.integers(1, 149),
    hidden=st.integers(1, 83),
    value=st.integers(1, 37),
    seed=st.integers(0, 1 << 20),
)
WHERES = (*KINDS, "around")
WEIGHINGS = {
    "softmax": rg.Softmax(),
    "cool": rg.Softmax(temperature=0.5),
    "sparsemax": rg.Sparsemax(),
    "entmax": rg.Entmax(1.5),
    "sigmoid": rg.Sigmoid(),
}
PRIMES = Sizes(batch=2, key_heads=2, group=3, queries=61, keys=107, hidden=67, value=23, seed=7)


def additive(hidden: int, energy: Tensor) -> rg.Additive:
    """The score that takes queries and keys as they are."""
    score = rg.Additive(hidden, hidden, hidden).to(energy.dtype)
    for linear in (score.query, score.key):
        linear.weight.data = torch.eye(hidden, dtype=energy.dtype)
    score.energy.data = energy.detach().clone()
    return score


def run(
    tensors: tuple[Tensor, ...], dtype: torch.dtype, path: str, where: rg.Where | None, weigh: rg.Weighing
) -> list[Tensor]:
    """Context and the gradients of query, key, value and energy, in float64."""
    *leaves, energy = (tensor.detach().to(dtype).requires_grad_() for tensor in tensors)
    score = additive(len(energy), energy)
    context = rg.attend(*leaves, score=score, where=where, weigh=weigh, path=path)
    outer = torch.randn(context.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    grads = torch.autograd.grad(context, [*leaves, score.energy], outer.to(dtype))
    return [tensor.detach().double() for tensor in (context, *grads)]


def assert_as_accurate(
    *draws: tuple[Tensor, ...], where: rg.Where | None = None, weigh: rg.Weighing = rg.Softmax(), roundings: int = 2
) -> None:
    """At most twice the error of the plain formula in float32, plus roundings of numbers of the kind."""

    def runs(dtype: torch.dtype, path: str) -> list[Tensor]:
        each = [run(tensors, dtype, path, where, weigh) for tensors in draws]
        return [torch.stack(kind) for kind in zip(*each, strict=True)]

    exact, plain = runs(torch.float64, "reference"), runs(torch.float32, "reference")
    found = runs(torch.float32, "native")
    sizes = dict(zip(NAMES, map(rms, exact), strict=True))
    # Both are sums of the same terms, which may cancel in one of them.
    sizes["query"] = sizes["key"] = max(sizes["query"], sizes["key"])
    for name, one, other, truth in zip(NAMES, found, plain, exact, strict=True):
        assert torch.isfinite(one).all(), name
        # Over many examples the largest error is a matter of luck; the mean square is not.
        budget = 2 * rms(other - truth) + roundings * torch.finfo(torch.float32).eps * sizes[name]
        assert rms(one - truth) <= budget, name


@settings(max_examples=120)
@given(sizes=SIZES, where=st.sampled_from(WHERES), weigh=st.sampled_from(tuple(WEIGHINGS)))
def test_any_size_is_as_accurate_as_the_plain_formula(sizes, where, weigh):
    # Gradients of a few cells almost cancel; there the largest term counts.
    exact = run(sizes.tensors(), torch.float64, "reference", sizes.where(where), WEIGHINGS[weigh])
    plain = run(sizes.tensors(), torch.float32, "reference", sizes.where(where), WEIGHINGS[weigh])
    found = run(sizes.tensors(), torch.float32, "native", sizes.where(where), WEIGHINGS[weigh])
    largest = max(truth.abs().max() for truth in exact)
    for name, one, other, truth in zip(NAMES, found, plain, exact, strict=True):
        assert torch.isfinite(one).all(), name
        budget = 2 * rms(other - truth) + 4 * torch.finfo(torch.float32).eps * (largest + 1)
        assert rms(one - truth) <= budget, name


MAGNITUDES = (1e-3, 0.03, 0.3, 1.0, 3.0, 7.0, 12.0, 25.0, 1e4)


@pytest.mark.parametrize("key", MAGNITUDES)
@pytest.mark.parametrize("query", MAGNITUDES)
def test_any_magnitude_is_as_accurate_as_the_plain_formula(query, key):
    # At 1e4 nearly every tangent is flat, and a gradient is that of a few dozen cells: one draw would be luck.
    seeds = range(8) if max(query, key) == MAGNITUDES[-1] else (PRIMES.seed,)
    assert_as_accurate(*(replace(PRIMES, seed=seed).tensors(query, key) for seed in seeds))


@pytest.mark.parametrize("weigh", [rg.Softmax(), rg.Sparsemax(), rg.Sigmoid()])
def test_magnitudes_that_differ_by_channel_and_by_row(weigh):
    query, key, value, energy = PRIMES.tensors()
    channels = torch.logspace(-3, 4, PRIMES.hidden, dtype=torch.float64)
    rows = torch.logspace(-2, 2, PRIMES.queries, dtype=torch.float64)[:, None]
    assert_as_accurate((query * channels, key * channels.flip(0), value, energy), weigh=weigh)
    assert_as_accurate((query * rows, key * channels.roll(31), value, energy), weigh=weigh)
    assert_as_accurate((query * channels, key * channels, value, energy), weigh=weigh)


@pytest.mark.parametrize("largest", [0.499, 0.501, 7.49, 7.51, 15.9, 16.1])
def test_keys_whose_channels_are_all_as_large_as_the_formula_bears(largest):
    query, key, value, energy = PRIMES.tensors()
    signs = torch.where(torch.arange(PRIMES.keys) % 3 == 0, -1.0, 1.0)[:, None]
    assert_as_accurate((query * 0.1, signs * (largest - 1e-3 * key.abs()), value, energy))
    assert_as_accurate((query * largest, signs * largest * torch.ones_like(key), value, energy))


def test_a_query_that_cancels_its_key_at_any_magnitude():
    """Where q = -k exactly the score is exactly the sum of tanh 0, however large both are."""
    key = torch.tensor([0.0, 1e-4, 0.3, 0.499, 3.0, 15.9, 16.1, 19.0, 43.0, 1e4])[:, None].expand(10, 7)
    value, energy = torch.eye(10), torch.ones(7)
    score = additive(7, energy)
    logits = torch.full((10, 10), 7.0)
    logits = torch.where(torch.arange(10)[:, None] > torch.arange(10), -logits, logits)
    context = rg.attend(-key, key, value, score=score, weigh=rg.Sigmoid(), path="native")
    expected = torch.sigmoid((key[:, None].double().neg() + key.double()).tanh().sum(-1))
    torch.testing.assert_close(context.double(), expected, rtol=0, atol=4e-7)
    torch.testing.assert_close(context.diagonal(), torch.full((10,), 0.5), rtol=0, atol=3e-7)
    far = (key[:, 0][:, None] - key[:, 0]).abs() > 20
    torch.testing.assert_close(context[far], torch.sigmoid(logits)[far], rtol=1e-6, atol=0)


def test_slopes_of_saturated_cells_keep_their_digits():
    """At q + k = 8 the plain formula 1 - tanh^2 has lost all digits in float32; 4 e^(2x) / (1 + e^(2x))^2 has not."""
    query = torch.tensor([[8.0, 4.0, 0.2, 12.0]], requires_grad=True)
    key = torch.tensor([[0.0, 4.0, 7.8, -4.0]])
    score = additive(4, torch.ones(4))
    context = rg.attend(query, key, torch.ones(1, 1), score=score, weigh=rg.Sigmoid(), path="native")
    found = torch.autograd.grad(context, query)[0].double()
    weight = torch.sigmoid(4 * torch.tensor(8.0, dtype=torch.float64).tanh())
    slope = 1 / torch.tensor(8.0, dtype=torch.float64).cosh() ** 2
    torch.testing.assert_close(found, (weight * (1 - weight) * slope).expand(1, 4), rtol=2e-6, atol=0)


def test_bfloat16_is_computed_in_float32_and_rounded_once():
    tensors = PRIMES.tensors()
    exact = run(tensors, torch.float64, "reference", rg.Causal(), rg.Softmax())
    plain = run(tensors, torch.bfloat16, "reference", rg.Causal(), rg.Softmax())
    found = run(tensors, torch.bfloat16, "native", rg.Causal(), rg.Softmax())
    for name, one, other, truth in zip(NAMES, found, plain, exact, strict=True):
        assert rms(one - truth) <= rms(other - truth), name
    assert rms(found[0] - exact[0]) <= torch.finfo(torch.bfloat16).eps * rms(exact[0])


@pytest.mark.parametrize("weigh", [rg.Softmax(), rg.Sigmoid()])
def test_second_derivatives(weigh):
    sizes = Sizes(batch=1, key_heads=1, group=2, queries=5, keys=7, hidden=11, value=3, seed=3)

    def second(dtype: torch.dtype, path: str) -> list[Tensor]:
        *leaves, energy = (tensor.to(dtype).requires_grad_() for tensor in sizes.tensors())
        score = additive(sizes.hidden, energy)
        known = [*leaves, score.energy]
        context = rg.attend(*leaves, score=score, where=rg.Causal(), weigh=weigh, path=path)
        first = torch.autograd.grad(context.square().sum(), known, create_graph=True)
        total = sum((grad * torch.cos(grad.detach())).sum() for grad in first)
        return [tensor.double() for tensor in torch.autograd.grad(total, known)]

    for one, truth in zip(second(torch.float32, "native"), second(torch.float64, "reference"), strict=True):
        torch.testing.assert_close(one, truth, rtol=1e-4, atol=1e-4)
        assert truth.abs().max() > 0


def test_queries_that_see_nothing_and_what_is_hidden():
    query, key, value, energy = (tensor.float() for tensor in PRIMES.tensors())
    lengths = torch.tensor([0, 41])
    hidden = torch.arange(PRIMES.keys) >= lengths[:, None, None]
    spoiled = key.masked_fill(hidden[..., None], torch.nan), value.masked_fill(hidden[..., None], torch.inf)
    clean = run((query, key, value, energy), torch.float32, "native", rg.Lengths(lengths), rg.Softmax())
    found = run((query, *spoiled, energy), torch.float32, "native", rg.Lengths(lengths), rg.Softmax())
    for name, one, other in zip(NAMES, found, clean, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6, msg=name)
    assert not any(tensor[0].any() for tensor in found[:4])


def test_the_same_bits_again_and_beside_other_neighbours():
    tensors = tuple(tensor.float() for tensor in PRIMES.tensors())
    both = run(tensors, torch.float32, "native", rg.Window(30, 5), rg.Softmax())
    again = run(tensors, torch.float32, "native", rg.Window(30, 5), rg.Softmax())
    assert all(torch.equal(one, other) for one, other in zip(both, again, strict=True))
    score = additive(PRIMES.hidden, tensors[3])
    whole = rg.attend(*tensors[:3], score=score, path="native")
    for place in range(PRIMES.batch):
        alone = rg.attend(*(tensor[place : place + 1] for tensor in tensors[:3]), score=score, path="native")
        assert torch.equal(alone[0], whole[place])


def test_sizes_that_are_whole_vectors_are_read_where_they_lie():
    sizes = Sizes(batch=1, key_heads=2, group=1, queries=37, keys=41, hidden=64, value=32, seed=11)
    query, key, value, energy = sizes.tensors()
    strided = tuple(tensor.transpose(1, 2).contiguous().transpose(1, 2) for tensor in (query, key, value))
    assert_as_accurate((*strided, energy))


def test_autocast_leaves_an_additive_score_in_float32():
    query, key, value, energy = (tensor.float() for tensor in PRIMES.tensors())
    score = additive(PRIMES.hidden, energy)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        inside = rg.attend(query, key, value, score=score, path="native")
        expected = rg.attend(query, key, value, score=score, path="reference")
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("level", levels())
def test_every_level_passes(level):
    assert_passes_at(level, __file__)
