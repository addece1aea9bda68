"""torch.compile takes attend as one graph: what is compiled equals what is not, forward and backward."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

import regard as rg
from regard.attention.paths import blockwise
from tests.attention.cases import SCORE_CASES, WEIGH_CASES, WHERE_CASES, inputs, numbers

PAGE = Path(__file__).parents[2] / "docs" / "compiling.md"
# What the page's table says is refused: | `call` | why |
REFUSED = {
    "~where": lambda q, k, v: rg.attend(q, k, v, where=~rg.Window(1, 1)),
    "generator=": lambda q, k, v: rg.attend(q, k, v, dropout=0.5, generator=torch.Generator()),
    "Segments.of_lengths": lambda q, k, v: rg.attend(q, k, v, where=_documents(torch.tensor([2, 5]))),
}
# The compiler makes an object of a Function to read it, and PyTorch warns of its own doing.
pytestmark = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
named = {"ids": lambda case: case.name}


@pytest.fixture(autouse=True)
def few_tiles(monkeypatch):
    """About four tiles, so that the loop is unrolled and recomputed."""
    torch._dynamo.reset()
    monkeypatch.setattr(blockwise, "ROWS", 4)
    monkeypatch.setattr(blockwise, "CELLS", 1)
    monkeypatch.setattr(blockwise, "tiles", _four)


def _four(call, prepared):
    for tile in blockwise.cut_into_tiles(call.space, 2 * 6 * 4 * 11, 4):
        yield call.narrow(tile)


def agree(attend, tensors: tuple[Tensor, ...], learned: tuple[Tensor, ...] = ()) -> None:
    """Compiled and plain give the same context and the same gradients."""
    found = []
    for run in (torch.compile(attend, fullgraph=True, backend="aot_eager"), attend):
        leaves = [tensor.clone().requires_grad_() for tensor in (*tensors, *learned)]
        context = run(*leaves)
        outer = numbers(*context.shape, seed=60)
        grads = torch.autograd.grad(context, leaves, outer, allow_unused=True)
        found.append([context, *(torch.zeros(()) if grad is None else grad for grad in grads)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("where", WHERE_CASES, **named)
def test_wheres(where):
    built = where.build()
    agree(lambda *given: rg.attend(*given, where=built, path="blockwise"), inputs(5, 5))


@pytest.mark.parametrize("score", SCORE_CASES, **named)
def test_scores(score):
    built = score.build()
    agree(lambda *given: rg.attend(*given, score=built, where=rg.Causal(), path="blockwise"), inputs(score.key_size))


@pytest.mark.parametrize("weigh", WEIGH_CASES, **named)
def test_weighings(weigh, monkeypatch):
    built = weigh.build()
    if weigh.name.startswith(("Entmax", "Sparsemax")):
        # Their halvings are unrolled for every block, so one block has to do here.
        monkeypatch.setattr(blockwise, "CELLS", 1 << 16)
    agree(lambda *given: rg.attend(*given, where=rg.Causal(), weigh=built, path="blockwise"), inputs(5))


@pytest.mark.parametrize("where", [None, rg.Causal("start"), rg.Lengths(torch.tensor([11, 4]))], ids=str)
def test_the_kernel_of_pytorch(where):
    agree(lambda *given: rg.attend(*given, where=where, path="sdpa"), inputs(5, 5))


@pytest.mark.parametrize(
    ("weigh", "learned"),
    [
        (lambda sink: rg.Softmax(sink=sink), numbers(6, 1, 1, seed=61)),
        (lambda alpha: rg.Entmax(1 + alpha.exp()), numbers(6, 1, 1, seed=62, scale=0.3)),
        (rg.Chain, numbers(6, 2, 2, seed=63)),
    ],
    ids=["sink", "alpha", "transition"],
)
def test_what_a_weighing_learns(weigh, learned):
    def attend(query, key, value, tensor):
        return rg.attend(query, key, value, where=rg.Causal(), weigh=weigh(tensor), path="blockwise")

    agree(attend, inputs(5), (learned,))


@pytest.mark.parametrize(
    ("where", "learned"),
    [
        (rg.Bias, numbers(6, 7, 11, seed=64)),
        (rg.RelativeBias, numbers(6, 7, seed=65)),
        (rg.Alibi, numbers(6, seed=66)),
        (lambda centre: rg.Around(centre, 4.0, gaussian=True), numbers(2, 6, 7, seed=67) + 5),
    ],
    ids=["Bias", "RelativeBias", "Alibi", "Around"],
)
def test_what_a_where_learns(where, learned):
    def attend(query, key, value, tensor):
        return rg.attend(query, key, value, where=where(tensor), path="blockwise")

    agree(attend, inputs(5), (learned,))


def test_dropout_drops_in_the_backward_what_it_dropped_before():
    query, key, value = inputs(5)

    def dropped(value):
        return rg.attend(query, key, value, dropout=0.5, path="blockwise")

    value.requires_grad_()
    torch.manual_seed(0)
    context = torch.compile(dropped, fullgraph=True, backend="aot_eager")(value)
    # The context is linear in the values, so <grad, value> is the context again if the same cells fell.
    outer = numbers(*context.shape, seed=68)
    (grad,) = torch.autograd.grad(context, value, outer)
    torch.testing.assert_close((grad * value).sum(), (context * outer).sum())
    assert not torch.allclose(context, rg.attend(query, key, value))


def test_attention_is_exported_with_what_its_score_learns():
    attention = rg.Attention(rg.Additive(5, 3, 7).double(), rg.Causal(), rg.Sparsemax())
    query, key, value = numbers(2, 7, 5, seed=0), numbers(2, 11, 3, seed=1), numbers(2, 11, 2, seed=2)
    exported = torch.export.export(attention, (query, key, value)).module()
    torch.testing.assert_close(exported(query, key, value), attention(query, key, value))


@pytest.mark.parametrize("name", REFUSED)
def test_the_page_says_truly_what_is_refused(name):
    with pytest.raises((torch._dynamo.exc.Unsupported, torch._dynamo.exc.UserError)):
        torch.compile(REFUSED[name], fullgraph=True, backend="aot_eager")(*inputs(5))


def test_the_page_names_what_is_refused():
    rows = re.findall(r"^\| `(.+?)`.* \|", PAGE.read_text(), re.MULTILINE)
    assert set(REFUSED) <= set(rows)


def _documents(query_lengths: Tensor) -> rg.Where:
    return rg.Segments.of_lengths(query_lengths, query_lengths + torch.tensor([0, 4]))
