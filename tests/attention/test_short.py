"""Small plain calls are PyTorch's at once, and what is not one goes the long way."""

from __future__ import annotations

import pytest
import torch
import torch.autograd.forward_ad as forward_ad
from hypothesis import given
from hypothesis import strategies as st

import regard as rg
from regard.attention import short as short_way
from regard.attention.measured import Measured
from regard.attention.native.library import kernels
from regard.attention.short import short


@pytest.fixture(autouse=True)
def looked_at_by_kernels():
    if kernels().missing is not None:
        pytest.skip(f"no native kernels: {kernels().missing}")


def plain(queries: int = 3, keys: int = 5, size: int = 7) -> list[torch.Tensor]:
    torch.manual_seed(queries)
    return [torch.randn(2, 3, count, size) for count in (queries, keys, keys)]


sizes = st.integers(1, 13)


@given(sizes, sizes, sizes)
def test_the_short_way_gives_what_the_long_one_gives(queries, keys, size):
    given = plain(queries, keys, size)
    wanted = rg.attend(*(tensor.double() for tensor in given), path="reference")
    assert short(*given, None) is not None
    torch.testing.assert_close(rg.attend(*given).double(), wanted, rtol=0, atol=1e-6)


@given(sizes, sizes, sizes, st.sampled_from([None, rg.Causal(), rg.Causal("start")]))
def test_its_gradients_are_those_of_the_long_one(queries, keys, size, where):
    given = [tensor.requires_grad_() for tensor in plain(queries, queries if where else keys, size)]
    outer = torch.randn(2, 3, queries, size)
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    wanted = rg.attend(*exact, where=where, path="reference")
    found = short(*given, where)
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        [grad.double() for grad in torch.autograd.grad(found, given, outer)],
        list(torch.autograd.grad(wanted, exact, outer.double())),
        rtol=0,
        atol=1e-5,
    )


def test_its_gradients_can_be_differentiated_again():
    given = [tensor.requires_grad_() for tensor in plain()]
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    seconds = []
    for context, tensors in ((short(*given, None), given), (rg.attend(*exact, path="reference"), exact)):
        grads = torch.autograd.grad(context.square().sum(), tensors, create_graph=True)
        seconds.append(torch.autograd.grad(sum(grad.square().sum() for grad in grads), tensors))
    torch.testing.assert_close([grad.double() for grad in seconds[0]], list(seconds[1]), rtol=1e-4, atol=1e-4)


def grouped(query, key, value):
    return query, key[:, :1], value[:, :1]


def wider_values(query, key, value):
    return query, key, torch.cat((value, value), -1)


def of_three_axes(*tensors):
    return [tensor[0] for tensor in tensors]


def of_two_dtypes(query, key, value):
    return query, key, value.double()


def empty(query, key, value):
    return query, key[:, :, :0], value[:, :, :0]


def spoiled(query, key, value):
    key[1, 2, 3, 4] = -torch.inf  # PyTorch's kernel would give it a weight of 0
    return query, key, value


@pytest.mark.parametrize("change", [grouped, wider_values, of_three_axes, of_two_dtypes, empty, spoiled])
def test_all_else_goes_the_long_way(change):
    given = change(*plain())
    assert short(*given, None) is None
    wanted = rg.attend(*given, path="reference")
    torch.testing.assert_close(rg.attend(*given), wanted, equal_nan=True)


def test_what_does_not_fit_is_still_refused():
    query, key, value = plain()
    with pytest.raises(ValueError, match="value has shape"):
        rg.attend(query, key, value[:, :, 1:])


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize(("kernel", "ours", "taken"), [(1.0, 2.0, True), (2.0, 1.0, False)])
def test_what_was_fastest_decides_from_some_size_on(kernel, ours, taken, trained, monkeypatch):
    times, others = {"sdpa": kernel, "native": ours}, {"sdpa": 3 - kernel, "native": 3 - ours}
    row = Measured("a chip", "plain", "float32", 7, 64, *((others, times) if trained else (times, others)))
    monkeypatch.setattr(short_way, "measured", lambda *work: row)
    short_way._call.cache_clear()
    few, many = ([tensor.requires_grad_(trained) for tensor in plain(queries, 400)] for queries in (3, 401))
    assert few[1].numel() > short_way._LEAST
    assert [short(*few, None) is not None, short(*many, None) is not None] == [taken, taken]
    assert short(*plain(), None) is not None
    short_way._call.cache_clear()


def test_larger_calls_autocast_and_transforms_go_the_long_way():
    given = plain()
    assert short(*plain(queries=4000), None) is None
    with torch.autocast("cpu"):
        assert short(*given, None) is None
        assert rg.attend(*given).dtype == torch.bfloat16
    batched = torch.vmap(rg.attend)(*(torch.stack((tensor, 2 * tensor)) for tensor in given))
    assert not torch.equal(batched[0], batched[1])


@pytest.mark.parametrize("where", [rg.Window(2, 1), rg.Lengths(torch.tensor([5, 4])), rg.Causal() & rg.Window(2, 1)])
def test_other_wheres_go_the_long_way(where):
    assert short(*plain(5, 5), where) is None


def test_causal_calls_whose_queries_come_after_keys_go_the_long_way():
    given = plain(3, 5)
    assert short(*given, rg.Causal()) is None
    torch.testing.assert_close(
        rg.attend(*given, where=rg.Causal()), rg.attend(*given, where=rg.Causal(), path="reference")
    )


@pytest.mark.filterwarnings(r"ignore:.torch\.jit\.script. is deprecated:DeprecationWarning")
def test_forward_derivatives_go_the_long_way():
    query, key, value = plain()
    with forward_ad.dual_level():
        found = forward_ad.unpack_dual(rg.attend(forward_ad.make_dual(query, torch.ones_like(query)), key, value))
    wanted = torch.func.jvp(lambda asked: rg.attend(asked, key, value), (query,), (torch.ones_like(query),))[1]
    torch.testing.assert_close(found.tangent, wanted)


def test_what_lies_far_apart_is_served_too():
    query, key, value = plain(5, 5)
    apart = [tensor.mT.contiguous().mT.requires_grad_() for tensor in (query, key, value)]
    found, wanted = short(*apart, None), rg.attend(*apart, path="reference")
    outer = torch.randn_like(wanted)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(torch.autograd.grad(found, apart, outer), torch.autograd.grad(wanted, apart, outer))
