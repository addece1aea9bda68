from __future__ import annotations

import pytest
import torch
from torch import nn

import regard as rg
from regard.layers import Bidirectional, Diagonal, MultiHead, directions
from tests.attention.cases import numbers
from tests.layers.parts import assert_hidden_is_inert, filled, softmax


def pytorch_of(ours: MultiHead) -> nn.MultiheadAttention:
    theirs = nn.MultiheadAttention(ours.query.in_features, ours.heads, batch_first=True).double()
    parts = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    theirs.out_proj.load_state_dict(ours.output.state_dict())
    return theirs


def test_two_passes_are_two_masked_attentions_of_pytorch():
    module = Bidirectional(filled(MultiHead(6, 2)), filled(MultiHead(6, 3)).requires_grad_(False))
    inputs, lengths = numbers(3, 7, 6, seed=0), torch.tensor([7, 3, 1])
    found = module(inputs, rg.Lengths(lengths))
    after = torch.ones(7, 7).triu(1).bool()
    for b, n in enumerate(lengths.tolist()):
        rows = inputs[b : b + 1, :n]
        for part, hidden, place in ((module.left_to_right, after, 0), (module.right_to_left, after.T, 1)):
            expected, _ = pytorch_of(part)(rows, rows, rows, attn_mask=hidden[:n, :n])
            torch.testing.assert_close(found[b : b + 1, :n, 6 * place : 6 * place + 6], expected)


@pytest.mark.parametrize("diagonal", Diagonal)
def test_the_masks_are_those_of_the_definition_and_mirror_each_other(diagonal):
    inputs = numbers(1, 7, 2, seed=0)
    before, after = (rg.weights(inputs, inputs, score=rg.Dot(1.0), where=where)[0] for where in directions(diagonal))
    scores = inputs[0] @ inputs[0].T
    for i in range(7):
        end = i + 1 if diagonal is Diagonal.SEEN else i
        expected = torch.zeros(7, dtype=torch.float64)
        expected[:end] = softmax(scores[i, :end])
        torch.testing.assert_close(before[i], expected)
        start = i if diagonal is Diagonal.SEEN else i + 1
        expected = torch.zeros(7, dtype=torch.float64)
        expected[start:] = softmax(scores[i, start:])
        torch.testing.assert_close(after[i], expected)
    backwards = rg.weights(
        inputs.flip(1), inputs.flip(1), score=rg.Dot(1.0), where=directions(diagonal).left_to_right
    )
    torch.testing.assert_close(after, backwards[0].flip(0, 1))


def test_without_the_diagonal_the_first_of_each_pass_reads_nothing():
    passes = filled(MultiHead(6, 2)), filled(MultiHead(6, 3))
    module = Bidirectional(*passes, diagonal=Diagonal.HIDDEN)
    found = module(numbers(2, 7, 6, seed=0), rg.Lengths(torch.tensor([7, 4])))
    torch.testing.assert_close(found[:, 0, :6], passes[0].output.bias.expand(2, 6))
    torch.testing.assert_close(found[0, 6, 6:], passes[1].output.bias)
    torch.testing.assert_close(found[1, 3, 6:], passes[1].output.bias)
    assert not torch.allclose(found[1, 2, 6:], passes[1].output.bias)


@pytest.mark.parametrize("diagonal", Diagonal)
def test_what_is_hidden_is_inert(diagonal):
    module = Bidirectional(filled(MultiHead(6, 2)), filled(MultiHead(6, 3)), diagonal=diagonal)
    lengths = torch.tensor([7, 3, 0])
    hidden = torch.arange(7)[None] >= lengths[:, None]

    def compute(inputs):
        return module(inputs, rg.Lengths(lengths)).masked_fill(hidden[..., None], 0)

    assert_hidden_is_inert(module, compute, numbers(3, 7, 6, seed=0), hidden[..., None].expand(3, 7, 6))


def test_inputs_without_an_axis_of_time_are_refused():
    with pytest.raises(ValueError, match=r"inputs has shape \(5, 6\), expected \(batch, time, size\)"):
        Bidirectional(MultiHead(6, 2), MultiHead(6, 3))(torch.zeros(5, 6))
