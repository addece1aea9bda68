from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.layers import Hierarchy, TopDown
from tests.attention.cases import numbers
from tests.layers.parts import assert_hidden_is_inert, filled, softmax

# Chapters of sentences of words, by number of words; () is an empty chapter, 0 an empty sentence.
BOOKS = (((3, 0, 2), (), (5,)), ((1,), (0, 0)), ())
SIZES = (3, 3, 3, 5)


def masks() -> list[torch.Tensor]:
    """What the nesting says is there: an empty sentence is there, but nothing is in it."""
    made = [torch.zeros(SIZES[: level + 2], dtype=torch.bool) for level in range(3)]
    for b, book in enumerate(BOOKS):
        for i, chapter in enumerate(book):
            made[0][b, i] = True
            for j, words in enumerate(chapter):
                made[1][b, i, j] = True
                made[2][b, i, j, :words] = True
    return made


def pooled(level, rows, made):
    """Salience of the rows by the paper's formula; None where there are none."""
    if not rows:
        return None
    scores = [torch.tanh(level.hidden.weight @ h + level.hidden.bias) @ level.query for h in rows]
    weights = softmax(torch.stack(scores))
    made.append(weights)
    return sum(w * h for w, h in zip(weights, rows, strict=True))


def test_a_ragged_book_is_read_as_its_parts_are_one_by_one():
    module, inputs = filled(Hierarchy(7, 11, levels=3)), numbers(*SIZES, 7, seed=0)
    found = module(inputs, masks())
    top, middle, low = module.pools
    for b, book in enumerate(BOOKS):
        chapters, seen = [], ([], [], [])
        for i, chapter in enumerate(book):
            sentences = [pooled(low, list(inputs[b, i, j, :words]), seen[2]) for j, words in enumerate(chapter)]
            chapters.append(pooled(middle, [s for s in sentences if s is not None], seen[1]))
        expected = pooled(top, [c for c in chapters if c is not None], seen[0])
        torch.testing.assert_close(found.context[b], inputs.new_zeros(7) if expected is None else expected)
        for answer, lists in zip(found.levels, seen, strict=True):
            positive = answer.weights[b][answer.weights[b] > 0]
            torch.testing.assert_close(positive, torch.cat(lists) if lists else positive[:0])


def test_contexts_and_weights_have_the_shape_of_their_level():
    found = filled(Hierarchy(7, 11, levels=3))(numbers(*SIZES, 7, seed=0), masks())
    assert [tuple(a.weights.shape) for a in found.levels] == [SIZES[:2], SIZES[:3], SIZES]
    assert [tuple(a.context.shape) for a in found.levels] == [(3, 7), (3, 3, 7), (3, 3, 3, 7)]
    assert not bool(found.levels[2].weights[0, 0, 1].any())
    assert bool((found.levels[2].context[0, 0, 1] == 0).all())
    assert found.levels[1].weights[0, 0, 1] == 0


def test_top_down_carries_what_was_read_above_to_the_level_below():
    scores = [rg.Additive(2, 7, 5), rg.Bilinear(7, 7), rg.Dot(scale=1.0)]
    module, inputs = filled(TopDown(Hierarchy(7, 11, levels=3), scores)), numbers(*SIZES, 7, seed=0)
    query = numbers(3, 2, seed=1)
    found = module(query, inputs, masks())
    bottom = module.bottom_up(inputs, masks())
    chapters, sentences = bottom.levels[1].context, bottom.levels[2].context
    for b, book in enumerate(BOOKS):
        context, total = inputs.new_zeros(7), 0.0
        full = [i for i, chapter in enumerate(book) if any(chapter)]
        if full:
            hidden = [scores[0].query.weight @ query[b] + scores[0].key.weight @ chapters[b, i] for i in full]
            first = softmax(torch.stack([torch.tanh(h + scores[0].bias) @ scores[0].energy for h in hidden]))
            asked = sum(w * chapters[b, i] for w, i in zip(first, full, strict=True))
            for w1, i in zip(first, full, strict=True):
                real = [j for j, words in enumerate(book[i]) if words]
                second = softmax(torch.stack([asked @ scores[1].weight @ sentences[b, i, j] for j in real]))
                below = sum(w * sentences[b, i, j] for w, j in zip(second, real, strict=True))
                for w2, j in zip(second, real, strict=True):
                    words = inputs[b, i, j, : book[i][j]]
                    third = softmax(words @ below)
                    torch.testing.assert_close(found.levels[2].weights[b, i, j, : len(words)], third)
                    context, total = context + w1 * w2 * (third @ words), total + w1 * w2 * third.sum()
            torch.testing.assert_close(total, torch.ones((), dtype=torch.float64))
            torch.testing.assert_close(found.levels[0].weights[b, full], first)
        torch.testing.assert_close(found.context[b], context)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_what_is_hidden_is_inert_at_every_level(direction):
    bottom_up = Hierarchy(7, 11, levels=3)
    top_down = TopDown(bottom_up, [rg.Bilinear(2, 7), rg.Bilinear(7, 7), rg.Additive(7, 7, 3)])
    module, query, real = filled(bottom_up if direction == "up" else top_down), numbers(3, 2, seed=1), masks()

    def compute(inputs):
        return (bottom_up(inputs, real) if direction == "up" else top_down(query, inputs, real)).context

    assert_hidden_is_inert(module, compute, numbers(*SIZES, 7, seed=0), ~real[2][..., None].expand(*SIZES, 7))


def test_an_upper_mask_hides_what_is_below_it():
    module, inputs = filled(Hierarchy(5, 3, levels=2)), numbers(2, 3, 7, 5, seed=0)
    words, sentences = torch.ones(2, 3, 7).bool(), torch.tensor([[True, False, True], [False, False, False]])
    found = module(inputs, [sentences, words])
    torch.testing.assert_close(
        found.context[0], module(inputs[:, [0, 2]], [words[:, :2, 0], words[:, :2]]).context[0]
    )
    assert bool((found.context[1] == 0).all())


def test_shapes_that_do_not_fit_are_refused():
    module, words = Hierarchy(5, 3, levels=2), torch.ones(2, 3, 7).bool()
    with pytest.raises(ValueError, match=r"inputs has shape \(2, 3, 5\), expected \(batch, 2 axes of levels, 5\)"):
        module(torch.zeros(2, 3, 5), [words[..., 0], words])
    with pytest.raises(ValueError, match=r"masks have shapes \[\(2, 3, 7\)\]"):
        module(torch.zeros(2, 3, 7, 5), [words])
    with pytest.raises(ValueError, match=r"dtypes \[torch.int64, torch.bool\]"):
        module(torch.zeros(2, 3, 7, 5), [words[..., 0].long(), words])
    with pytest.raises(ValueError, match="scores has 1 members, expected 2"):
        TopDown(module, [rg.Dot()])
    with pytest.raises(ValueError, match="levels is 0"):
        Hierarchy(5, 3, levels=0)
