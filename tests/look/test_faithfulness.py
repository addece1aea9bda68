"""Faithfulness against a model whose weights are all there is, brute force, and numbers found by hand."""

from __future__ import annotations

import itertools

import pytest
import torch

from regard.look.faithfulness import comprehensiveness, erased, flips, sufficiency
from regard.look.faithfulness_orders import effects, kendall, leave_one_out, permutation
from regard.look.significance import bootstrap, holm, sign_flip

KEYS = 11


def model(seed: int = 1, dtype: torch.dtype = torch.float32):
    """Weights, and outcomes that are a mean of the keys' votes by their weights."""
    generator = torch.Generator().manual_seed(seed)
    votes = torch.randn(KEYS, 3, generator=generator).softmax(-1)
    votes[:, 0] += torch.linspace(3, 0, KEYS)
    votes /= votes.sum(-1, keepdim=True)
    weights = (torch.linspace(2, -1, KEYS) + 0.1 * torch.randn(KEYS, generator=generator)).softmax(-1)
    weights, votes = weights.to(dtype), votes.to(dtype)
    return weights, lambda given: given @ votes


def test_what_is_left_is_normalised_anew():
    weights, _read = model()
    left = torch.arange(KEYS) > 3
    found = erased(weights, lambda given: given)(left)
    assert torch.allclose(found, weights * left / weights[4:].sum())
    assert not erased(weights, lambda given: given)(torch.zeros(KEYS, dtype=torch.bool)).any()


@pytest.mark.parametrize("measure", [comprehensiveness, sufficiency])
def test_effects_of_shares_by_the_definition(measure):
    weights, read = model()
    answer = erased(weights, read)
    whole = torch.ones(KEYS, dtype=torch.bool)
    plain = answer(whole)
    decided = int(plain.argmax())

    def fall(chosen):
        left = whole.clone()
        left[list(chosen)] = False
        return float(plain[decided] - answer(left if measure is comprehensiveness else ~left)[decided])

    found = measure(weights, answer, shares=[0.1, 0.3], orders=400)
    order = weights.argsort(descending=True).tolist()
    assert found.by_weight == pytest.approx((fall(order[:1]) + fall(order[:3])) / 2, abs=1e-6)
    every = [[fall(chosen) for chosen in itertools.combinations(range(KEYS), count)] for count in (1, 3)]
    assert found.random == pytest.approx(sum(sum(each) / len(each) for each in every) / 2, abs=0.01)
    best = max if measure is comprehensiveness else min
    assert best(every[0]) == pytest.approx(best(every[0] + [fall([order[0]])]))
    # A greedy order is no better than the best sets, and here as good.
    assert found.oracle == pytest.approx(sum(best(each) for each in every) / 2, abs=1e-3)
    assert 0.6 < found.normalised <= 1.001


def test_weights_against_the_votes_are_worse_than_random():
    weights, read = model()
    honest = comprehensiveness(weights, erased(weights, read))
    liar = comprehensiveness(weights.flip(0), erased(weights, read))
    assert liar.normalised < 0 < honest.normalised


def test_flips_take_fewer_keys_by_weight_than_at_random():
    votes = torch.zeros(KEYS, 2)
    votes[:4, 0], votes[4:, 1] = 1, 1
    weights = torch.cat((torch.full((4,), 0.2), torch.full((7,), 0.2 / 7)))
    found = flips(weights, erased(weights, lambda given: given @ votes))
    # 0.2 n against 0.2: with one left of the four it is even, and the first outcome wins.
    assert found.by_weight == pytest.approx(4 / KEYS)
    assert found.random is not None
    assert found.random > found.by_weight
    assert flips(weights, lambda left: torch.tensor([1.0, 0.0])).by_weight is None


def test_leaving_keys_out_one_by_one():
    weights, read = model(dtype=torch.float64)
    answer = erased(weights, read)
    found = effects(KEYS, answer)
    for key in range(KEYS):
        left = torch.arange(KEYS) != key
        assert found[key] == pytest.approx(float((answer(left) - read(weights)).abs().sum() / 2), abs=1e-7)
    agreement = leave_one_out(weights, answer, gradient=found * -2, most=3)
    assert agreement.ceiling == pytest.approx(1.0)
    assert agreement.tau == pytest.approx(kendall(weights, found))
    assert leave_one_out(weights, answer).ceiling is None
    assert leave_one_out(found, answer, most=3).top == 1.0


def test_kendalls_tau_counts_ties():
    # Of ten pairs five agree and one does not; one ties on the left and three on the right.
    found = kendall(torch.tensor([1.0, 2, 2, 3, 5]), torch.tensor([2.0, 1, 4, 4, 4]))
    assert found == pytest.approx(4 / (9 * 7) ** 0.5)
    assert kendall(torch.ones(4), torch.arange(4.0)) == 0.0


def test_permutation_sees_whether_it_matters_who_has_the_weight():
    weights, read = model()
    assert permutation(weights, lambda given: torch.tensor([0.7, 0.3])).median == 0.0
    found = permutation(weights, read)
    assert 0.02 < found.median < 1
    assert found.largest == pytest.approx(float(weights.max()))


def test_a_sign_flip_test_by_brute_force():
    differences = torch.tensor([0.5, 1.0, -0.2, 0.9, 0.4])
    means = [
        abs(sum(sign * float(each) for sign, each in zip(signs, differences, strict=True)))
        for signs in itertools.product((-1, 1), repeat=5)
    ]
    observed = abs(float(differences.sum()))
    expected = sum(mean >= observed - 1e-6 for mean in means) / 32
    assert sign_flip(differences) == pytest.approx(expected)
    assert sign_flip(torch.zeros(5)) == 1.0
    generator = torch.Generator().manual_seed(0)
    assert sign_flip(torch.randn(40, generator=generator) + 1) < 0.001
    assert sign_flip(torch.randn(40, generator=generator)) > 0.05


def test_an_interval_holds_the_mean_as_often_as_it_says():
    generator = torch.Generator().manual_seed(0)
    held = 0
    for seed in range(60):
        found = bootstrap(torch.randn(50, generator=generator) + 3, draws=300, seed=seed)
        assert found.low < found.mean < found.high
        held += found.low <= 3 <= found.high
    assert held >= 52


def test_several_chances_are_raised():
    assert holm([0.2, 0.001, 0.04]) == pytest.approx([0.2, 0.003, 0.08])
    assert holm([]) == []


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: erased(torch.ones(2, 2), lambda given: given), "weights has shape"),
        (lambda: comprehensiveness(torch.ones(2), lambda left: left, shares=[1.0]), "shares is"),
        (lambda: leave_one_out(torch.ones(2), lambda left: left, gradient=torch.ones(3)), "gradient has shape"),
        (lambda: permutation(torch.ones(2), lambda given: given, shuffles=0), "shuffles is 0"),
        (lambda: sign_flip(torch.ones(0)), "differences has 0 pairs"),
        (lambda: bootstrap(torch.ones(2), confidence=1.0), "confidence is 1.0"),
        (lambda: holm([1.5]), "chances is"),
    ],
)
def test_questions_that_mean_nothing_are_refused(ask, told):
    with pytest.raises(ValueError, match=told):
        ask()
