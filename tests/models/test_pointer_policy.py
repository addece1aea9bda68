"""A pointer network as a policy: against the formula, against itself mirrored, and what it remembers."""

from __future__ import annotations

import copy

import pytest
import torch

from regard.models import Cell, DeliveryState, PointerPolicy, TourState
from tests.models.test_pointer_network import by_hand

PLACES, HIDDEN = 5, 11


def policy_of(cell: Cell = Cell.GRU) -> PointerPolicy:
    torch.manual_seed(3)
    return PointerPolicy(7, HIDDEN, cell).double()


def points_of(count: int = 3) -> torch.Tensor:
    return torch.rand(count, PLACES, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def walked(policy: PointerPolicy, points: torch.Tensor, tours: torch.Tensor) -> torch.Tensor:
    """Log-probabilities (steps, batch, tours, places) along given tours, the first choice included."""
    state, places, found = TourState.start(points, tours.shape[1]), policy.read(points, None), []
    for choice in tours.unbind(2):
        places = policy.follow(places, state)
        found.append(policy.choose(places, state))
        state = state.step(choice)
    return torch.stack(found).detach()


def test_it_is_the_formula_without_an_end():
    policy, points = policy_of(), points_of()
    tours = torch.tensor([[[3, 0, 4, 1, 2], [2, 1, 0, 3, 4]]] * 3)
    ours = walked(policy, points, tours)
    for row in range(3):
        for tour in range(2):
            numbered = [1 + place for place in tours[row, tour].tolist()]
            expected = by_hand(policy.network, points[row], numbered)[:, 1:].log_softmax(-1)
            torch.testing.assert_close(ours[:, row, tour], expected)
    assert torch.allclose(ours.exp().sum(-1), torch.ones(5, 3, 2, dtype=torch.float64))


@pytest.mark.parametrize("cell", list(Cell))
def test_several_steps_at_once_are_one_after_another(cell):
    policy, points = policy_of(cell), points_of()
    tours = torch.tensor([[[3, 0, 4, 1, 2], [2, 1, 0, 3, 4]]] * 3)
    state, states = TourState.start(points, 2), []
    for choice in tours.unbind(2):
        states.append(state)
        state = state.step(choice)
    joined = TourState.joined(states)
    together = policy.choose(policy.follow(policy.read(points, None), joined), joined)
    torch.testing.assert_close(together, torch.cat(tuple(walked(policy, points, tours)), 1))


def test_cities_read_backward_by_a_mirrored_network_are_pointed_at_backward():
    policy, points = policy_of(), points_of()
    mirrored = copy.deepcopy(policy)
    network, halves = mirrored.network, [*range(HIDDEN, 2 * HIDDEN), *range(HIDDEN)]
    network.encoder.onward, network.encoder.back = network.encoder.back, network.encoder.onward
    for weight in (network.pointer.score.key.weight, network.bridge.linear.weight):
        weight.data = weight.data[:, halves]
    tours = torch.tensor([[[3, 0, 4, 1, 2]]] * 3)
    ours, other = walked(policy, points, tours), walked(mirrored, points.flip(1), PLACES - 1 - tours)
    torch.testing.assert_close(other.flip(-1), ours)
    # An order of the cities is read like a text: another order is another text.
    assert float((walked(policy, points.flip(1), PLACES - 1 - tours).flip(-1)[0] - ours[0]).abs().max()) > 1e-3


def test_it_remembers_the_way():
    """Two tours that are at the same city with the same cities behind them, but came another way."""
    policy, points = policy_of(), points_of()
    found = walked(policy, points, torch.tensor([[[0, 1, 2, 3, 4], [1, 0, 2, 3, 4]]] * 3))
    assert float((found[3, :, 0, 3:] - found[3, :, 1, 3:]).abs().max()) > 1e-6
    torch.testing.assert_close(found[0, :, 0], found[0, :, 1])


def test_what_it_cannot_do_is_told():
    policy, points = policy_of(), points_of()
    with pytest.raises(ValueError, match="makes one tour"):
        policy.read(points, torch.zeros(3, PLACES))
    state, places = TourState.start(points, 2), policy.read(points, None)
    with pytest.raises(ValueError, match=r"follow\(places, state\) before choose"):
        policy.choose(places, state)
    with pytest.raises(ValueError, match=r"follow\(places, state\) before choose"):
        policy.choose(policy.follow(places, TourState.start(points, 1)), state)
    deliveries = DeliveryState.start(torch.zeros(3, PLACES), 2)
    with pytest.raises(ValueError, match="deliveries"):
        policy.follow(places, deliveries)


def test_bfloat16_chooses_in_float32():
    policy, points = PointerPolicy(7, HIDDEN), points_of().float()
    state = TourState.start(points, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = policy.choose(policy.follow(policy.read(points, None), state), state)
    assert found.dtype == torch.float32
    assert torch.allclose(found.exp().sum(-1), torch.ones(3, 2))
