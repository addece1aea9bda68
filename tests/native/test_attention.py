"""The kernel of attention on odd sizes, strides and settings, against the definition in float64."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import regard as rg
from tests.native.exactness import assert_as_exact, needs_kernels, rms
from tests.native.wheres import KINDS, where_of

pytestmark = needs_kernels

# By hand 10,000: REGARD_EXAMPLES=10000 pytest tests/native/test_attention.py -k any_size
EXAMPLES = int(os.environ.get("REGARD_EXAMPLES", "200"))


@dataclass(frozen=True)
class Sizes:
    """Sizes of a problem, and how it is drawn."""

    batch: int
    key_heads: int
    group: int
    queries: int
    keys: int
    size: int
    value: int
    seed: int
    spread: float

    def tensors(self, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, of which none is dense, in numbers that bfloat16 holds."""
        generator = torch.Generator().manual_seed(self.seed)

        def drawn(*shape: int) -> Tensor:
            lead, time, size = shape[:2], shape[2], shape[3]
            tensor = torch.randn(lead[0], time, lead[1], size + 2, generator=generator).bfloat16().to(dtype)
            return tensor.transpose(1, 2)[..., 1:-1]

        query = drawn(self.batch, self.key_heads * self.group, self.queries, self.size)
        keys = (self.batch, self.key_heads, self.keys)
        return query * self.spread, drawn(*keys, self.size), drawn(*keys, self.value)


SIZES = st.builds(
    Sizes,
    batch=st.integers(1, 3),
    key_heads=st.integers(1, 2),
    group=st.integers(1, 3),
    queries=st.integers(1, 130),
    keys=st.integers(1, 200),
    size=st.integers(1, 70),
    value=st.integers(1, 70),
    seed=st.integers(0, 1 << 20),
    spread=st.sampled_from((0.01, 1.0, 30.0)),
)
WEIGHINGS = {
    "softmax": rg.Softmax(),
    "cool": rg.Softmax(temperature=0.5),
    "sink": rg.Softmax(sink=0.25),
    "sparsemax": rg.Sparsemax(),
    "entmax": rg.Entmax(1.5),
    "sigmoid": rg.Sigmoid(),
}


def found(sizes: Sizes, where: str, weigh: str, dropout: float, path: str, dtype: torch.dtype) -> list[Tensor]:
    """Context and gradients in float64."""
    leaves = [tensor.detach().requires_grad_() for tensor in sizes.tensors(dtype)]
    generator = torch.Generator().manual_seed(sizes.seed)
    context = rg.attend(
        *leaves,
        where=where_of(sizes, where),
        weigh=WEIGHINGS[weigh],
        dropout=dropout,
        generator=generator,
        path=path,
    )
    outer = torch.randn(context.shape, generator=generator).to(dtype)
    grads = torch.autograd.grad(context, leaves, outer)
    return [tensor.detach().double() for tensor in (context, *grads)]


@settings(max_examples=EXAMPLES)
@given(
    sizes=SIZES,
    where=st.sampled_from(KINDS),
    weigh=st.sampled_from(tuple(WEIGHINGS)),
    dropout=st.sampled_from((0.0, 0.0, 0.3)),
)
def test_any_size_is_as_accurate_as_the_plain_formula(sizes, where, weigh, dropout):
    exact = found(sizes, where, weigh, dropout, "reference", torch.float64)
    plain = found(sizes, where, weigh, dropout, "reference", torch.float32)
    ours = found(sizes, where, weigh, dropout, "native", torch.float32)
    # Sums that cancel lose by the largest number on their way: where a result is two numbers, the plain formula's own
    # error tells little of it.
    largest = max(tensor.abs().max() for tensor in (*exact, *sizes.tensors(torch.float64)))
    for one, other, truth in zip(ours, plain, exact, strict=True):
        assert torch.isfinite(one).all()
        budget = 2 * rms(other - truth) + 16 * torch.finfo(torch.float32).eps * (largest + 1)
        assert rms(one - truth) <= budget


PROBLEM = Sizes(batch=3, key_heads=2, group=2, queries=61, keys=107, size=19, value=23, seed=7, spread=1.0)


def run(tensors: tuple[Tensor, ...], where: rg.Where | None = None, dropout: float = 0.0) -> list[Tensor]:
    """Context and gradients by the kernels, of float32 tensors."""
    leaves = [tensor.detach().requires_grad_() for tensor in tensors]
    generator = torch.Generator().manual_seed(3)
    context = rg.attend(*leaves, where=where, dropout=dropout, generator=generator, path="native")
    return [context, *torch.autograd.grad(context, leaves, torch.ones_like(context))]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def test_threads_that_call_at_once_find_the_same_bits():
    tensors = PROBLEM.tensors(torch.float32)
    alone = run(tensors, rg.Causal(), 0.2)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: run(tensors, rg.Causal(), 0.2), range(16)))
    assert all(equal(one, alone) for one in together)


def test_a_sequence_does_not_depend_on_its_neighbours_in_the_batch():
    query, key, value = PROBLEM.tensors(torch.float32)
    whole = run((query, key, value), rg.Causal())
    for place in range(len(query)):
        alone = run((query[place : place + 1], key[place : place + 1], value[place : place + 1]), rg.Causal())
        assert torch.equal(alone[0], whole[0][place : place + 1])


def test_the_number_of_threads_changes_roundings_only():
    tensors, threads = PROBLEM.tensors(torch.float32), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = run(tensors)
        torch.set_num_threads(5)
        several = run(tensors)
        assert equal(several, run(tensors))
    finally:
        torch.set_num_threads(threads)
    for first, second in zip(one, several, strict=True):
        torch.testing.assert_close(first, second)


@pytest.mark.parametrize(
    "learned",
    [
        lambda: (rg.Bias, torch.randn(1, 1, 107)),
        lambda: (rg.Bias, torch.randn(4, 61, 107)),
        lambda: (rg.Bias, torch.randn(3, 1, 61, 1)),
        lambda: (rg.RelativeBias, torch.randn(4, 31)),
        lambda: (rg.RelativeBias, torch.randn(31)),
        lambda: (rg.Alibi, torch.rand(4)),
    ],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_learned_priors_get_their_gradient(learned, threads):
    torch.manual_seed(2)
    make, tensor = learned()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    grads = []
    try:
        for path, dtype in (("native", torch.float32), ("reference", torch.float64)):
            leaf = tensor.to(dtype).requires_grad_()
            context = rg.attend(*PROBLEM.tensors(dtype), where=rg.Causal() + make(leaf), path=path)
            grads.append(torch.autograd.grad(context.square().sum(), leaf)[0].double())
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*grads, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("weigh", [rg.Softmax(), rg.Sparsemax(), rg.TopK(5), rg.Argmax(), rg.Sigmoid()])
@pytest.mark.parametrize("shape", [(3, 4, 61), (3, 1, 61), (4, 1), (61,)])
def test_a_learned_centre_gets_its_gradient_through_the_gaussian(weigh, shape):
    """With another Gaussian, a mask, dropout and a centre that sees nothing."""
    start = 107 * torch.rand(shape, generator=torch.Generator().manual_seed(1))
    start.view(-1)[0] = -50.0
    grads = []
    for path, dtype in (("native", torch.float32), ("reference", torch.float64)):
        centre = start.to(dtype).requires_grad_()
        around = rg.Around(centre, 7.0, gaussian=True) & rg.Around(centre + 1.5, 11.0, gaussian=True)
        context = rg.attend(
            *PROBLEM.tensors(dtype),
            where=around & rg.Window(40, 40),
            weigh=weigh,
            dropout=0.2,
            generator=torch.Generator().manual_seed(5),
            path=path,
        )
        grads.append(torch.autograd.grad(context.square().sum(), centre)[0].double())
    torch.testing.assert_close(*grads, rtol=1e-5, atol=2e-5)
    assert grads[1].abs().max() > 0.1


@pytest.mark.parametrize("shape", [(3, 4, 61, 107), (3, 1, 61, 1), (1, 4, 1, 107), (107,)])
def test_a_mask_may_have_one_entry_for_a_whole_axis(shape):
    shown = torch.rand(shape, generator=torch.Generator().manual_seed(2)) < 0.6

    def by(path: str) -> Callable[..., Tensor]:
        return lambda *leaves: rg.attend(*leaves, where=rg.Mask(shown), path=path)

    assert_as_exact(by("native"), by("reference"), PROBLEM.tensors(torch.float64))


@pytest.mark.parametrize("weigh", [rg.Softmax(), rg.TopK(3), rg.Sigmoid()])
@pytest.mark.parametrize("queries", [31, 3])
def test_a_row_whose_conditions_share_no_key_sees_nothing_and_spoils_no_other(weigh, queries):
    """Its centre lies far behind what any row sees."""
    query, key, value = (torch.randn(1, 1, count, 8, dtype=torch.float64) for count in (queries, 1009, 1009))
    centre = torch.full((queries,), 20.0).index_fill(0, torch.tensor([1]), 900.0)
    where = rg.Around(centre, 7.0) & rg.Window(20, 20, align=0)
    found = []
    for path, dtype in (("native", torch.float32), ("reference", torch.float64)):
        leaves = [tensor.to(dtype).requires_grad_() for tensor in (query, key, value)]
        context = rg.attend(*leaves, where=where, weigh=weigh, path=path)
        found.append([context.double(), *torch.autograd.grad(context.double().square().sum(), leaves)])
    for one, truth in zip(*found, strict=True):
        torch.testing.assert_close(one.double(), truth.double(), rtol=1e-5, atol=1e-5)
    assert found[0][0][..., 1, :].eq(0).all()
    assert found[0][0][..., 0, :].ne(0).any()


def test_a_centre_that_only_shows_learns_nothing():
    centre = torch.full((61,), 50.0, requires_grad=True)
    query, key, value = (tensor.requires_grad_() for tensor in PROBLEM.tensors(torch.float32))
    context = rg.attend(query, key, value, where=rg.Around(centre, 7.0), path="native")
    assert torch.autograd.grad(context.sum(), (query, centre), allow_unused=True)[1] is None


def test_a_second_derivative_goes_by_the_blocks():
    grads = []
    for path, dtype in (("native", torch.float32), ("reference", torch.float64)):
        leaves = [tensor.detach().requires_grad_() for tensor in PROBLEM.tensors(dtype)]
        bias = torch.linspace(-1, 1, 107, dtype=dtype).view(1, 1, 107).requires_grad_()
        context = rg.attend(*leaves, where=rg.Causal() + rg.Bias(bias), path=path)
        first = torch.autograd.grad(context.square().sum(), [*leaves, bias], create_graph=True)
        second = torch.autograd.grad(sum(grad.square().sum() for grad in first), [*leaves, bias])
        grads.append([grad.double() for grad in second])
    for one, truth in zip(*grads, strict=True):
        torch.testing.assert_close(one, truth, rtol=1e-4, atol=1e-4 * float(truth.abs().max()))


def test_the_operator_passes_the_checks_of_pytorch():
    from regard.attention.native import attention

    query, key, value = (tensor.contiguous().requires_grad_() for tensor in PROBLEM.tensors(torch.float32))
    nothing = ([], None, None, None, [], [], [0, 0, 0, -1, 0, 0, 0], [0.5, 0.0, 1.0, 0.0, 0.0])
    # The gradients of float32 numbers are no test of formulas; that is done above.
    checks = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")
    torch.library.opcheck(attention.attend, (query, key, value, *nothing), test_utils=checks)


class Block(torch.nn.Module):
    """Attention with a learned prior."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.linspace(-1, 1, 31))

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return rg.attend(query, key, value, where=rg.Causal() + rg.RelativeBias(self.table), path="native")


def test_it_is_one_node_for_compiler_and_exporter():
    block, tensors = Block(), PROBLEM.tensors(torch.float32)
    compiled = torch.compile(block, fullgraph=True, backend="aot_eager")
    found = []
    for call in (block, compiled):
        context = call(*tensors)
        found.append([context, *torch.autograd.grad(context.square().sum(), list(block.parameters()))])
    assert equal(*found)
    exported = torch.export.export(block, tensors)
    graphs = [part.graph for part in exported.graph_module.modules() if isinstance(part, torch.fx.GraphModule)]
    names = [str(node.target) for graph in graphs for node in graph.nodes if node.op == "call_function"]
    assert names.count("regard.attend.default") == 1
    assert torch.equal(exported.module()(*tensors), found[0][0])
