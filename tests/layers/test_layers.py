from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import regard as rg
from regard.layers import Dropout, MultiHead, Sinusoidal
from tests.attention.cases import numbers


def test_multi_head_equals_that_of_pytorch():
    torch.manual_seed(0)
    ours, theirs = MultiHead(15, 5).double(), nn.MultiheadAttention(15, 5, batch_first=True).double()
    with torch.no_grad():
        parts = (ours.query, ours.key, ours.value)
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.randn(45))
        for part, bias in zip(parts, theirs.in_proj_bias.split(15), strict=True):
            part.bias.copy_(bias)
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    query, memory = torch.randn(2, 3, 15).double(), torch.randn(2, 7, 15).double()
    lengths = torch.tensor([7, 4])
    hidden = torch.arange(7)[None] >= lengths[:, None]
    expected, weights = theirs(query, memory, memory, key_padding_mask=hidden, average_attn_weights=False)
    torch.testing.assert_close(ours(query, memory, rg.Lengths(lengths)), expected)
    step = ours.step(query, ours.remember(memory, rg.Lengths(lengths)))
    torch.testing.assert_close(step.context, expected)
    torch.testing.assert_close(step.weights, weights)


def test_grouped_heads_repeat_their_keys():
    torch.manual_seed(0)
    grouped, full = MultiHead(12, 6, key_heads=2).double(), MultiHead(12, 6).double()
    with torch.no_grad():
        full.query.load_state_dict(grouped.query.state_dict())
        full.output.load_state_dict(grouped.output.state_dict())
        for name in ("key", "value"):
            small, large = getattr(grouped, name), getattr(full, name)
            large.weight.copy_(small.weight.unflatten(0, (2, 2)).repeat_interleave(3, 0).flatten(0, 1))
            large.bias.copy_(small.bias.unflatten(0, (2, 2)).repeat_interleave(3, 0).flatten())
    inputs = torch.randn(2, 5, 12).double()
    torch.testing.assert_close(grouped(inputs, inputs), full(inputs, inputs))


def test_sinusoids_are_those_of_the_paper():
    found = Sinusoidal(6)(torch.zeros(1, 11, 6, dtype=torch.float64), start=3)[0]
    for time in range(11):
        for pair in range(3):
            angle = (time + 3) / 10_000 ** (2 * pair / 6)
            assert found[time, 2 * pair].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert found[time, 2 * pair + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_dropout_has_its_rate_keeps_the_mean_and_gives_no_gradient_to_what_it_dropped(rate):
    torch.manual_seed(0)
    inputs = torch.ones(1_000_003, requires_grad=True)
    outputs = Dropout(rate)(inputs)
    dropped = outputs == 0
    deviation = math.sqrt(rate * (1 - rate) / 1_000_003)
    assert dropped.float().mean().item() == pytest.approx(rate, abs=5 * deviation + 2**-17)
    assert outputs.mean().item() == pytest.approx(1, abs=5 * deviation / (1 - rate))
    outputs.sum().backward()
    assert torch.equal(inputs.grad == 0, dropped)
    assert torch.equal(Dropout(rate).eval()(inputs), inputs)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="size must be a multiple of heads"):
        MultiHead(10, 3)
    with pytest.raises(ValueError, match="size is 5, expected an even number"):
        Sinusoidal(5)
    with pytest.raises(ValueError, match="dropout is 1.5"):
        Dropout(1.5)


def test_what_is_hidden_in_a_memory_reaches_no_gradient_of_the_projections():
    layer = MultiHead(12, heads=3, key_heads=1).double()
    queries, memory = numbers(2, 5, 12, seed=0), numbers(2, 7, 12, seed=1)
    where = rg.Lengths(torch.tensor([7, 4]))

    def gradients(inputs: torch.Tensor) -> list[torch.Tensor]:
        return list(torch.autograd.grad(layer(queries, inputs, where).sum(), list(layer.parameters())))

    dirty = memory.clone()
    dirty[1, 4:] = torch.nan
    for one, other in zip(gradients(dirty), gradients(memory), strict=True):
        torch.testing.assert_close(one, other)
