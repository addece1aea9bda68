"""Sequence models: PyTorch's own layers agree, steps equal the whole, and nothing sees what it must not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

import regard as rg
from regard.models import Activation, Positions, Sight, Stack, Tying, squared_relu

SMALL = Stack(layers=3, heads=3, size=12, feed_forward_size=17, longest=13, activation=Activation.RELU)
KINDS = [
    replace(SMALL, positions=positions, activation=activation)
    for positions in Positions
    for activation in (Activation.SQUARED_RELU, Activation.GELU)
]


def build(settings):
    torch.manual_seed(1)
    model = settings.build(19).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    return model


def tokens(*shape):
    return torch.randint(19, shape, generator=torch.Generator().manual_seed(2))


def pytorch_layer(layer):
    """The same layer as PyTorch has it."""
    theirs = nn.TransformerEncoderLayer(
        12, 3, 17, dropout=0.0, activation="relu", norm_first=True, batch_first=True, bias=False
    ).double()
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(layer.attention.inside.weight)
        theirs.self_attn.out_proj.weight.copy_(layer.attention.output.weight)
        theirs.linear1.weight.copy_(layer.inside.weight)
        theirs.linear2.weight.copy_(layer.outside.weight)
        theirs.norm1.weight.copy_(layer.before_attention.weight)
        theirs.norm2.weight.copy_(layer.before_feed_forward.weight)
    return theirs.train()  # their fast path in eval mode does not take every mask


@pytest.mark.parametrize("mask", Sight)
def test_features_and_weights_equal_those_of_pytorchs_layers(mask):
    model, ids = build(replace(SMALL, mask=mask)), tokens(5, 11)
    hidden = torch.ones(11, 11).triu(1).bool() if mask is Sight.CAUSAL else torch.zeros(11, 11).bool()
    states, weights = model.table.weight[ids] + model.places.table[:11], []
    for layer in model.layers:
        theirs = pytorch_layer(layer)
        normed = theirs.norm1(states)
        weights.append(theirs.self_attn(normed, normed, normed, attn_mask=hidden, average_attn_weights=False)[1])
        states = theirs(states, src_mask=hidden)
    expected = nn.functional.layer_norm(states, (12,), model.last.weight)
    torch.testing.assert_close(model(ids), expected, rtol=0, atol=1e-12)
    for ours, others in zip(model.weights(ids), weights, strict=True):
        torch.testing.assert_close(ours, others, rtol=0, atol=1e-12)


def test_rotary_positions_turn_queries_and_keys_and_not_values():
    model, ids = build(replace(SMALL, layers=1, positions=Positions.ROTARY)), tokens(1, 7)
    layer = next(model.layers)
    normed = layer.before_attention(model.table.weight[ids])[0]
    query, key, value = (normed @ part.T for part in layer.attention.inside.weight.chunk(3))
    read = torch.zeros(7, 12, dtype=torch.float64)
    for head in range(3):
        own = slice(4 * head, 4 * head + 4)
        for at in range(7):
            scores = [turned(query[at, own], at) @ turned(key[to, own], to) / 2 for to in range(at + 1)]
            read[at, own] = torch.stack(scores).softmax(0) @ value[: at + 1, own]
    torch.testing.assert_close(layer.attention(normed[None], rg.Causal())[0], read @ layer.attention.output.weight.T)


def turned(vector, position):
    """Su et al. 2021, equation 15, as complex numbers."""
    turn = torch.polar(torch.ones(2).double(), torch.tensor([1.0, 0.01]).double() * position)
    return torch.view_as_real(torch.view_as_complex(vector.reshape(2, 2)) * turn).flatten()


@pytest.mark.parametrize("settings", KINDS, ids=str)
@pytest.mark.parametrize("first", [1, 4, 11])
def test_steps_equal_the_whole(settings, first):
    model, ids = build(settings), tokens(5, 11)
    whole = model(ids)
    features, state = model.begin(ids[:, :first])
    parts = [features]
    for at in range(first, 11):
        features, state = model.step(ids[:, at : at + 1], state)
        parts.append(features)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-12)


def test_several_positions_can_be_one_step_and_a_state_can_be_chosen_from():
    model, ids, index = build(SMALL), tokens(5, 11), torch.tensor([3, 0, 3])
    _, state = model.begin(ids[:, :4])
    features, after = model.step(ids[index, 4:], state.select(index))
    torch.testing.assert_close(features, model(ids)[index, 4:], rtol=0, atol=1e-12)
    assert after.time == 11


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_a_causal_model_sees_no_future_and_a_bidirectional_one_does(settings):
    ids = tokens(2, 11)
    changed = torch.cat((ids[:, :7], (ids[:, 7:] + 1) % 19), 1)
    model = build(settings)
    torch.testing.assert_close(model(ids)[:, :7], model(changed)[:, :7], rtol=0, atol=0)
    both = build(replace(settings, mask=Sight.BIDIRECTIONAL))
    assert bool((both(ids)[:, :7] != both(changed)[:, :7]).any(-1).all())


@pytest.mark.parametrize("mask", Sight)
def test_padding_and_other_documents_change_nothing(mask):
    model, ids = build(replace(SMALL, mask=mask, positions=Positions.ROTARY)), tokens(3, 11)
    lengths = torch.tensor([11, 5, 1])
    padded = model(ids, rg.Lengths(lengths))
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(padded[row, :length], model(ids[row : row + 1, :length])[0], rtol=0, atol=1e-12)
    segments = torch.tensor([[0] * 6 + [1] * 5]).expand(3, 11)
    packed = model(ids, rg.Segments(segments, segments))
    # Turned positions know distances alone, so the second document need not begin at 0.
    torch.testing.assert_close(packed[:, 6:], model(ids[:, 6:]), rtol=0, atol=1e-11)


def test_initial_values_and_tying():
    torch.manual_seed(0)
    model = Stack(layers=8, heads=4, size=128, longest=64).build(211)
    assert model.output.weight is model.table.weight
    assert model.table.weight.std().item() == pytest.approx(0.02, rel=0.03)
    for layer in model.layers:
        assert layer.inside.weight.std().item() == pytest.approx(0.02, rel=0.03)
        for adding in (layer.attention.output, layer.outside):
            assert adding.weight.std().item() == pytest.approx(0.02 / math.sqrt(16), rel=0.03)
    apart = Stack(tying=Tying.NONE).build(7)
    assert apart.output.weight is not apart.table.weight
    # A new model knows nothing: every token is about as likely as any other.
    scores = model.output(model(torch.zeros(1, 5).long()))
    assert nn.functional.cross_entropy(scores[0], torch.arange(5)).item() == pytest.approx(math.log(211), abs=0.3)


def test_every_parameter_gets_a_gradient_and_dropout_acts_while_training_only():
    model, ids = build(replace(SMALL, dropout=0.3, attention_dropout=0.3)), tokens(5, 11)
    model.output(model(ids)).log_softmax(-1)[..., 3].sum().backward()
    for name, parameter in model.named_parameters():
        seen = parameter.grad[:11] if name == "places.table" else parameter.grad
        assert bool((seen.abs().sum() > 0).all()), name
    torch.testing.assert_close(model(ids), model(ids), rtol=0, atol=0)
    assert not torch.equal(model.train()(ids), model(ids))


def test_the_squared_relu_has_its_gradients_of_every_order():
    inputs = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(squared_relu(inputs), nn.functional.relu(inputs) ** 2)
    assert torch.autograd.gradcheck(squared_relu, (inputs,))
    assert torch.autograd.gradgradcheck(squared_relu, (inputs,))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="size must be a multiple of heads"):
        replace(SMALL, size=13).build(5)
    with pytest.raises(ValueError, match="vocabulary_size is 0 and layers is 3, expected both positive"):
        SMALL.build(0)
    with pytest.raises(ValueError, match="tying is ALL, but a sequence model has no source"):
        replace(SMALL, tying=Tying.ALL).build(5)
    with pytest.raises(ValueError, match="positions 0 to 13, but Learned was built for 13"):
        build(SMALL)(tokens(1, 14))
    with pytest.raises(ValueError, match="mask is BIDIRECTIONAL; only a causal model"):
        build(replace(SMALL, mask=Sight.BIDIRECTIONAL)).begin(tokens(1, 3))
