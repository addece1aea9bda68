from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.layers import Contextual, MultiRepresentation, Plain

BATCH, TIME, SIZES, SIZE = 3, 5, (3, 7, 2), 4
LENGTHS = torch.tensor([5, 2, 0])


def given() -> tuple[list[torch.Tensor], torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    embeddings = [torch.randn(BATCH, TIME, size, generator=generator, dtype=torch.float64) for size in SIZES]
    known = torch.rand(BATCH, TIME, len(SIZES), generator=generator) < 0.7
    known[0, 3] = False
    return embeddings, known


def built(score: type[torch.nn.Module], weigh: rg.Weighing = rg.Softmax()) -> MultiRepresentation:
    torch.manual_seed(1)
    return MultiRepresentation(SIZES, SIZE, score(SIZE), weigh).double()


@pytest.mark.parametrize("score", [Plain, Contextual])
def test_each_token_is_the_weighted_sum_of_its_known_embeddings(score):
    layer, (embeddings, known) = built(score), given()
    found = layer(embeddings, LENGTHS, known)
    for batch, length in enumerate(LENGTHS.tolist()):
        parts, scores = [], []
        for place, embedding in enumerate(embeddings):
            part = layer.projections[place](embedding[batch, :length]) * known[batch, :length, place, None]
            parts.append(part)
            if length and score is Contextual:
                states = layer.score.recurrence(part[None])[0][0]
            else:
                states = part
            scores.append(layer.score.score(states)[:, 0])
        for time in range(length):
            shown = [place for place in range(len(SIZES)) if known[batch, time, place]]
            if not shown:
                assert (found.context[batch, time] == 0).all()
                continue
            weights = torch.stack([scores[place][time] for place in shown]).softmax(0)
            expected = sum(weight * parts[place][time] for weight, place in zip(weights, shown, strict=True))
            torch.testing.assert_close(found.weights[batch, time, shown], weights)
            torch.testing.assert_close(found.context[batch, time], expected)
        assert (found.context[batch, length:] == 0).all()


@pytest.mark.parametrize("score", [Plain, Contextual])
def test_what_is_hidden_cannot_leak(score):
    layer, (embeddings, known) = built(score), given()
    seen = known & (torch.arange(TIME) < LENGTHS[:, None])[..., None]
    poisoned = [
        embedding.masked_fill(~seen[..., place, None], torch.nan).requires_grad_()
        for place, embedding in enumerate(embeddings)
    ]
    found = layer(poisoned, LENGTHS, known)
    torch.testing.assert_close(found.context, layer(embeddings, LENGTHS, known).context)
    found.context.sum().backward()
    for place, embedding in enumerate(poisoned):
        assert (embedding.grad[~seen[..., place]] == 0).all()
        assert torch.isfinite(embedding.grad).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in layer.parameters())


def test_another_weighing_takes_softmax_s_place_and_gradients_are_exact():
    layer, (embeddings, _) = built(Plain, rg.Sparsemax()), given()
    found = layer(embeddings)
    projected = torch.stack([layer.projections[place](part) for place, part in enumerate(embeddings)], dim=-2)
    scores = layer.score.score(projected)[..., 0]
    torch.testing.assert_close(found.weights, rg.Sparsemax().exact(scores))
    layer = built(Contextual)
    inputs = [embedding[:2, :2].clone().requires_grad_() for embedding in embeddings]
    assert torch.autograd.gradcheck(lambda *parts: layer(parts).context, inputs)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"sizes is \[\] and size is 4"):
        MultiRepresentation([], 4, Plain(4))
    with pytest.raises(ValueError, match="size is 0, expected a positive number"):
        Plain(0)
    with pytest.raises(ValueError, match="hidden_size is 0, expected a positive number"):
        Contextual(4, hidden_size=0)
    layer = MultiRepresentation([3, 2], 4, Plain(4))
    with pytest.raises(ValueError, match=r"shapes \[\(1, 5, 3\), \(1, 4, 2\)\]"):
        layer([torch.zeros(1, 5, 3), torch.zeros(1, 4, 2)])
