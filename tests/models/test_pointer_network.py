from __future__ import annotations

from itertools import permutations

import pytest
import torch

from regard.models import Cell, PointerNetwork, Used
from regard.train.search import search
from regard.train.strategies import Beam, Greedy, Limits

LENGTHS = torch.tensor([5, 3])


def made(cell: Cell = Cell.GRU, used: Used = Used.HIDDEN) -> tuple[PointerNetwork, torch.Tensor]:
    torch.manual_seed(3)
    return PointerNetwork(2, 7, 11, cell, used).double(), torch.randn(2, 5, 2, dtype=torch.float64)


def by_hand(model: PointerNetwork, inputs: torch.Tensor, targets: list[int]) -> torch.Tensor:
    """Log-probabilities of one instance from the formula, with PyTorch's cells and no padding; (steps, places)."""
    embedded = model.embedding(inputs)
    zeros = torch.zeros(1, 11, dtype=inputs.dtype)
    onward, _ = model.encoder.onward.layers(embedded, zeros)
    back, _ = model.encoder.back.layers(embedded.flip(0), zeros)
    back = back.flip(0)
    states = torch.cat((model.end[None], torch.cat((onward, back), -1)))
    fed = torch.cat((model.begin[None], embedded))
    hidden = model.bridge.linear(torch.cat((onward[-1], back[0]))).tanh()[None]
    score, found, used = model.pointer.score, [], []
    for last in [0, *targets[:-1]]:
        _, hidden = model.decoder.layers(fed[last][None], hidden)
        used.append(last)
        sums = states @ score.key.weight.T + hidden @ score.query.weight.T + score.bias
        scores = sums.tanh() @ score.energy
        if model.used is Used.HIDDEN:
            scores[[place for place in used if place]] = -torch.inf
        found.append(scores.log_softmax(-1))
    return torch.stack(found)


@pytest.mark.parametrize("used", list(Used))
def test_all_steps_at_once_are_the_formula_and_padding_counts_for_nothing(used):
    model, inputs = made(used=used)
    targets = torch.tensor([[3, 1, 5, 0], [2, 0, 0, 0]])
    logs = model(model.read(inputs, LENGTHS), targets)
    torch.testing.assert_close(logs[0], by_hand(model, inputs[0], [3, 1, 5, 0]))
    torch.testing.assert_close(logs[1, :2, :4], by_hand(model, inputs[1, :3], [2, 0]))
    assert bool(torch.isneginf(logs[1, :, 4:]).all())


@pytest.mark.parametrize("cell", list(Cell))
@pytest.mark.parametrize("used", list(Used))
def test_step_by_step_is_all_at_once(cell, used):
    model, inputs = made(cell, used)
    targets = torch.tensor([[4, 2, 1, 0], [1, 3, 2, 0]])
    places = model.read(inputs, LENGTHS)
    state, read = model.start(places), torch.zeros(2, dtype=torch.int64)
    for step, together in enumerate(model(places, targets).unbind(1)):
        answer = model.step(read, state)
        torch.testing.assert_close(answer.features, together)
        torch.testing.assert_close(answer.weights, together.exp())
        state, read = answer.state, targets[:, step]


def test_used_places_are_hidden_and_the_end_never_is():
    model, inputs = made()
    logs = model(model.read(inputs, LENGTHS), torch.tensor([[3, 1, 0], [2, 1, 3]]))
    hidden = torch.isneginf(logs)
    assert hidden[0].nonzero().tolist() == [[1, 3], [2, 1], [2, 3]]
    assert not bool(hidden[..., 0].any())


def test_a_wide_beam_finds_the_most_probable_answer_of_all():
    model, inputs = made()
    places = model.read(inputs[1:, :3], LENGTHS[1:])
    orders = [list(order) for count in range(4) for order in permutations((1, 2, 3), count)]
    sums = {}
    for order in orders:
        logs = model(places, torch.tensor([[*order, 0]])).detach()
        sums[tuple(order)] = float(sum(logs[0, step, place] for step, place in enumerate([*order, 0])))
    (found,) = search(model, places, Beam(60, 0.0, 3), Limits(maximum=3), begin=0, end=0)
    best = sorted(sums, key=sums.__getitem__, reverse=True)[:3]
    assert [tuple(one.tokens) for one in found] == best
    assert found[0].log_prob == pytest.approx(sums[best[0]])


def test_a_greedy_answer_names_nothing_twice_in_any_batch():
    model, inputs = made()
    limits = Limits(maximum=5)
    together = search(model, model.read(inputs, LENGTHS), Greedy(), limits, begin=0, end=0)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = model.read(inputs[row : row + 1, :length], LENGTHS[row : row + 1])
        ((one,),) = search(model, alone, Greedy(), limits, begin=0, end=0)
        assert one.tokens == together[row][0].tokens
        assert len(set(one.tokens)) == len(one.tokens)
        assert together[row][0].weights.shape == (len(one.tokens) + 1, length + 1)


def test_every_weight_learns():
    model, inputs = made()
    logs = model(model.read(inputs, LENGTHS), torch.tensor([[3, 1, 0], [2, 1, 0]]))
    (-logs[..., 0].sum() - logs[:, 0, 3].sum()).backward()
    assert [name for name, one in model.named_parameters() if one.grad is None or not bool(one.grad.any())] == []


@pytest.mark.parametrize("lengths", [[5, 0], [6, 2], [5]])
def test_lengths_that_do_not_fit_are_told(lengths):
    model, inputs = made()
    with pytest.raises(ValueError, match="expected 2 numbers from 1 to 5: the inputs of each row"):
        model.read(inputs, torch.tensor(lengths))
