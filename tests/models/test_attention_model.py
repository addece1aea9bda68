"""The attention model against the paper's formula, written out with plain attention."""

from __future__ import annotations

import math

import pytest
import torch

from regard.models import AttentionModel, Context
from regard.models.environments import DeliveryState, TourState, lengths, start

PLACES, TOURS, SIZE, HEADS = 7, 3, 12, 2


def model_of(context: Context) -> AttentionModel:
    torch.manual_seed(0)
    return AttentionModel(SIZE, HEADS, 2, 11, context).double().eval()


def inputs(context: Context):
    generator = torch.Generator().manual_seed(1)
    points = torch.rand(5, PLACES, 2, dtype=torch.float64, generator=generator)
    if context is Context.TOUR:
        return points, None
    demands = torch.rand(5, PLACES, dtype=torch.float64, generator=generator) * 0.5 + 0.05
    demands[:, 0] = 0
    return points, demands


def states_of(model, points, demands):
    states = model._features(points, demands)
    for layer in model.layers:
        states = layer(states)
    return states


def by_the_paper(model: AttentionModel, points, demands, row: int, last, first, remaining, hidden):
    """Equations 4 to 8 for one question: one glimpse by all heads, then one score for each place."""
    states = states_of(model, points, demands)[row]
    question = model.mean.weight @ states.mean(0)
    if demands is None:
        question = question + (model.vectors[0] if last == PLACES else model.last.weight @ states[last])
        question = question + (model.vectors[1] if first == PLACES else model.first.weight @ states[first])
    else:
        question = question + model.last.weight @ states[last] + remaining * model.vectors[0]
    width, read = SIZE // HEADS, []
    for head in range(HEADS):
        part = slice(head * width, (head + 1) * width)
        scores = (model.key(states)[:, part] @ question[part]) / math.sqrt(width)
        read.append(scores.masked_fill(hidden, -torch.inf).softmax(0) @ model.value(states)[:, part])
    glimpse = model.output.weight @ torch.cat(read)
    scores = 10 * torch.tanh(model.pointed(states) @ glimpse / math.sqrt(SIZE))
    return scores.masked_fill(hidden, -torch.inf).log_softmax(0)


@pytest.mark.parametrize("context", list(Context))
def test_every_step_is_the_papers_formula(context):
    model, (points, demands) = model_of(context), inputs(context)
    state, places = start(points, demands, TOURS), None
    with torch.no_grad():
        places = model.read(points, demands)
        for _ in range(4):
            found = model.choose(places, state)
            for row, tour in ((0, 0), (4, 2), (2, 1)):
                first = state.first[row, tour] if isinstance(state, TourState) else None
                remaining = state.remaining[row, tour] if isinstance(state, DeliveryState) else None
                hidden = state.hidden[row, tour]
                wanted = by_the_paper(model, points, demands, row, state.last[row, tour], first, remaining, hidden)
                assert torch.allclose(found[row, tour], wanted, atol=1e-12)
            state = state.step(torch.multinomial(found.exp().flatten(0, 1), 1).view(5, TOURS))


@pytest.mark.parametrize("context", list(Context))
def test_states_of_several_steps_are_asked_as_one(context):
    model, (points, demands) = model_of(context), inputs(context)
    state, states, one_by_one = start(points, demands, TOURS), [], []
    with torch.no_grad():
        places = model.read(points, demands)
        for _ in range(4):
            states.append(state)
            one_by_one.append(model.choose(places, state))
            state = state.step(one_by_one[-1].argmax(-1))
        assert torch.allclose(model.choose(places, type(state).joined(states)), torch.cat(one_by_one, 1), atol=1e-12)
        weights = model.glimpse(places, state)
    assert torch.allclose(weights.sum(-1), torch.ones((), dtype=torch.float64))
    assert not weights.masked_select(state.hidden.unsqueeze(2).expand_as(weights)).any()


def test_the_order_of_places_does_not_matter():
    model, (points, _) = model_of(Context.TOUR), inputs(Context.TOUR)
    order = torch.randperm(PLACES, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        one = model.choose(model.read(points, None), TourState.start(points, 1))
        other = model.choose(model.read(points[:, order], None), TourState.start(points, 1))
    assert torch.allclose(one[..., order], other, atol=1e-12)


def test_what_does_not_fit_the_context_is_told():
    model, (points, demands) = model_of(Context.TOUR), inputs(Context.DELIVERIES)
    with pytest.raises(ValueError, match="demands is given, but the model's context is Context.TOUR"):
        model.read(points, demands)
    places = model.read(points, None)
    with pytest.raises(ValueError, match="state is a DeliveryState, but the model's context is Context.TOUR"):
        model.choose(places, DeliveryState.start(demands, 1))


def test_a_vehicle_goes_where_it_may():
    demands = torch.tensor([[0.0, 0.6, 0.4, 0.5]])
    state = DeliveryState.start(demands, 1)
    assert state.hidden[0, 0].tolist() == [True, False, False, False]
    state = state.step(torch.tensor([[1]]))
    # 0.4 is left: the second customer fits to the brim, the third does not.
    assert state.hidden[0, 0].tolist() == [False, True, False, True]
    state = state.step(torch.tensor([[2]]))
    assert state.hidden[0, 0].tolist() == [False, True, True, True]
    for choice in (0, 3):
        state = state.step(torch.tensor([[choice]]))
    assert not state.done
    state = state.step(torch.tensor([[0]]))
    assert state.done
    assert state.hidden[0, 0].tolist() == [False, True, True, True]


def test_lengths_are_those_of_closed_tours():
    points = torch.rand(2, 5, 2, dtype=torch.float64)
    tours = torch.stack([torch.stack([torch.randperm(5) for _ in range(3)]) for _ in range(2)])
    found = lengths(points, tours)
    for row in range(2):
        for tour in range(3):
            stops = [points[row, place] for place in tours[row, tour]]
            total = sum(float((a - b).norm()) for a, b in zip(stops, stops[1:] + stops[:1], strict=True))
            assert float(found[row, tour]) == pytest.approx(total)
