from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.layers import hidden
from regard.layers.hidden import without_blind, without_hidden
from tests.attention.cases import numbers


@pytest.mark.parametrize("cells", [1, 13, 1 << 20])
def test_nan_stays_where_it_is_seen_or_sees_and_nowhere_else(cells, monkeypatch):
    monkeypatch.setattr(hidden, "_CELLS", cells)
    mask = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(0)) < 0.25
    seen, seeing = mask.any(1), mask.any(2)
    assert not bool(seen.all())
    assert not bool(seeing.all())
    keys = without_hidden(torch.full((3, 7, 2), torch.nan), rg.Mask(mask), 5)
    queries = without_blind(torch.full((3, 5, 2), torch.inf), rg.Mask(mask), 7)
    assert torch.equal(keys.isnan(), seen[..., None].expand(3, 7, 2))
    assert torch.equal(queries.isinf(), seeing[..., None].expand(3, 5, 2))
    heads = without_hidden(torch.full((3, 7, 2), torch.nan), rg.Mask(mask[:, None]), 5, heads=(1,))
    assert torch.equal(heads.isnan(), keys.isnan())


def test_what_is_finite_or_seen_by_all_is_left_alone():
    inputs = numbers(3, 7, 2, seed=0)
    assert without_hidden(inputs, rg.Lengths(torch.tensor([7, 2, 0])), 1) is inputs
    inputs[0, 3, 1] = torch.nan
    assert torch.equal(without_hidden(inputs, None, 1).isnan(), inputs.isnan())
    assert torch.equal(without_hidden(inputs, rg.Causal(), 1).isnan(), inputs.isnan())


def test_a_where_that_does_not_fit_is_refused_before_anything_is_projected():
    with pytest.raises(ValueError, match="key_lengths has shape"):
        without_hidden(torch.zeros(3, 7, 2), rg.Lengths(torch.tensor([7, 2])), 1)
