"""Small plain calls are PyTorch's at once, and what is not one goes the long way."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import regard as rg
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
    assert short(*given) is not None
    torch.testing.assert_close(rg.attend(*given).double(), wanted, rtol=0, atol=1e-6)


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


def trained(query, key, value):
    return query, key.requires_grad_(), value


def spoiled(query, key, value):
    key[1, 2, 3, 4] = -torch.inf  # PyTorch's kernel would give it a weight of 0
    return query, key, value


def strided(query, key, value):
    return query, key, value.mT.contiguous().mT


@pytest.mark.parametrize(
    "change", [grouped, wider_values, of_three_axes, of_two_dtypes, empty, trained, spoiled, strided]
)
def test_all_else_goes_the_long_way(change):
    given = change(*plain())
    assert short(*given) is None
    wanted = rg.attend(*given, path="reference")
    torch.testing.assert_close(rg.attend(*given), wanted, equal_nan=True)


def test_what_does_not_fit_is_still_refused():
    query, key, value = plain()
    with pytest.raises(ValueError, match="value has shape"):
        rg.attend(query, key, value[:, :, 1:])


def test_larger_calls_autocast_and_transforms_go_the_long_way():
    given = plain()
    assert short(*plain(queries=4000)) is None
    with torch.autocast("cpu"):
        assert short(*given) is None
        assert rg.attend(*given).dtype == torch.bfloat16
    batched = torch.vmap(rg.attend)(*(torch.stack((tensor, 2 * tensor)) for tensor in given))
    assert not torch.equal(batched[0], batched[1])
