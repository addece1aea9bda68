"""The kernel of the location-aware score: any size, and the gradients of all it learns, against the definition."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import regard as rg
from tests.native.exactness import assert_passes_at, levels, needs_kernels, rms

pytestmark = needs_kernels


@dataclass(frozen=True)
class Sizes:
    """Sizes of a problem, and how it is drawn."""

    batch: int
    key_heads: int
    group: int
    queries: int
    keys: int
    hidden: int
    channels: int
    radius: int
    value: int
    seed: int

    def drawn(self, place: int, *shape: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed + 1000 * place)
        return torch.randn(shape, generator=generator).bfloat16().double()

    def tensors(self) -> tuple[Tensor, ...]:
        """Query, key, value and the weights of the queries before."""
        heads = self.key_heads * self.group
        keys = (self.batch, self.key_heads, self.keys)
        before = self.drawn(3, self.batch, heads, self.queries, self.keys).softmax(-1).bfloat16().double()
        return (
            self.drawn(0, self.batch, heads, self.queries, 3),
            self.drawn(1, *keys, 5),
            self.drawn(2, *keys, self.value),
            before,
        )

    def score(self, dtype: torch.dtype) -> rg.LocationAware:
        """A score whose features matter: before any training they would be small."""
        score = rg.LocationAware(3, 5, self.hidden, channels=self.channels, radius=self.radius).to(dtype)
        for place, parameter in enumerate(score.parameters()):
            parameter.data = (self.drawn(4 + place, *parameter.shape) / parameter.shape[-1] ** 0.5).to(dtype)
        score.filters.data *= 3
        return score


SIZES = st.builds(
    Sizes,
    batch=st.integers(1, 3),
    key_heads=st.integers(1, 2),
    group=st.integers(1, 3),
    queries=st.integers(1, 101),
    keys=st.integers(1, 149),
    hidden=st.integers(1, 67),
    channels=st.integers(1, 7),
    radius=st.integers(0, 83),
    value=st.integers(1, 19),
    seed=st.integers(0, 900),
)
PRIMES = Sizes(2, 2, 3, 61, 107, 37, 5, 11, 13, 7)


def run(sizes: Sizes, dtype: torch.dtype, path: str, where: rg.Where | None, weigh: rg.Weighing) -> list[Tensor]:
    """Context and the gradients of query, key, value, the weights before and all parameters, in float64."""
    leaves = [tensor.to(dtype).requires_grad_() for tensor in sizes.tensors()]
    score = sizes.score(dtype)
    context = rg.attend(*leaves[:3], score=score.after(leaves[3]), where=where, weigh=weigh, path=path)
    grads = torch.autograd.grad(context, [*leaves, *score.parameters()], sizes.drawn(20, *context.shape).to(dtype))
    return [tensor.detach().double() for tensor in (context, *grads)]


def assert_as_accurate(sizes: Sizes, where: rg.Where | None, weigh: rg.Weighing) -> None:
    """At most twice the error of the plain formula in float32, plus roundings of the largest number."""
    exact = run(sizes, torch.float64, "reference", where, weigh)
    plain = run(sizes, torch.float32, "reference", where, weigh)
    found = run(sizes, torch.float32, "native", where, weigh)
    largest = max(truth.abs().max() for truth in exact)
    for place, (one, other, truth) in enumerate(zip(found, plain, exact, strict=True)):
        assert torch.isfinite(one).all(), place
        budget = 2 * rms(other - truth) + 8 * torch.finfo(torch.float32).eps * (largest + 1)
        assert rms(one - truth) <= budget, place


@settings(max_examples=60)
@given(
    sizes=SIZES,
    where=st.sampled_from((None, rg.Causal(), rg.Window(7, 3))),
    weigh=st.sampled_from((rg.Softmax(), rg.Sparsemax(), rg.Sigmoid())),
)
def test_any_size_is_as_accurate_as_the_plain_formula(sizes, where, weigh):
    assert_as_accurate(sizes, where, weigh)


@pytest.mark.parametrize("hidden", [16, 37, 64])
@pytest.mark.parametrize("queries", [1, 61])
def test_several_threads_and_whole_vectors(hidden, queries):
    sizes = Sizes(2, 2, 3, queries, 107, hidden, 5, 11, 13, 7)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert_as_accurate(sizes, rg.Window(50, 50), rg.Softmax())
    finally:
        torch.set_num_threads(threads)


def test_the_gradients_are_not_small():
    """What is compared above is there: each parameter and the weights before have a gradient that matters."""
    found = run(PRIMES, torch.float32, "native", None, rg.Softmax())
    assert all(tensor.abs().max() > 1e-3 for tensor in found)


def test_weights_told_for_more_keys_than_are_asked():
    """Keys know their places, so a prefix of them sees what lies behind it too."""
    query, key, value, before = PRIMES.tensors()
    found = []
    for path, dtype in (("native", torch.float32), ("reference", torch.float64)):
        score = PRIMES.score(dtype).after(before.to(dtype))
        given = query.to(dtype), key[:, :, :71].to(dtype), value[:, :, :71].to(dtype)
        found.append(rg.attend(*given, score=score, path=path).double())
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-5)


def test_a_first_query_is_scored_without_features():
    query, key, value, _before = (tensor.float() for tensor in PRIMES.tensors())
    score = PRIMES.score(torch.float32)
    found = rg.attend(query[:, :, :1], key, value, score=score, path="native")
    additive = rg.Additive(3, 5, PRIMES.hidden)
    additive.load_state_dict(
        {name: tensor for name, tensor in score.state_dict().items() if name in additive.state_dict()}
    )
    assert torch.equal(found, rg.attend(query[:, :, :1], key, value, score=additive, path="native"))
    grads = torch.autograd.grad(
        rg.attend(query[:, :, :1], key, value, score=score, path="native").square().sum(),
        [score.key.weight, score.energy],
    )
    assert all(grad.abs().max() > 0 for grad in grads)


def test_facts_and_rows_are_those_of_the_blocks():
    query, key, _value, before = PRIMES.tensors()
    wanted = rg.Wanted(lse=True, entropy=True, mass=True, top=3, rows=[5, 60])
    found = []
    for dtype in (torch.float32, torch.float64):
        score = PRIMES.score(dtype).after(before.to(dtype))
        with torch.no_grad():
            found.append(rg.statistics(query.to(dtype), key.to(dtype), wanted, score=score))
    for name in ("lse", "entropy", "mass", "rows"):
        one, truth = (getattr(facts, name).double() for facts in found)
        torch.testing.assert_close(one, truth, rtol=1e-4, atol=1e-5)
    assert torch.equal(found[0].top.index, found[1].top.index)


def test_second_derivatives():
    sizes = Sizes(1, 1, 2, 5, 7, 11, 3, 2, 3, 3)

    def second(dtype: torch.dtype, path: str) -> list[Tensor]:
        leaves = [tensor.to(dtype).requires_grad_() for tensor in sizes.tensors()]
        score = sizes.score(dtype)
        known = [*leaves, *score.parameters()]
        context = rg.attend(*leaves[:3], score=score.after(leaves[3]), where=rg.Causal(), path=path)
        first = torch.autograd.grad(context.square().sum(), known, create_graph=True)
        total = sum((grad * torch.cos(grad.detach())).sum() for grad in first)
        return [tensor.double() for tensor in torch.autograd.grad(total, known)]

    for one, truth in zip(second(torch.float32, "native"), second(torch.float64, "reference"), strict=True):
        torch.testing.assert_close(one, truth, rtol=1e-4, atol=1e-4)
        assert truth.abs().max() > 0


def test_the_same_bits_again_and_beside_other_neighbours():
    both = run(PRIMES, torch.float32, "native", rg.Window(30, 5), rg.Softmax())
    again = run(PRIMES, torch.float32, "native", rg.Window(30, 5), rg.Softmax())
    assert all(torch.equal(one, other) for one, other in zip(both, again, strict=True))
    query, key, value, before = (tensor.float() for tensor in PRIMES.tensors())
    score = PRIMES.score(torch.float32)
    whole = rg.attend(query, key, value, score=score.after(before), path="native")
    for place in range(PRIMES.batch):
        one = slice(place, place + 1)
        alone = rg.attend(query[one], key[one], value[one], score=score.after(before[one]), path="native")
        assert torch.equal(alone[0], whole[place])


@pytest.mark.parametrize("level", levels())
def test_every_level_passes(level):
    assert_passes_at(level, __file__)
