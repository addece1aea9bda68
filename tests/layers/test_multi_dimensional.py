from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.layers import MultiDimensional, MultiDimensionalPooling, multi_dimensional

BATCH, QUERIES, KEYS, SIZE, QUERY_SIZE, HIDDEN = 2, 5, 7, 3, 11, 13
MASK = torch.rand(BATCH, QUERIES, KEYS, generator=torch.Generator().manual_seed(3)) < 0.6
MASK[1, 2] = False


def given() -> tuple[MultiDimensional, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    layer = MultiDimensional(SIZE, QUERY_SIZE, HIDDEN).double()
    return layer, torch.randn(BATCH, QUERIES, QUERY_SIZE).double(), torch.randn(BATCH, KEYS, SIZE).double()


def by_hand(layer: MultiDimensional, queries: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    """The paper's formula, one query, one feature and one visible input after another."""
    rows = torch.zeros(BATCH, QUERIES, SIZE, dtype=torch.float64)
    w, b = layer.score.energy.weight, layer.score.energy.bias
    for batch in range(BATCH):
        for row in range(QUERIES):
            shown = [place for place in range(KEYS) if MASK[batch, row, place]]
            for feature in range(SIZE if shown else 0):
                scores = []
                for place in shown:
                    hidden = layer.key.weight @ inputs[batch, place] + layer.query.weight @ queries[batch, row]
                    hidden = torch.nn.functional.elu(hidden + layer.query.bias)
                    scores.append(w[feature] @ hidden + b[feature])
                weights = torch.stack(scores).softmax(0)
                rows[batch, row, feature] = weights @ inputs[batch, shown, feature]
    return rows


@pytest.mark.parametrize("cells", [1 << 21, 300, 1], ids=["whole", "blocks", "rows"])
def test_every_feature_has_the_weights_of_the_paper(cells, monkeypatch):
    monkeypatch.setattr(multi_dimensional, "CELLS", cells)
    layer, queries, inputs = given()
    queries.requires_grad_()
    inputs.requires_grad_()
    found, expected = layer(queries, inputs, rg.Mask(MASK)), by_hand(layer, queries, inputs)
    torch.testing.assert_close(found, expected)
    toward = torch.randn_like(expected)
    known = (queries, inputs, *layer.parameters())
    for mine, other in zip(
        torch.autograd.grad((found * toward).sum(), known),
        torch.autograd.grad((expected * toward).sum(), known, allow_unused=True),
        strict=True,
    ):
        torch.testing.assert_close(mine, other)


def test_pooling_is_the_same_formula_without_a_query():
    torch.manual_seed(1)
    pooling = MultiDimensionalPooling(SIZE, HIDDEN, torch.nn.Tanh(), rg.Entmax()).double()
    inputs = torch.randn(BATCH, KEYS, SIZE).double()
    lengths = torch.tensor([4, 0])
    found = pooling(inputs, rg.Lengths(lengths))
    scores = pooling.score.energy(torch.tanh(pooling.key(inputs[0, :4])))
    for feature in range(SIZE):
        weights = rg.Entmax().exact(scores[:, feature])
        torch.testing.assert_close(found[0, feature], weights @ inputs[0, :4, feature])
    assert (found[1] == 0).all()


def test_hidden_inputs_and_queries_that_see_nothing_cannot_leak():
    layer, queries, inputs = given()
    where = rg.Lengths(torch.tensor([4, 6]), torch.tensor([5, 3]))
    poisoned, bad = inputs.clone(), queries.clone()
    poisoned[0, 4:], poisoned[1, 6:], bad[1, 3:] = torch.nan, torch.inf, torch.nan
    poisoned.requires_grad_()
    bad.requires_grad_()
    found = layer(bad, poisoned, where)
    torch.testing.assert_close(found, layer(queries, inputs, where))
    found.sum().backward()
    assert all(torch.isfinite(tensor.grad).all() for tensor in (poisoned, bad, *layer.parameters()))


def test_what_is_visible_and_not_a_number_is_not_hidden():
    layer, queries, inputs = given()
    inputs[0, 1, 2] = torch.nan
    queries[1, 3, 0] = torch.inf
    found = layer(queries, inputs)
    assert torch.isnan(found[0]).all()
    assert torch.isnan(found[1]).any(-1).tolist() == [False, False, False, True, False]


def test_blocks_read_only_the_keys_they_may_see(monkeypatch):
    layer, queries, inputs = given()
    expected = layer(queries, inputs, rg.Mask(torch.ones(QUERIES, KEYS).bool().tril(1)))
    monkeypatch.setattr(multi_dimensional, "CELLS", 1)
    torch.testing.assert_close(layer(queries, inputs, rg.Causal() & ~rg.Window(0, 0)), expected)
    nothing = layer(queries, inputs, rg.Causal("start") & rg.Window(0, 0))
    assert (nothing == 0).all()


def test_derivatives_exist_twice():
    layer, queries, inputs = given()
    arguments = (queries[:1, :2].clone().requires_grad_(), inputs[:1, :3].clone().requires_grad_())
    smooth = MultiDimensional(SIZE, QUERY_SIZE, 2, torch.nn.Tanh()).double()
    assert torch.autograd.gradcheck(smooth, arguments)
    assert torch.autograd.gradgradcheck(smooth, arguments)


def test_memory_does_not_grow_with_queries_times_keys_times_features(monkeypatch):
    monkeypatch.setattr(multi_dimensional, "CELLS", 1 << 12)
    layer = MultiDimensional(8, 8, 8)
    largest = 0

    def watch(module: torch.nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        nonlocal largest
        largest = max(largest, output.numel())

    layer.score.energy.register_forward_hook(watch)
    inputs = torch.randn(1, 127, 8, requires_grad=True)
    layer(inputs, inputs).sum().backward()
    assert 0 < largest <= 1 << 12


def test_bad_sizes_are_named():
    with pytest.raises(ValueError, match="are 3, 0 and 2"):
        MultiDimensional(3, 0, 2)
    with pytest.raises(ValueError, match="size and hidden_size are 3 and 0"):
        MultiDimensionalPooling(3, 0)
    layer, queries, inputs = given()
    with pytest.raises(ValueError, match=r"queries has shape \(2, 7, 3\), expected \(batch, time, 11\)"):
        layer(inputs, inputs)
    with pytest.raises(ValueError, match="Mask has shape"):
        layer(queries, inputs, rg.Mask(MASK[:, :, :3]))
