"""What rows see, said in O(T) and joined row after row, against the cells themselves."""

from __future__ import annotations

import pytest
import torch

from regard.look.sight import Sight
from regard.look.sight_found import causal, of_bias, of_mask, whole
from regard.look.sight_joined import brief, joined, moved, taken

QUERIES, KEYS, BATCH, HEADS = 7, 11, 2, 3
PLACE, KEY = torch.arange(QUERIES)[:, None], torch.arange(KEYS)
REAL = torch.tensor([11, 8])[:, None, None, None] > KEY
MASKS = {
    "everything": torch.ones(1, 1, QUERIES, KEYS, dtype=torch.bool),
    "causal": (KEY <= PLACE)[None, None],
    "a window": ((KEY >= PLACE - 2) & (KEY <= PLACE + 1))[None, None],
    "padding on the right": REAL.expand(BATCH, 1, QUERIES, KEYS),
    "padding on the left of a causal one": (KEY <= PLACE) & (torch.tensor([0, 3])[:, None, None, None] <= KEY),
    "a hole in a causal one": ((KEY <= PLACE) & (KEY != 2))[None, None],
    "two documents": ((KEY < 4) == (PLACE < 4))[None, None],
    "heads of their own": torch.stack([PLACE + head >= KEY for head in range(HEADS)])[None],
    "nothing at all": torch.zeros(1, 1, QUERIES, KEYS, dtype=torch.bool),
}


def cells(sight: Sight, rows: torch.Tensor, queries: int = QUERIES, keys: int = KEYS) -> torch.Tensor:
    """What a sight shows, cell by cell."""
    every = torch.arange(queries)
    found = torch.ones(BATCH, HEADS, queries, keys, dtype=torch.bool)
    for batch in range(BATCH):
        for head in range(HEADS):
            visible = sight.visible(rows, every, range(keys), batch, head)
            if visible is not None:
                found[batch, head] = visible
    return found


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_is_said_by_ranges_and_hidden_keys(name):
    mask, rows = MASKS[name], torch.arange(QUERIES)
    sight = of_mask(mask, QUERIES)
    for each in (sight, brief(sight, rows, KEYS)):
        assert torch.equal(cells(each, rows), mask.expand(BATCH, HEADS, -1, -1))
        assert each.mask is None
        columns = each.span(rows[2:4], rows[2:4], range(1, 9), 1, 2)
        hidden = mask.expand(BATCH, HEADS, -1, -1)[1, 2, 2:4].any(0)
        assert not any(bool(hidden[key]) for key in range(1, 9) if key not in columns)


def test_a_band_takes_the_place_of_ranges():
    rows = torch.arange(QUERIES)
    found = brief(of_mask(MASKS["a window"], QUERIES), rows, KEYS)
    assert (found.left, found.right, found.tensors()) == (2, 1, {})
    assert brief(causal(QUERIES, KEYS, 4), rows + 4, KEYS).right == 0
    assert brief(whole(QUERIES, KEYS), rows, KEYS).tensors() == {}


def test_a_mask_that_is_no_range_is_kept():
    mask = torch.rand(1, HEADS, QUERIES, KEYS, generator=torch.Generator().manual_seed(1)) > 0.5
    sight = of_mask(mask, QUERIES)
    assert torch.equal(cells(sight, torch.arange(QUERIES)), mask.expand(BATCH, -1, -1, -1))


def test_numbers_to_add_are_kept_by_distance_where_that_says_them():
    table = torch.randn(HEADS, QUERIES + KEYS, generator=torch.Generator().manual_seed(1))
    bias = table[:, KEY - PLACE + QUERIES][None]
    hidden = bias.masked_fill(KEY > PLACE, torch.finfo(torch.float32).min)
    rows = torch.arange(QUERIES)
    for numbers, shown in ((bias, torch.ones(QUERIES, KEYS, dtype=torch.bool)), (hidden, KEY <= PLACE)):
        sight = brief(of_bias(numbers, QUERIES, rows), rows, KEYS)
        assert sight.bias is None
        for head in range(HEADS):
            found = sight.prior(rows, rows, range(KEYS), 0, head)
            assert torch.equal(found[shown], bias[0, head][shown])
        assert torch.equal(cells(sight, rows)[0, 0], shown)
    other = of_bias(torch.randn(BATCH, 1, QUERIES, KEYS), QUERIES, rows)
    assert other.relative is None
    assert other.bias is not None


@pytest.mark.parametrize(
    "name", ["causal", "a window", "padding on the left of a causal one", "a hole in a causal one"]
)
def test_parts_are_joined(name):
    mask = MASKS[name]
    parts = [of_mask(mask[:, :, :4, :8], 4), of_mask(mask[:, :, 4:6], 2), of_mask(mask[:, :, 6:], 1)]
    found = joined(parts, [4, 2, 1], KEYS)
    rows = torch.arange(QUERIES)
    assert torch.equal(cells(brief(found, rows, KEYS), rows), mask.expand(BATCH, HEADS, -1, -1))
    some = taken(found, torch.tensor([1, 5]), torch.tensor([0, 2]))
    assert torch.equal(cells(some, torch.tensor([1, 5]), 2), mask.expand(BATCH, HEADS, -1, -1)[:, :, [1, 5]])


def test_a_part_that_has_forgotten_keys_is_moved():
    part = of_mask(MASKS["a window"][:, :, 5:, 3:], 2)
    found = joined([of_mask(MASKS["a window"][:, :, :5], 5), moved(part, 3, KEYS)], [5, 2], KEYS)
    assert torch.equal(cells(found, torch.arange(QUERIES)), MASKS["a window"].expand(BATCH, HEADS, -1, -1))


def test_parts_that_contradict_each_other_are_not_joined():
    holed = of_mask(MASKS["a hole in a causal one"], QUERIES)
    assert joined([holed, whole(1, KEYS)], [QUERIES, 1], KEYS) is None
