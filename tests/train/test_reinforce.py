from __future__ import annotations

import pytest
import torch

from regard.train.reinforce import reinforce_loss


def test_the_mean_gradient_over_all_draws_is_that_of_the_expected_reward():
    """A choice of three: every draw weighted by its probability is the expectation, without chance."""
    logits = torch.tensor([0.3, -1.1, 0.7], dtype=torch.float64, requires_grad=True)
    reward = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    exact = torch.autograd.grad((logits.softmax(-1) * reward).sum(), logits)[0]
    for baseline in (0.0, 1.7):
        odds, logs = logits.softmax(-1).detach(), logits.log_softmax(-1)
        loss = (odds * reinforce_loss(logs, reward, torch.full_like(reward, baseline))).sum()
        torch.testing.assert_close(torch.autograd.grad(loss, logits)[0], -exact)


def test_no_gradient_flows_into_reward_and_baseline():
    log_p, reward, baseline = (torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _one in range(3))
    loss = reinforce_loss(log_p, reward, baseline)
    assert loss.shape == (2, 3)
    assert torch.autograd.grad(loss.sum(), (reward, baseline), allow_unused=True) == (None, None)


def test_shapes_that_only_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"reward has shape \(2, 1\), expected \(2, 3\) as log_probability"):
        reinforce_loss(torch.zeros(2, 3), torch.zeros(2, 1), torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"baseline has shape \(3,\), expected \(2, 3\)"):
        reinforce_loss(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(3))
