from __future__ import annotations

import pytest
import torch

from regard.layers import MemoryHops, Tying, WordOrder, ages_among_empty, count_rows, word_counts, word_weights
from regard.layers.sentences import encode
from regard.models import Empty, MemoryNetwork
from tests.attention.cases import numbers
from tests.layers.parts import filled

STORIES = torch.tensor(
    [
        [[3, 7, 2, 0], [5, 5, 0, 0], [1, 4, 4, 9], [0, 0, 0, 0]],
        [[6, 2, 0, 0], [0, 0, 0, 0], [8, 0, 0, 0], [7, 1, 3, 0]],
        [[0, 0, 0, 0]] * 4,
    ]
)
QUESTIONS = torch.tensor([[2, 8, 0], [5, 5, 1], [9, 0, 0]])


def network(**settings) -> MemoryNetwork:
    return filled(MemoryNetwork(11, 5, 3, restarts=2, max_memories=7, **settings)).double()


@pytest.mark.parametrize("order", WordOrder)
def test_counts_and_rows_give_the_vectors_that_words_and_weights_give(order):
    table = numbers(11, 5, seed=3)
    weights = word_weights(STORIES, 5, order, dtype=torch.float64)
    found = word_counts(STORIES, 11, order, dtype=torch.float64) @ count_rows(table, order)
    torch.testing.assert_close(found, encode(STORIES, table, weights))


def test_counts_are_summed_by_word():
    found = word_counts(torch.tensor([[4, 1, 4, 0, 0]]), 5, WordOrder.BAG)
    assert found.tolist() == [[0, 1, 0, 0, 2]]
    position = word_counts(torch.tensor([[4, 1, 4, 0, 0]]), 5, WordOrder.POSITION, dtype=torch.float64)
    assert position[0, 4].item() == pytest.approx((1 - 1 / 3) + (1 - 3 / 3))
    assert position[0, 5 + 4].item() == pytest.approx((2 / 3 - 1) + (6 / 3 - 1))


@pytest.mark.parametrize("linear", [0, 1], ids=["softmax", "linear start"])
@pytest.mark.parametrize("order", WordOrder)
@pytest.mark.parametrize("tying", Tying)
def test_networks_side_by_side_are_each_alone(tying, order, linear):
    model = network(tying=tying, order=order, linear_steps=linear, empty=Empty.HIDDEN).eval()
    found = model(STORIES, QUESTIONS)
    for place, alone in enumerate(model.networks):
        assert isinstance(alone, MemoryHops)
        wanted = alone(STORIES, QUESTIONS, weigh=model.weigh)
        torch.testing.assert_close(found.state[:, place], wanted.state)
        torch.testing.assert_close(found.logits[:, place], wanted.logits)
        torch.testing.assert_close(found.weights[:, place], wanted.weights)
    assert not torch.equal(found.logits[:, 0], found.logits[:, 1])


def test_empty_places_are_memories_of_nothing():
    """Read places are what a network makes of sentences of one word that every table and age leaves at zero."""
    model = network().eval().requires_grad_(False)
    alone = model.each[1]
    found = model(STORIES, QUESTIONS)
    for row, real in enumerate((3, 3, 0)):
        kept = STORIES[row][STORIES[row].any(-1)]
        nothing = torch.tensor([10, 0, 0, 0]).expand(7 - real, 4)
        words, times = [w.clone() for w in alone.words], [t.clone() for t in alone.times]
        for table, ages_of in zip(alone.words, alone.times, strict=True):
            table[10], ages_of[real:] = 0, 0
        wanted = alone(torch.cat((nothing, kept))[None], QUESTIONS[row : row + 1])
        for place in range(4):
            alone.words[place].copy_(words[place])
            alone.times[place].copy_(times[place])
        # Word 10 is no answer here: its row in the last table is what was left out.
        torch.testing.assert_close(found.logits[row, 1, :10], wanted.logits[0, :10])
        shown = found.weights[row, 1][:, STORIES[row].any(-1)]
        torch.testing.assert_close(shown, wanted.weights[0, :, 7 - real :])
        assert not found.weights[row, 1][:, ~STORIES[row].any(-1)].any()
        assert bool((found.weights[row, 1].sum(-1) < 1).all())


def test_gradients_side_by_side_are_those_of_each_alone():
    for tying in Tying:
        model = network(tying=tying, empty=Empty.HIDDEN).train()
        upstream = numbers(3, 2, 11, seed=9)
        model(STORIES, QUESTIONS).logits.backward(upstream)
        together = [p.grad.clone() for p in model.parameters()]
        model.zero_grad()
        for place, alone in enumerate(model.networks):
            alone(STORIES, QUESTIONS).logits.backward(upstream[:, place])
        for got, wanted in zip(together, model.parameters(), strict=True):
            torch.testing.assert_close(got, wanted.grad)


def test_the_start_is_linear_for_as_many_steps_as_asked_for_and_a_stored_model_remembers():
    model = network(linear_steps=2, empty=Empty.HIDDEN)
    sums = []
    for _ in range(3):
        sums.append(model(STORIES[:1, :3], QUESTIONS[:1]).weights.sum(-1).detach())
    assert not torch.allclose(sums[0], torch.ones_like(sums[0]))
    assert not torch.allclose(sums[1], torch.ones_like(sums[1]))
    torch.testing.assert_close(sums[2], torch.ones_like(sums[2]))
    again = network(linear_steps=2)
    again.load_state_dict(model.state_dict())
    assert int(again.steps) == 3
    again.eval()(STORIES, QUESTIONS)
    assert int(again.steps) == 3


def test_empty_memories_spread_ages_but_keep_their_order():
    torch.manual_seed(5)
    real = torch.arange(23) < torch.tensor([[23], [10], [1], [0]])
    places = [set(), set(), set(), set()]
    widest = [0, 0, 0, 0]
    for _ in range(200):
        found = ages_among_empty(real, 0.1)
        for row, count in enumerate((23, 10, 1, 0)):
            own = found[row, :count].tolist()
            assert own == sorted(set(own), reverse=True)
            assert not found[row, count:].any()
            places[row] |= set(own)
            widest[row] = max([widest[row], *own])
    # ceil(2.3) = 3 empty ones at most beside 23, 1 beside 10 and beside 1.
    assert widest == [25, 10, 1, 0]
    assert [len(found) for found in places] == [26, 11, 2, 0]


def test_numbers_of_empty_memories_and_their_places_are_equally_likely():
    torch.manual_seed(6)
    drawn = ages_among_empty(torch.ones(6000, 2, dtype=torch.bool), 0.5)
    share = {pair: (drawn == torch.tensor(pair)).all(-1).double().mean().item() for pair in ((1, 0), (2, 0), (2, 1))}
    # None or one empty memory, half and half; one stands at each of three places a third of the time.
    assert share[1, 0] == pytest.approx(1 / 2 + 1 / 6, abs=0.025)
    assert share[2, 0] == pytest.approx(1 / 6, abs=0.02)
    assert share[2, 1] == pytest.approx(1 / 6, abs=0.02)


def test_noise_is_for_training_alone():
    model = network(noise=0.9)
    model.eval()
    torch.testing.assert_close(model(STORIES, QUESTIONS).logits, model(STORIES, QUESTIONS).logits)
    model.train()
    torch.manual_seed(1)
    assert not torch.allclose(model(STORIES, QUESTIONS).logits, model.eval()(STORIES, QUESTIONS).logits)


def test_what_does_not_fit_is_refused():
    model = network()
    with pytest.raises(ValueError, match="sources has 8 memories, but MemoryNetwork was built for max_memories 7"):
        model(torch.ones(1, 8, 2, dtype=torch.int64), QUESTIONS[:1])
    with pytest.raises(ValueError, match="question has shape"):
        model(STORIES, QUESTIONS[0])
    with pytest.raises(ValueError, match="restarts is 0"):
        MemoryNetwork(11, 5, 3, restarts=0)
    with pytest.raises(ValueError, match="share is -0.5"):
        ages_among_empty(torch.ones(1, 2, dtype=torch.bool), -0.5)
