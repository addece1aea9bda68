from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.layers import KeyValue, KeyValueSplit, Parts
from tests.attention.cases import numbers
from tests.layers.parts import assert_hidden_is_inert, filled, softmax

LENGTHS = torch.tensor([7, 3, 0])
HIDDEN = torch.arange(7)[None] >= LENGTHS[:, None]


def test_keys_are_matched_and_values_read():
    module = filled(KeyValue(3, 4, 5, 11, score=rg.Dot(scale=1.0)))
    query, key, value = numbers(3, 2, 3, seed=0), numbers(3, 7, 4, seed=1), numbers(3, 7, 5, seed=2)
    found = module(query, key, value, rg.Lengths(LENGTHS))
    for b in range(2):
        for i in range(2):
            asked, real = module.query.weight @ query[b, i], range(int(LENGTHS[b]))
            weights = softmax(torch.stack([asked @ module.key.weight @ key[b, j] for j in real]))
            expected = sum(w * (module.value.weight @ value[b, j]) for w, j in zip(weights, real, strict=True))
            torch.testing.assert_close(found[b, i], expected)
    assert bool((found[2] == 0).all())


@pytest.mark.parametrize("place", [0, 1])
def test_what_is_hidden_among_keys_and_values_is_inert(place):
    module = filled(KeyValue(3, 4, 5, 11))
    query, pair = numbers(3, 2, 3, seed=0), (numbers(3, 7, 4, seed=1), numbers(3, 7, 5, seed=2))

    def compute(changed):
        key, value = (changed, pair[1]) if place == 0 else (pair[0], changed)
        return module(query, key, value, rg.Lengths(LENGTHS))

    assert_hidden_is_inert(module, compute, pair[place], HIDDEN[..., None].expand(pair[place].shape))


def test_queries_that_see_nothing_are_inert():
    module, key, value = filled(KeyValue(3, 4, 5, 11)), numbers(3, 7, 4, seed=1), numbers(3, 7, 5, seed=2)
    lengths = torch.tensor([5, 2, 5])
    blind = (torch.arange(5)[None] >= lengths[:, None]) | (LENGTHS == 0)[:, None]

    def compute(query):
        return module(query, key, value, rg.Lengths(LENGTHS, lengths))

    assert_hidden_is_inert(module, compute, numbers(3, 5, 3, seed=0), blind[..., None].expand(3, 5, 3))


@pytest.mark.parametrize("parts", Parts)
@pytest.mark.parametrize("last", [None, 2])
def test_a_split_state_matches_reads_and_predicts_with_its_parts(parts, last):
    size = 5 * parts.value
    module, inputs = filled(KeyValueSplit(size, parts)), numbers(3, 7, size, seed=0)
    where = rg.Lengths(LENGTHS) if last is None else rg.Lengths(LENGTHS) & rg.Window(last, 0)
    found, score = module(inputs, where), module.attention.score
    for b in range(3):
        for t in range(int(LENGTHS[b])):
            key, value = inputs[b, :, :5], inputs[b, :, 5:10]
            before = range(0 if last is None else max(0, t - last), t)
            asked = score.query.weight @ key[t] + score.bias
            scores = [torch.tanh(asked + score.key.weight @ key[i]) @ score.energy for i in before]
            read = inputs.new_zeros(5)
            if scores:
                weights = softmax(torch.stack(scores))
                read = sum(w * value[i] for w, i in zip(weights, before, strict=True))
            expected = torch.tanh(module.read.weight @ read + module.own.weight @ inputs[b, t, -5:])
            torch.testing.assert_close(found[b, t], expected)


def test_what_is_hidden_from_a_split_is_inert():
    module = filled(KeyValueSplit(15, Parts.KEY_VALUE_PREDICT))

    def compute(inputs):
        return module(inputs, rg.Lengths(LENGTHS)).masked_fill(HIDDEN[..., None], 0)

    assert_hidden_is_inert(module, compute, numbers(3, 7, 15, seed=0), HIDDEN[..., None].expand(3, 7, 15))


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="size is 7, expected a multiple of 2"):
        KeyValueSplit(7)
    with pytest.raises(ValueError, match=r"key has shape \(1, 2, 3\), expected .* last axis of 4"):
        KeyValue(3, 4, 5, 7)(torch.zeros(1, 1, 3), torch.zeros(1, 2, 3), torch.zeros(1, 2, 5))
    with pytest.raises(ValueError, match="one value for each key"):
        KeyValue(3, 4, 5, 7)(torch.zeros(1, 1, 3), torch.zeros(1, 2, 4), torch.zeros(1, 3, 5))
