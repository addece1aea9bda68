"""Every decoder: steps equal teacher forcing, padding changes nothing, and the papers' equations hold."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from regard.models import (
    AdditiveScore,
    Bahdanau,
    Cell,
    DotScore,
    EntmaxWeights,
    Feeding,
    GeneralScore,
    LocalM,
    LocalP,
    LocationScore,
    Luong,
    NoAttention,
    Norm,
    Recurrent,
    SparsemaxWeights,
    Transformer,
    Tying,
)

MECHANISMS = (
    NoAttention(),
    Bahdanau(),
    Bahdanau(GeneralScore(), EntmaxWeights()),
    Luong(DotScore()),
    Luong(AdditiveScore(7), weigh=SparsemaxWeights()),
    Luong(LocationScore(19), LocalM(2.0), Feeding.NONE),
    Luong(GeneralScore(), LocalP(3.0)),
    Luong(GeneralScore(), LocalP(3.0), Feeding.NONE),
)
ARCHITECTURES = (
    *(Recurrent(11, 13, 1, Cell.GRU, 0.0, mechanism=m) for m in MECHANISMS),
    *(Recurrent(11, 13, 2, Cell.LSTM, 0.0, Tying.OUTPUT, mechanism=m) for m in MECHANISMS),
    Transformer(12, 3, 2, 3, 17, 0.0, norm=Norm.PRE),
    Transformer(12, 3, 2, 2, 17, 0.0, norm=Norm.POST, tying=Tying.NONE),
)
LENGTHS = torch.tensor([9, 1, 4, 7, 3])


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    source = torch.randint(4, 29, (5, 9), generator=generator)
    for row, length in enumerate(LENGTHS):
        source[row, length:] = 0
    return source, LENGTHS, torch.randint(4, 31, (5, 6), generator=generator)


def build(architecture):
    torch.manual_seed(1)
    return architecture.build(29, 31).double().eval()


@pytest.mark.parametrize(
    "architecture", ARCHITECTURES, ids=lambda a: f"{type(a).__name__}-{getattr(a, 'mechanism', a)}"[:70]
)
def test_steps_equal_teacher_forcing_and_padding_changes_nothing(architecture):
    model, (source, lengths, inputs) = build(architecture), batch()
    features = model(source, lengths, inputs)
    state, steps = model.decoder.start(model.encode(source, lengths)), []
    for time in range(inputs.shape[1]):
        step = model.decoder.step(inputs[:, time], state)
        state = step.state
        steps.append(step.features)
        if step.weights is not None:
            assert step.weights.shape == source.shape
            assert bool((step.weights[source == 0] == 0).all())
    torch.testing.assert_close(torch.stack(steps, 1), features, rtol=0, atol=1e-12)
    for row in range(5):
        alone = model(source[row : row + 1, : lengths[row]], lengths[row : row + 1], inputs[row : row + 1])
        torch.testing.assert_close(alone, features[row : row + 1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "architecture", ARCHITECTURES, ids=lambda a: f"{type(a).__name__}-{getattr(a, 'mechanism', a)}"[:70]
)
def test_a_selected_state_goes_on_like_the_row_it_came_from(architecture):
    model, (source, lengths, inputs) = build(architecture), batch()
    index = torch.tensor([3, 0, 3, 1])
    first = model.decoder.step(inputs[:, 0], model.decoder.start(model.encode(source, lengths)))
    whole = model.decoder.step(inputs[:, 1], first.state)
    chosen = model.decoder.step(inputs[index, 1], first.state.select(index))
    torch.testing.assert_close(chosen.features, whole.features[index], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "architecture", ARCHITECTURES, ids=lambda a: f"{type(a).__name__}-{getattr(a, 'mechanism', a)}"[:70]
)
def test_every_parameter_gets_a_gradient(architecture):
    model, (source, lengths, inputs) = build(architecture), batch()
    model.decoder.output(model(source, lengths, inputs)).log_softmax(-1)[..., 5].sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)]
    # A softmax does not see what is added to all of its scores, and pre-norm keys have such a bias.
    assert [name for name in without if not name.endswith("key.bias")] == []


def test_bahdanau_by_hand():
    """c_t from s_{t-1}; s_t from [y_{t-1}; c_t]; readout of both: one loop over words, keys and gates."""
    model, (source, lengths, inputs) = (
        build(Recurrent(11, 13, dropout=0.0, mechanism=Bahdanau(AdditiveScore(7)))),
        batch(),
    )
    decoder, encoded = model.decoder, model.encode(source, lengths)
    features = model(source, lengths, inputs)
    cell = gru_cell(decoder.recurrence.layers)
    for row in (0, 3):
        states = encoded.states[row, : lengths[row]]
        hidden = torch.tanh(decoder.bridge.linear(encoded.final[row]))
        for time in range(inputs.shape[1]):
            scores = torch.stack(
                [
                    decoder.score.energy
                    @ torch.tanh(
                        decoder.score.query.weight @ hidden + decoder.score.key.weight @ h + decoder.score.bias
                    )
                    for h in states
                ]
            )
            context = (scores.exp() / scores.exp().sum()) @ states
            before = decoder.embedding.weight[inputs[row, time]] * math.sqrt(11)
            hidden = cell(torch.cat((before, context)), hidden)
            by_hand = torch.tanh(decoder.readout(torch.cat((hidden, before, context))))
            torch.testing.assert_close(features[row, time], by_hand, rtol=0, atol=1e-12)


def test_luong_local_p_with_input_feeding_by_hand():
    """s_t from [y_{t-1}; h~_{t-1}]; p_t = S sigmoid(v tanh(W s_t)); weights fade and are not normalised again."""
    radius = 3.0
    mechanism = Luong(GeneralScore(), LocalP(radius), Feeding.INPUT)
    model, (source, lengths, inputs) = build(Recurrent(11, 13, dropout=0.0, mechanism=mechanism)), batch()
    decoder, encoded = model.decoder, model.encode(source, lengths)
    features = model(source, lengths, inputs)
    cell = gru_cell(decoder.recurrence.layers)
    row = 0
    states = encoded.states[row, : lengths[row]]
    hidden, fed = torch.tanh(decoder.bridge.linear(encoded.final[row])), torch.zeros(13).double()
    for time in range(inputs.shape[1]):
        before = decoder.embedding.weight[inputs[row, time]] * math.sqrt(11)
        hidden = cell(torch.cat((before, fed)), hidden)
        inside = torch.tanh(decoder.locality.inside.weight @ hidden)
        centre = (int(lengths[row]) * torch.sigmoid((decoder.locality.outside.weight @ inside).float())).item()
        near = [j for j in range(int(lengths[row])) if abs(j - centre) <= radius]
        scores = states[near] @ (decoder.score.weight.T @ hidden)
        weights = scores.exp() / scores.exp().sum()
        weights = weights * torch.tensor([math.exp(-((j - centre) ** 2) / (2 * (radius / 2) ** 2)) for j in near])
        fed = torch.tanh(decoder.combine(torch.cat((hidden, weights @ states[near]))))
        # The centre is predicted in float32, whatever the dtype of the model.
        torch.testing.assert_close(features[row, time], fed, rtol=0, atol=1e-6)


def gru_cell(layers: nn.GRU):
    size = layers.hidden_size

    def step(inputs: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        from_input = layers.weight_ih_l0 @ inputs + layers.bias_ih_l0
        from_hidden = layers.weight_hh_l0 @ hidden + layers.bias_hh_l0
        reset = torch.sigmoid(from_input[:size] + from_hidden[:size])
        update = torch.sigmoid(from_input[size : 2 * size] + from_hidden[size : 2 * size])
        new = torch.tanh(from_input[2 * size :] + reset * from_hidden[2 * size :])
        return (1 - update) * new + update * hidden

    return step


@pytest.mark.parametrize("norm", list(Norm))
def test_transformer_layers_equal_those_of_pytorch(norm):
    model = build(Transformer(12, 3, 1, 1, 17, 0.0, norm=norm))
    first = norm is Norm.PRE
    with torch.no_grad():
        theirs = nn.TransformerDecoderLayer(12, 3, 17, 0.0, batch_first=True, norm_first=first).double().eval()
        ours = model.decoder.layers[0]
        for attention, copy in ((ours.own, theirs.self_attn), (ours.source, theirs.multihead_attn)):
            parts = (attention.query, attention.key, attention.value)
            copy.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
            copy.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
            copy.out_proj.load_state_dict(attention.output.state_dict())
        theirs.linear1.load_state_dict(ours.feed_forward.inside.state_dict())
        theirs.linear2.load_state_dict(ours.feed_forward.outside.state_dict())
    source, lengths, inputs = batch()
    memory = model.encode(source, lengths).states
    target = model.decoder.embedded(inputs)
    causal = torch.ones(6, 6, dtype=torch.bool).triu(1)
    expected = theirs(target, memory, tgt_mask=causal, memory_key_padding_mask=source == 0)
    from regard.attention import Lengths

    torch.testing.assert_close(ours(target, memory, Lengths(lengths)), expected, rtol=0, atol=1e-12)


def test_tied_matrices_are_one_tensor():
    model = Transformer(12, 3, tying=Tying.ALL).build(29, 29)
    assert model.encoder.embedded.table.weight is model.decoder.output.weight is model.decoder.embedded.table.weight
    model = Recurrent(12, 16, tying=Tying.ALL).build(29, 29)
    assert model.encoder.embedding.weight is model.decoder.output.weight is model.decoder.embedding.weight
    with pytest.raises(ValueError, match="the source has 29 tokens and the target 31"):
        Transformer(12, 3, tying=Tying.ALL).build(29, 31)
