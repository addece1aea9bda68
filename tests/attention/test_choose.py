"""Hard choices against enumeration: what is drawn, how likely, and what each estimator's gradient is on average."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import regard as rg
from regard.attention.paths import blockwise
from tests.attention.cases import numbers

KEYS = 5


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(blockwise, "CELLS", 60)
    monkeypatch.setattr(blockwise, "ROWS", 2)


def problem(count: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """The same question `count` times, so that one call draws many samples."""
    return numbers(1, 3, seed=0).expand(count, 1, 3), *(
        numbers(KEYS, 3, seed=n).expand(count, -1, -1) for n in (1, 2)
    )


def probabilities(query: Tensor, key: Tensor) -> Tensor:
    return rg.weights(query[0], key[0])[0]


@pytest.mark.parametrize(
    "estimator",
    [
        rg.Reinforce(),
        rg.StraightThrough(),
        rg.GumbelSoftmax(0.5, hard=True),
        rg.Variational(numbers(1, 3, seed=0).expand(9000, 1, 3), rg.Dot()),
    ],
    ids=lambda one: type(one).__name__,
)
def test_keys_are_drawn_by_their_probability_and_read(estimator):
    query, key, value = problem(9000)
    choice = rg.choose(query, key, value, estimator=estimator, generator=torch.Generator().manual_seed(3))
    expected = probabilities(query, key)
    share = choice.index.flatten().bincount(minlength=KEYS) / 9000
    # Five standard deviations of a share.
    assert (share - expected).abs().max() < 5 * 0.5 / 9000**0.5
    torch.testing.assert_close(choice.context[:, 0], value[0][choice.index[:, 0]])
    torch.testing.assert_close(choice.log_prob.exp()[:, 0], expected[choice.index[:, 0]])
    torch.testing.assert_close(choice.entropy[:, 0], -(expected * expected.log()).sum().expand(9000))


def test_the_same_seed_chooses_the_same_in_any_tiles(monkeypatch):
    query, key, value = numbers(2, 3, 7, 5, seed=0), numbers(2, 3, 11, 5, seed=1), numbers(2, 3, 11, 5, seed=2)
    mask = rg.Mask(torch.rand(2, 1, 7, 11, generator=torch.Generator().manual_seed(1)) < 0.5)

    def go() -> rg.Choice:
        return rg.choose(query, key, value, where=mask, generator=torch.Generator().manual_seed(5))

    whole = go()
    monkeypatch.setattr(blockwise, "CELLS", 60)
    monkeypatch.setattr(blockwise, "ROWS", 2)
    cut = go()
    for one, other in ((whole.index, cut.index), (whole.context, cut.context), (whole.log_prob, cut.log_prob)):
        torch.testing.assert_close(one, other)


def test_what_may_not_be_seen_is_not_chosen_and_an_empty_row_chooses_nothing(small_tiles):
    query, key, value = (numbers(2, 7, 5, seed=n).requires_grad_() for n in range(3))
    for estimator in (rg.Reinforce(), rg.StraightThrough(), rg.GumbelSoftmax(), rg.Greedy()):
        choice = rg.choose(query, key, value, where=rg.Lengths(torch.tensor([4, 0])), estimator=estimator)
        assert choice.index[0].max() < 4
        assert choice.index[1].eq(-1).all()
        for fact in (choice.context, choice.log_prob, choice.entropy):
            assert fact[1].eq(0).all()
        grads = torch.autograd.grad(
            choice.context.sum() + choice.log_prob.sum() + choice.entropy.sum(), (query, key, value)
        )
        assert all(torch.isfinite(grad).all() and grad[1].eq(0).all() for grad in grads)


def read_by_hand(choice: rg.Choice, value: Tensor) -> Tensor:
    """The values at the chosen keys, query by query, NaN and all; a query head reads the key head of its group."""
    found = torch.zeros_like(choice.context)
    for b, h, i in torch.cartesian_prod(*map(torch.arange, choice.index.shape)).tolist():
        if choice.index[b, h, i] >= 0:
            found[b, h, i] = value[b, h // 2, choice.index[b, h, i]]
    return found


def spoiled_problem() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Query, key, value and mask, with grouped heads, an empty row, and values that are not finite here and there."""
    query, key, value = numbers(2, 6, 7, 5, seed=0), numbers(2, 3, 11, 5, seed=1), numbers(2, 3, 11, 13, seed=2)
    value[torch.rand(value.shape, generator=torch.Generator().manual_seed(4)) < 0.1] = torch.nan
    value[1, 2, 3, 5] = torch.inf
    mask = torch.rand(2, 1, 7, 11, generator=torch.Generator().manual_seed(3)) < 0.6
    mask[1, 0, 2] = False
    return query, key, value, mask


HARD = [
    rg.Reinforce(),
    rg.Greedy(),
    rg.StraightThrough(),
    rg.GumbelSoftmax(hard=True),
    rg.Variational(numbers(2, 6, 7, 5, seed=9), rg.Dot()),
]


@pytest.mark.parametrize("estimator", HARD, ids=lambda one: type(one).__name__)
def test_the_value_that_was_chosen_spoils_the_context_and_no_other(estimator, small_tiles):
    query, key, value, mask = spoiled_problem()
    choice = rg.choose(
        query, key, value, where=rg.Mask(mask), estimator=estimator, generator=torch.Generator().manual_seed(8)
    )
    expected = read_by_hand(choice, value)
    assert 20 < expected.isfinite().logical_not().sum() < expected.numel() / 2
    torch.testing.assert_close(choice.context, expected.masked_fill(expected.isinf(), torch.nan), equal_nan=True)
    assert choice.log_prob.isfinite().all()
    assert choice.entropy.isfinite().all()


@pytest.mark.parametrize("estimator", [*HARD[:4], rg.GumbelSoftmax()], ids=lambda one: type(one).__name__)
def test_a_query_or_key_that_is_not_finite_spoils_the_choice_as_it_spoils_attention(estimator, small_tiles):
    query, key, value = numbers(2, 6, 7, 5, seed=0), numbers(2, 3, 11, 5, seed=1), numbers(2, 3, 11, 13, seed=2)
    query[0, 1, 3], key[1, 2, 9] = torch.nan, torch.inf
    where = rg.Lengths(torch.tensor([11, 10])) & rg.Window(2, 1)
    choice = rg.choose(
        query, key, value, where=where, estimator=estimator, generator=torch.Generator().manual_seed(8)
    )
    expected = rg.attend(query, key, value, where=where).isnan()
    assert 0 < expected.sum() < expected.numel() / 4
    assert torch.equal(choice.context.isnan(), expected)


def test_a_relaxed_choice_is_spoiled_by_every_value_that_may_be_seen(small_tiles):
    query, key, value, mask = spoiled_problem()

    def context(values: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(8)
        estimator = rg.GumbelSoftmax(0.5)
        return rg.choose(query, key, values, where=rg.Mask(mask), estimator=estimator, generator=generator).context

    bad = ~value.isfinite().repeat_interleave(2, dim=1)
    sees = (mask[..., None] & bad[:, :, None]).any(-2)
    assert 0 < sees.sum() < sees.numel()
    expected = context(value.nan_to_num(7.0, 7.0)).masked_fill(sees, torch.nan)
    torch.testing.assert_close(context(value), expected, equal_nan=True)


def test_the_marginal_is_spoiled_where_a_key_may_be_seen():
    query, key, value, mask = spoiled_problem()
    choice = rg.choose(query, key, value, where=rg.Mask(mask), estimator=rg.Marginal())
    every = value.repeat_interleave(2, dim=1).movedim(-2, 0).unsqueeze(-2).expand(choice.context.shape)
    shown = mask.movedim(-1, 0).unsqueeze(-1).expand(choice.context.shape)
    expected = every.masked_fill(every.isinf(), torch.nan)
    torch.testing.assert_close(choice.context[shown], expected[shown], equal_nan=True)
    assert choice.context[~shown].isfinite().all()


@pytest.mark.parametrize("estimator", [*HARD, rg.GumbelSoftmax(), rg.Marginal()], ids=lambda one: type(one).__name__)
def test_a_value_that_is_hidden_or_not_chosen_reaches_no_gradient(estimator, small_tiles):
    query, key, value = numbers(2, 6, 7, 5, seed=0), numbers(2, 3, 11, 5, seed=1), numbers(2, 3, 11, 13, seed=2)
    where = rg.Lengths(torch.tensor([7, 0]))

    def go(values: Tensor) -> tuple[rg.Choice, list[Tensor]]:
        leaves = [tensor.clone().requires_grad_() for tensor in (query, key, values)]
        generator = torch.Generator().manual_seed(8)
        choice = rg.choose(*leaves, where=where, estimator=estimator, generator=generator)
        likely = choice.log_prob[choice.log_prob.isfinite()]
        loss = choice.context.square().sum() + likely.sum() + choice.entropy.sum()
        if choice.divergence is not None:
            loss = loss + choice.divergence.sum()
        return choice, list(torch.autograd.grad(loss, leaves))

    unread = torch.ones(2, 3, 11, dtype=torch.bool)
    unread[0, :, :7] = False
    if estimator in HARD:
        chosen = go(value)[0].index[0].unflatten(0, (3, 2)).flatten(1)
        unread[0] = True
        unread[0].scatter_(-1, chosen, False)
        assert unread[0, :, :7].any()
    _choice, expected = go(value.masked_fill(unread[..., None], 0))
    choice, found = go(value.masked_fill(unread[..., None], torch.nan))
    assert choice.context.isfinite().all()
    for one, other in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(found[2], expected[2].masked_fill(unread[..., None], 0))


def test_greedy_takes_the_most_probable_and_a_gaussian_counts():
    key = torch.tensor([[1.0], [2.0], [1.9], [0.0]])
    query = torch.ones(1, 1)
    assert rg.choose(query, key, key, estimator=rg.Greedy()).index.tolist() == [1]
    near = rg.Around(torch.tensor([3.0]), 2.0, gaussian=True)
    choice = rg.choose(query, key, key, where=near, estimator=rg.Marginal())
    weights = rg.weights(query, key, where=near)[0]
    torch.testing.assert_close(choice.log_prob.exp()[:, 0], weights / weights.sum())


def reward_of(context: Tensor) -> Tensor:
    """Not linear in the context, so that a relaxed gradient has to be biased."""
    return context.square().sum(-1) / 2


def exact_gradient(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    leaf = query[0].clone().requires_grad_()
    expected = (rg.weights(leaf, key[0])[0] * reward_of(value[0])).sum()
    return torch.autograd.grad(expected, leaf)[0][0]


def estimates(estimator, samples: int = 6000, **told: Tensor) -> Tensor:
    """Gradient of the query, negated surrogate, for many independent choices."""
    query, key, value = problem(samples)
    leaf = query.clone().requires_grad_()
    choice = rg.choose(leaf, key, value, estimator=estimator, generator=torch.Generator().manual_seed(11))
    loss = estimator.surrogate(choice, reward_of(choice.context.detach()), **told)
    (grad,) = torch.autograd.grad(-loss.sum() / (estimator.samples if loss.dim() > 2 else 1), leaf)
    return grad[:, 0]


def assert_unbiased(found: Tensor, truth: Tensor) -> None:
    error = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - truth).abs() < 5 * error + 1e-9).all()


def greedy_reward() -> Tensor:
    query, key, value = problem()
    return reward_of(rg.choose(query, key, value, estimator=rg.Greedy()).context)[0, 0]


def test_reinforce_is_unbiased_with_every_baseline_and_less_noisy_with_a_good_one():
    truth = exact_gradient(*problem())
    learned = rg.LearnedBaseline(3).double()
    average = rg.MovingAverage(0.5)
    cases = {
        "nothing": (rg.Reinforce(), {}),
        "average": (rg.Reinforce(average), {}),
        "learned": (rg.Reinforce(learned), {"told": numbers(6000, 1, 3, seed=4)}),
        "rollout": (rg.Reinforce(rg.Rollout()), {"told": greedy_reward()}),
        "leave one out": (rg.Reinforce(rg.LeaveOneOut(), samples=3), {}),
    }
    noise = {}
    for name, (estimator, told) in cases.items():
        found = estimates(estimator, **told)
        assert_unbiased(found, truth)
        noise[name] = found.var(0).sum().item()
    assert noise["leave one out"] < noise["nothing"] / 3
    assert average.mean > 0


def test_the_marginal_is_exact():
    query, key, value = problem()
    leaf = query.clone().requires_grad_()
    estimator = rg.Marginal()
    choice = rg.choose(leaf, key, value, estimator=estimator)
    (grad,) = torch.autograd.grad(-estimator.surrogate(choice, reward_of(choice.context)).sum(), leaf)
    torch.testing.assert_close(grad[0, 0], exact_gradient(query, key, value))
    likelihood = reward_of(choice.context) - 3
    expected = (probabilities(query, key) * likelihood[:, 0, 0].exp()).sum().log()
    torch.testing.assert_close(estimator.log_likelihood(choice, likelihood)[0, 0], expected)


def relaxed(estimator, samples: int = 6000) -> Tensor:
    query, key, value = problem(samples)
    leaf = query.clone().requires_grad_()
    choice = rg.choose(leaf, key, value, estimator=estimator, generator=torch.Generator().manual_seed(5))
    return torch.autograd.grad(reward_of(choice.context).sum(), leaf)[0][:, 0]


def test_straight_through_has_the_bias_that_is_known_of_it():
    """Its mean is sum_z p_z grad r(value_z) . d context, which enumeration gives too; that is not the gradient."""
    query, key, value = problem()
    leaf = query[0].clone().requires_grad_()
    weights = rg.weights(leaf, key[0])[0]
    slopes = weights.detach() @ value[0]  # the gradient of the reward at value_z is value_z itself
    (expected,) = torch.autograd.grad((weights @ value[0]) @ slopes, leaf)
    found = relaxed(rg.StraightThrough())
    assert_unbiased(found, expected[0])
    assert (expected[0] - exact_gradient(query, key, value)).abs().max() > 0.02


def test_the_bias_of_gumbel_softmax_falls_with_the_temperature():
    truth = exact_gradient(*problem())
    bias = {t: (relaxed(rg.GumbelSoftmax(t), 60_000).mean(0) - truth).norm() for t in (0.2, 5.0)}
    assert bias[0.2] < bias[5.0] / 3


def test_the_bound_is_below_the_likelihood_and_tight_at_the_posterior():
    query, key, value = problem()
    likelihood = reward_of(value[0]) - 4
    prior = probabilities(query, key)
    evidence = (prior * likelihood.exp()).sum().log()
    posterior = (prior * likelihood.exp() / evidence.exp()).log()

    # A score that is a table of logits: the query is a one, the keys carry their own.
    def exact_elbo(logits: Tensor) -> Tensor:
        estimator = rg.Variational(query, lambda q, k: logits.expand(*q.shape[:-1], -1))
        choice = rg.choose(query, key, value, estimator=estimator)
        q = logits.softmax(-1)
        torch.testing.assert_close(choice.divergence[0, 0], (q * (q.log() - prior.log())).sum())
        torch.testing.assert_close(choice.log_prob[0, 0], q.log()[choice.index[0, 0]])
        return (q * likelihood).sum() - choice.divergence[0, 0]

    torch.testing.assert_close(exact_elbo(posterior), evidence)
    assert exact_elbo(numbers(KEYS, seed=7)) < evidence


def test_the_gradient_of_the_bound_is_unbiased():
    samples = 6000
    query, key, value = problem(samples)
    asked = numbers(1, 3, seed=8)
    leaf = asked.expand(samples, 1, 3).clone().requires_grad_()
    estimator = rg.Variational(leaf, rg.Dot())
    choice = rg.choose(query, key, value, estimator=estimator, generator=torch.Generator().manual_seed(2))
    loss = estimator.surrogate(choice, reward_of(choice.context.detach()) - 4)
    (grad,) = torch.autograd.grad(-loss.sum(), leaf)
    one = asked.clone().requires_grad_()
    q, prior = rg.weights(one, key[0])[0], probabilities(query, key)
    bound = (q * (reward_of(value[0]) - 4)).sum() - (q * (q.log() - prior.log())).sum()
    assert_unbiased(grad[:, 0], torch.autograd.grad(bound, one)[0][0])


@pytest.mark.parametrize("kind", ["reinforce", "leave one out", "straight", "gumbel", "marginal", "variational"])
def test_every_estimator_learns_to_look_at_the_best_key(kind):
    torch.manual_seed(1)
    key, worth = torch.eye(7), torch.tensor([0.0, 0.1, 0.2, 1.0, 0.1, 0.3, 0.2])
    query = torch.zeros(64, 1, 7)
    policy = torch.nn.Parameter(torch.zeros(7))
    guide = torch.nn.Parameter(torch.zeros(7))
    optimizer = torch.optim.Adam([policy, guide], 0.1)
    keys, values = key.expand(64, 7, 7), worth[:, None].expand(64, 7, 1)
    for _step in range(120):
        asked = query + policy
        estimator = {
            "reinforce": rg.Reinforce(rg.NoBaseline(), entropy=0.01),
            "leave one out": rg.Reinforce(rg.LeaveOneOut(), samples=3),
            "straight": rg.StraightThrough(),
            "gumbel": rg.GumbelSoftmax(0.5),
            "marginal": rg.Marginal(),
            "variational": rg.Variational(query + guide, rg.Dot()),
        }[kind]
        choice = rg.choose(asked, keys, values, estimator=estimator)
        reward = choice.context.squeeze(-1)
        loss = -reward if kind in ("straight", "gumbel") else estimator.surrogate(choice, 4 * reward)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
    assert rg.choose(query[:1] + policy, keys[:1], values[:1], estimator=rg.Greedy()).index.item() == 3
    assert (policy / 7**0.5).softmax(-1)[3] > 0.5


def test_what_does_not_fit_is_said():
    query, key, value = problem(2)
    choice = rg.choose(query, key, value)
    with pytest.raises(ValueError, match=r"reward has shape \(3,\), but log_prob has \(2, 1\)"):
        rg.Reinforce().surrogate(choice, torch.ones(3))
    with pytest.raises(ValueError, match="LeaveOneOut compares samples"):
        rg.LeaveOneOut().value(torch.ones(1, 2), None)
    with pytest.raises(ValueError, match=r"told has shape None, expected \(2, 3\)"):
        rg.LearnedBaseline(3).value(torch.ones(2), None)
    with pytest.raises(ValueError, match="Rollout needs the reward"):
        rg.Rollout().value(torch.ones(2), None)
    with pytest.raises(ValueError, match="samples is 0"):
        rg.Reinforce(samples=0)
    with pytest.raises(ValueError, match="samples is -1, expected at least 1"):
        rg.Variational(query, rg.Dot(), samples=-1)
    with pytest.raises(ValueError, match="expected at least one query and one key"):
        rg.choose(query, key[:, :0], value[:, :0])
