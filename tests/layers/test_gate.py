from __future__ import annotations

import math

import pytest
import torch

from regard.layers import ChannelGate, ContextGate

BATCH, CHANNELS, HEIGHT, WIDTH = 2, 5, 3, 7


def sigmoid(number: float) -> float:
    return 1 / (1 + math.exp(-number))


@pytest.mark.parametrize("masked", [True, False])
def test_channels_are_gated_by_their_means(masked):
    torch.manual_seed(0)
    gate = ChannelGate(CHANNELS, 2).double()
    inputs = torch.randn(BATCH, CHANNELS, HEIGHT, WIDTH, dtype=torch.float64)
    mask = torch.rand(BATCH, HEIGHT, WIDTH) < 0.6 if masked else torch.ones(BATCH, HEIGHT, WIDTH, dtype=torch.bool)
    found = gate(inputs, mask if masked else None)
    w1, b1, w2, b2 = (parameter.tolist() for parameter in gate.parameters())
    for batch in range(BATCH):
        means = [inputs[batch, channel][mask[batch]].mean().item() for channel in range(CHANNELS)]
        hidden = [max(0, sum(w * z for w, z in zip(w1[h], means, strict=True)) + b1[h]) for h in range(2)]
        for channel in range(CHANNELS):
            scale = sigmoid(sum(w * h for w, h in zip(w2[channel], hidden, strict=True)) + b2[channel])
            torch.testing.assert_close(found[batch, channel], inputs[batch, channel] * scale)


def test_hidden_places_do_not_reach_the_gate():
    gate = ChannelGate(CHANNELS, 3).double()
    inputs = torch.randn(BATCH, CHANNELS, WIDTH, dtype=torch.float64)
    mask = torch.arange(WIDTH) < torch.tensor([4, 0])[:, None]
    poisoned = inputs.masked_fill(~mask[:, None], torch.nan).requires_grad_()
    weights = gate.weights(poisoned, mask)
    torch.testing.assert_close(weights, gate.weights(inputs, mask))
    torch.testing.assert_close(weights[1], gate.weights(torch.zeros(1, CHANNELS, 1, dtype=torch.float64))[0])
    weights.sum().backward()
    assert torch.isfinite(poisoned.grad).all()
    assert (poisoned.grad[1] == 0).all()


def test_context_is_gated_by_the_inputs_number_by_number():
    torch.manual_seed(1)
    gate = ContextGate(3, 5).double()
    inputs, context = torch.randn(2, 7, 3).double(), torch.randn(2, 7, 5).double()
    found = gate(inputs, context)
    for batch in range(2):
        for time in range(7):
            for place in range(5):
                logit = sum(gate.gate.weight[place, size] * inputs[batch, time, size] for size in range(3)).item()
                expected = sigmoid(logit) * context[batch, time, place].item()
                assert found[batch, time, place].item() == pytest.approx(expected, rel=1e-12)
    arguments = (inputs.requires_grad_(), context.requires_grad_())
    assert torch.autograd.gradcheck(gate, arguments)


def test_bad_sizes_are_named():
    with pytest.raises(ValueError, match="channels is 3 and hidden_size is 0"):
        ChannelGate(3, 0)
    with pytest.raises(ValueError, match=r"inputs have shape \(2, 4, 3\), expected \(batch, 5, places...\)"):
        ChannelGate(5, 2)(torch.zeros(2, 4, 3))
    with pytest.raises(ValueError, match="size is 0 and context_size is 2"):
        ContextGate(0, 2)
