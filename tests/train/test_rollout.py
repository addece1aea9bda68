"""Tours of a policy: what they are, their probabilities, baselines, search and classical rivals."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.stats import ttest_1samp

from regard.data.endless import Part
from regard.data.route_batches import RouteBatch, batch_of_drawn, batch_of_instances
from regard.data.routes import Deliveries, check_tours, framed
from regard.data.uniform_routes import Problem, Uniform
from regard.models import AttentionModel, Context, PointerPolicy, Policy
from regard.models.environments import TourState, lengths
from regard.train.incumbent import Incumbent, Rollout, Shared, better
from regard.train.reinforce import reinforce_loss
from regard.train.rollout import Begin, Pick, log_probabilities, roll
from regard.train.savings import savings
from regard.train.tour_heuristics import farthest_insertion, nearest_neighbour, random_tours, two_opt
from regard.train.tour_search import Decoding, as_tours, solve

CONTEXTS = {Problem.TSP: Context.TOUR, Problem.CVRP: Context.DELIVERIES}


def policy_of(problem: Problem) -> AttentionModel:
    torch.manual_seed(0)
    return AttentionModel(12, 2, 1, 11, CONTEXTS[problem]).eval()


def batch_of(problem: Problem, places: int, count: int = 5) -> RouteBatch:
    return batch_of_drawn(Uniform(problem, places).draw(Part.TEST, 1, range(count)))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


POLICIES = [(Problem.TSP, policy_of), (Problem.CVRP, policy_of), (Problem.TSP, lambda _: PointerPolicy(5, 7))]


@pytest.mark.parametrize("begin", list(Begin))
@pytest.mark.parametrize(("problem", "make"), POLICIES)
def test_log_probabilities_of_all_steps_at_once_are_those_of_one_after_another(problem, make, begin):
    policy, batch = make(problem).double(), batch_of(problem, 7)
    demands = None if batch.demands is None else batch.demands.double()
    batch = RouteBatch(batch.points.double(), demands)
    places = policy.read(batch.points, batch.demands)
    found = roll(policy, places, batch, tours=3, begin=begin, pick=Pick.SAMPLED, generator=generator())
    total = torch.zeros(5, 3, dtype=torch.float64)
    state, followed = type(found.states).start(batch.points if demands is None else demands, 3), places
    for step in range(found.tours.shape[2]):
        choice = found.tours[..., step]
        if step or begin is Begin.CHOSEN:
            followed = policy.follow(followed, state)
            total += policy.choose(followed, state).gather(2, choice.unsqueeze(2)).squeeze(2)
        state = state.step(choice)
    assert state.done
    assert torch.allclose(log_probabilities(policy, places, found), total, atol=1e-10)
    assert torch.allclose(found.lengths, lengths(batch.points, found.tours))


@pytest.mark.parametrize("policy", [policy_of(Problem.TSP), PointerPolicy(5, 7)])
def test_probabilities_of_all_tours_add_up_to_one(policy: Policy):
    policy, batch = policy.double(), batch_of(Problem.TSP, 4, 1)
    points = batch.points.double()
    places = policy.read(points, None)
    orders, total = torch.tensor(list(permutations(range(4)))).unsqueeze(0), torch.zeros(24, dtype=torch.float64)
    state = TourState.start(points, 24)
    for step in range(4):
        places = policy.follow(places, state)
        total += policy.choose(places, state).gather(2, orders[..., step : step + 1])[0, :, 0]
        state = state.step(orders[..., step])
    assert total.exp().sum().item() == pytest.approx(1)


def test_the_gradient_is_that_of_the_expected_length():
    """REINFORCE with every tour weighted by its probability against autograd through the exact expectation."""
    policy, batch = policy_of(Problem.TSP).double(), batch_of(Problem.TSP, 4, 1)
    points = batch.points.double()
    places = policy.read(points, None)
    orders = torch.tensor([order for order in permutations(range(4)) if order[0] == 0]).unsqueeze(0)
    state, logs = TourState.start(points, 6), torch.zeros(1, 6, dtype=torch.float64)
    for step in range(4):
        if step:
            logs = logs + policy.choose(places, state).gather(2, orders[..., step : step + 1])[..., 0]
        state = state.step(orders[..., step])
    costs, odds = lengths(points, orders), logs.exp()
    weight = policy.last.weight
    (exact,) = torch.autograd.grad((odds * costs).sum(), weight, retain_graph=True)
    weighted = reinforce_loss(logs, -(costs - 0.3) * odds.detach() * 6, torch.zeros_like(costs)).mean(1)
    (ours,) = torch.autograd.grad(weighted.sum(), weight)
    assert torch.allclose(ours, exact, atol=1e-10)
    assert float(exact.abs().max()) > 0


def test_a_sample_follows_the_probabilities():
    policy, batch = policy_of(Problem.TSP), batch_of(Problem.TSP, 5, 1)
    many = RouteBatch(batch.points.expand(20_000, -1, -1), None)
    places = policy.read(many.points, None)
    first = roll(policy, places, many, begin=Begin.CHOSEN, pick=Pick.SAMPLED, generator=generator()).tours[:, 0, 0]
    with torch.no_grad():
        odds = policy.choose(places, TourState.start(many.points, 1))[0, 0].exp()
    seen = torch.bincount(first, minlength=5) / len(first)
    assert torch.allclose(seen, odds, atol=4 * 0.5 / 20_000**0.5)


def test_more_beginnings_than_places_are_told():
    policy, batch = policy_of(Problem.TSP), batch_of(Problem.TSP, 4)
    with pytest.raises(ValueError, match="tours is 5, but an instance has only 4 places"):
        roll(policy, policy.read(batch.points, None), batch, tours=5)


@pytest.mark.parametrize("problem", list(Problem))
def test_searching_harder_finds_no_longer_tours(problem):
    policy, batch = policy_of(problem), batch_of(problem, 8, 9)
    begin = 0 if problem is Problem.CVRP else 1
    one = solve(policy, batch, Decoding(1, begin)).lengths
    more = (Decoding(8, begin), Decoding(1, 8), Decoding(8, 8))
    eight, every, both = (solve(policy, batch, way).lengths for way in more)
    assert bool((eight <= one + 1e-6).all())
    assert bool((both <= every + 1e-6).all())
    assert float(both.mean()) < float(one.mean())
    again = [solve(policy, batch, Decoding(1, begin, 3), generator()).tours for _ in range(2)]
    assert torch.equal(*again)


def test_views_keep_lengths():
    batch = batch_of(Problem.TSP, 6)
    order = torch.randperm(6).expand(5, 1, -1)
    found = [lengths(view.points, order) for view in batch.views()]
    assert all(torch.allclose(one, found[0], atol=1e-6) for one in found)


def test_a_better_policy_takes_the_incumbents_place_and_a_worse_one_does_not():
    policy, batches = policy_of(Problem.TSP), [batch_of(Problem.TSP, 6, 60)]
    judge = Rollout(instances=60).build(policy)
    assert isinstance(judge, Incumbent)
    lengths_of = torch.full((60, 1), 4.0)
    assert float(judge(batches[0], lengths_of)[0, 0]) == pytest.approx(4.0)
    assert float(judge(batches[0], lengths_of + 1)[0, 0]) == pytest.approx(0.8 * 4 + 0.2 * 5)
    judge.challenge(policy, batches)
    before = {name: tensor.clone() for name, tensor in judge.best.state_dict().items()}
    # The same policy is not significantly better than itself.
    judge.challenge(policy, batches)
    assert all(torch.equal(tensor, before[name]) for name, tensor in judge.best.state_dict().items())
    assert int(judge.tests) == 2
    greedy = roll(policy, policy.read(batches[0].points, None), batches[0], begin=Begin.CHOSEN).lengths
    assert torch.allclose(judge(batches[0], lengths_of), greedy)


def test_the_test_is_students_for_many():
    for mean in (0.01, 0.05, 0.08, -0.1):
        gains = torch.randn(400, dtype=torch.float64, generator=generator()) + mean
        p = ttest_1samp(gains.numpy(), 0, alternative="greater").pvalue
        assert better(gains, 0.05) == (p < 0.05)
        assert better(gains, float(p) * 1.02) is True
        assert better(gains, float(p) * 0.98) is False


def test_the_shared_baseline_is_the_mean_of_an_instances_tours():
    judge = Shared(3).build(policy_of(Problem.TSP))
    found = judge(batch_of(Problem.TSP, 4, 2), torch.tensor([[1.0, 2.0, 6.0], [1.0, 1.0, 4.0]]))
    assert found.tolist() == [[3.0], [2.0]]


def shortest(points: torch.Tensor) -> float:
    orders = torch.tensor([(0, *rest) for rest in permutations(range(1, len(points)))])
    return float(lengths(points.unsqueeze(0), orders.unsqueeze(0)).min())


def test_classical_tours_visit_all_and_are_in_the_order_of_their_fame():
    batch = batch_of(Problem.TSP, 8, 40)
    inserted = farthest_insertion(batch.points)
    tours = [random_tours(batch, generator()), nearest_neighbour(batch), inserted, two_opt(batch.points, inserted)]
    means = []
    for found in tours:
        assert torch.equal(found.sort(1).values, torch.arange(8).expand(40, -1))
        means.append(float(lengths(batch.points, found.unsqueeze(1)).mean()))
    best = sum(shortest(points) for points in batch.points) / 40
    assert means == sorted(means, reverse=True)
    assert best <= means[-1] < 1.02 * best


def test_no_turn_shortens_what_two_opt_leaves():
    points = batch_of(Problem.TSP, 9, 3).points
    found = two_opt(points, torch.arange(9).expand(3, -1))
    for row in range(3):
        here = float(lengths(points[row : row + 1], found[row].view(1, 1, -1)))
        for i in range(9):
            for j in range(i + 1, 9):
                order = found[row].tolist()
                turned = torch.tensor(order[:i] + order[i:j][::-1] + order[j:]).view(1, 1, -1)
                assert float(lengths(points[row : row + 1], turned)) >= here - 1e-5


def test_fewer_places_than_beginnings_are_all_begun_at():
    policy, batch = policy_of(Problem.TSP), batch_of(Problem.TSP, 5, 7)
    few, many = (solve(policy, batch, Decoding(1, count)) for count in (5, 19))
    assert torch.equal(few.tours, many.tours)


def test_classical_tours_see_places_that_are_near_beside_one_far_away():
    near = torch.rand(1, 59, 2, generator=generator())
    batch = RouteBatch(torch.cat([1 - 1e-3 * near, torch.zeros(1, 1, 2)], 1), None)
    alone = RouteBatch(near, None)
    for solver in (nearest_neighbour, lambda one: two_opt(one.points, farthest_insertion(one.points))):
        inside, expected = (solver(one)[0] for one in (batch, alone))
        # Without the far place the tour is one through the others, closed.
        short = lengths(near, inside[inside != 59].view(1, 1, -1))
        assert float(short) < 1.2 * float(lengths(near, expected.view(1, 1, -1)))


@pytest.mark.parametrize("room", [5.0, 1e6])
def test_no_tour_carries_more_than_a_vehicle_holds(room):
    draw = np.random.default_rng(3)
    demands = np.round(room * draw.uniform(0.005, 0.4, (211, 13)), 2)
    # Of every row three that fill a vehicle but for a millionth of it too much.
    demands[:, 1:4] = [0.5 * room, 0.3 * room, 0.2 * room * (1 + 5e-6)]
    demands[:, 0] = 0
    brought = enumerate(Deliveries(own, room) for own in demands)
    rows = [framed(str(row), draw.uniform(size=(13, 2)), deliveries=own) for row, own in brought]
    batch, policy = batch_of_instances(rows), policy_of(Problem.CVRP)
    ways = (savings, nearest_neighbour, lambda one: solve(policy, one, Decoding(1, 0, 2), generator()).tours)
    for way in ways:
        for one, order in zip(rows, way(batch).tolist(), strict=True):
            check_tours(one, as_tours(order, depot=True))


def test_a_vehicle_may_be_filled_to_the_brim():
    points, demands = torch.rand(1, 11, 2, generator=generator()), torch.full((1, 11), 0.1, dtype=torch.float64)
    demands[0, 0] = 0
    order = nearest_neighbour(RouteBatch(points, demands))[0].tolist()
    assert len(as_tours(order, depot=True)) == 1
