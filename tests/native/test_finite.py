"""What is not finite is found wherever it lies."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from regard.attention.native.finite import all_finite
from regard.attention.native.library import kernels


@pytest.fixture(autouse=True)
def looked_at_by_kernels():
    if kernels().missing is not None:
        pytest.skip(f"no native kernels: {kernels().missing}")


@st.composite
def tensors(draw) -> torch.Tensor:
    """Axes in any order, with gaps, repeated, and sometimes a number that is not finite, in any place."""
    axes = draw(st.integers(1, 4))
    sizes = draw(st.lists(st.integers(0, 7), min_size=axes, max_size=axes))
    tensor = torch.zeros(sizes, dtype=draw(st.sampled_from([torch.float32, torch.bfloat16])))
    tensor = tensor.permute(*draw(st.permutations(range(axes))))
    tensor = tensor[tuple(slice(draw(st.integers(0, 1)), None, draw(st.integers(1, 2))) for _ in range(axes))]
    if tensor.numel() and draw(st.booleans()):
        place = tuple(draw(st.integers(0, size - 1)) for size in tensor.shape)
        tensor[place] = draw(st.sampled_from([torch.nan, -torch.nan, torch.inf, -torch.inf, 3e38, -1e-40]))
    return tensor.expand(2, *tensor.shape) if axes < 4 and draw(st.booleans()) else tensor


@given(st.lists(tensors(), min_size=1, max_size=3))
def test_every_layout_is_read_whole(given):
    assert all_finite(*given) in (None, all(bool(tensor.isfinite().all()) for tensor in given))


@pytest.mark.parametrize("place", [0, 77_777, 262_142, 262_143])
def test_large_tensors_are_shared_by_threads(place):
    whole = torch.zeros(262_144)
    assert all_finite(whole, whole) is True
    spoiled = whole.clone()
    spoiled[place] = torch.inf
    assert all_finite(whole, spoiled) is False


def test_heads_cut_out_of_longer_rows_are_read_in_place():
    rows = torch.zeros(2, 5, 3, 7)
    heads = rows.transpose(1, 2)
    assert all_finite(heads) is True
    rows[1, 4, 2, 6] = torch.nan
    assert all_finite(heads) is False
    assert all_finite(heads[..., :-1]) is True


def test_what_it_does_not_serve_it_says():
    assert all_finite(torch.zeros(3, dtype=torch.float64)) is None
    assert all_finite(torch.zeros(2, 3, 5, 7, 11)[:, ::2, ::2, ::2, ::2]) is None
