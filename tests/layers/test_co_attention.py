from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.attention.paths import blockwise
from regard.layers import AlternatingCoAttention, CoAttention, ParallelCoAttention
from regard.layers.parallel_co_attention import Swapped
from tests.attention.cases import SCORE_CASES, numbers
from tests.layers.parts import assert_hidden_is_inert, filled, read

LEFT, RIGHT = torch.tensor([7, 4, 0]), torch.tensor([5, 2, 3])
TWO_SIDED = [case for case in SCORE_CASES if case.name.split("-")[0] in ("Dot", "Bilinear", "Additive")]
WHERES = (rg.Lengths(LEFT), rg.Lengths(RIGHT))


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    return numbers(3, 7, 3, seed=0), numbers(3, 5, 2, seed=1)


def by_hand(module, v, q):
    """The paper's matrices of one example, columns as positions, written out with loops."""
    n, t = len(v), len(q)
    affinity = [[torch.tanh(v[i] @ module.score.weight @ q[j]) for j in range(t)] for i in range(n)]
    of_v, of_q = [module.left.weight @ x for x in v], [module.right.weight @ x for x in q]
    scores_v = [torch.tanh(of_v[i] + sum(affinity[i][j] * of_q[j] for j in range(t))) for i in range(n)]
    scores_q = [torch.tanh(of_q[j] + sum(affinity[i][j] * of_v[i] for i in range(n))) for j in range(t)]
    none = v.new_zeros(0)
    return (
        torch.stack([h @ module.left_query for h in scores_v]) if n else none,
        torch.stack([h @ module.right_query for h in scores_q]) if t else none,
    )


def test_parallel_co_attention_is_the_formula_of_the_paper():
    module, (left, right) = filled(ParallelCoAttention(3, 2, 11)), inputs()
    seen = module(left, right, *WHERES)
    for b in range(3):
        v, q = left[b, : LEFT[b]], right[b, : RIGHT[b]]
        for answer, scores, rows, time in zip(
            (seen.left, seen.right), by_hand(module, v, q), (v, q), (7, 5), strict=True
        ):
            context, weights = read(scores, rows, time)
            torch.testing.assert_close(answer.context[b], context)
            torch.testing.assert_close(answer.weights[b], weights)


@pytest.mark.parametrize("score", [lambda: None, lambda: rg.Additive(3, 2, 5)], ids=["bilinear", "additive"])
def test_an_affinity_in_blocks_is_the_affinity_as_a_whole(score, monkeypatch):
    module, leaves = filled(ParallelCoAttention(3, 2, 11, score=score())), [x.requires_grad_() for x in inputs()]
    found = []
    for cells in (1 << 21, 24):
        monkeypatch.setattr(blockwise, "CELLS", cells)
        seen = module(*leaves, *WHERES)
        both = torch.cat((seen.left.context, seen.right.context), dim=-1)
        found.append([both, *torch.autograd.grad(both.square().sum(), [*leaves, *module.parameters()])])
    for whole, blocks in zip(*found, strict=True):
        torch.testing.assert_close(blocks, whole)


def test_alternating_co_attention_is_the_formula_of_the_paper():
    module, (left, right) = filled(AlternatingCoAttention(3, 2, 11)), inputs()
    seen = module(left, right, *WHERES)

    def guided(score, guide, rows, time):
        hidden = [score.key.weight @ x + score.query.weight @ guide + score.bias for x in rows]
        return read(torch.stack([torch.tanh(h) @ score.energy for h in hidden]) if hidden else rows[:, 0], rows, time)

    for b in range(3):
        v, q = left[b, : LEFT[b]], right[b, : RIGHT[b]]
        first = module.summary
        alone = [torch.tanh(first.hidden.weight @ x + first.hidden.bias) @ first.query for x in q]
        summary, _ = read(torch.stack(alone), q, 5)
        of_left = guided(module.left_score, summary, v, 7)
        of_right = guided(module.right_score, of_left[0], q, 5)
        for answer, (context, weights) in ((seen.left, of_left), (seen.right, of_right)):
            torch.testing.assert_close(answer.context[b], context)
            torch.testing.assert_close(answer.weights[b], weights)


@pytest.mark.parametrize("build", [ParallelCoAttention, AlternatingCoAttention])
@pytest.mark.parametrize("side", [0, 1])
def test_what_is_hidden_on_either_side_is_inert(build, side):
    module = filled(build(3, 2, 11))
    pair, lengths = inputs(), (LEFT, RIGHT)[side]
    hidden = (torch.arange(pair[side].shape[1])[None] >= lengths[:, None])[..., None].expand(pair[side].shape)

    def compute(changed):
        left, right = (changed, pair[1]) if side == 0 else (pair[0], changed)
        seen = module(left, right, *WHERES)
        return torch.cat((seen.left.context, seen.right.context), dim=-1)

    assert_hidden_is_inert(module, compute, pair[side], hidden)


def test_masks_say_the_same_as_lengths():
    module, (left, right) = filled(ParallelCoAttention(3, 2, 5)), inputs()
    masks = [rg.Mask((torch.arange(time)[None] < n[:, None])[:, None]) for time, n in ((7, LEFT), (5, RIGHT))]
    found, expected = module(left, right, *masks), module(left, right, *WHERES)
    torch.testing.assert_close(found.left.context, expected.left.context)
    torch.testing.assert_close(found.right.weights, expected.right.weights)


@pytest.mark.parametrize("score", TWO_SIDED, ids=lambda case: case.name)
def test_a_swapped_score_is_the_transposed_score(score):
    built = score.build()
    built = built.double() if isinstance(built, torch.nn.Module) else built
    query, key = numbers(2, 7, 5, seed=0), numbers(2, 11, score.key_size, seed=1)
    straight = built.tile(built.prepare_query(query), built.prepare_key(key))
    swapped = Swapped(built)
    swapped.check(score.key_size, 5)
    found = swapped.tile(swapped.prepare_query(key), swapped.prepare_key(query))
    torch.testing.assert_close(found, straight.transpose(-1, -2))
    assert swapped.width(7) == built.width(7)
    assert swapped.is_inner_product == built.is_inner_product


def test_levels_are_joined_from_the_lowest_up():
    attentions = [ParallelCoAttention(3, 3, 5), AlternatingCoAttention(3, 3, 7), ParallelCoAttention(3, 3, 2)]
    module = filled(CoAttention(attentions, size=3, hidden_size=11))
    left, levels = numbers(2, 7, 3, seed=0), [numbers(2, 5, 3, seed=n) for n in (1, 2, 3)]
    wheres = rg.Lengths(torch.tensor([7, 4])), rg.Lengths(torch.tensor([5, 2]))
    found = module(left, levels, *wheres)
    both = []
    for attention, level in zip(attentions, levels, strict=True):
        seen = attention(left, level, *wheres)
        both.append(seen.left.context + seen.right.context)
    words, phrases, question = module.joins
    h = torch.tanh(both[0] @ words.weight.T + words.bias)
    h = torch.tanh(both[1] @ phrases.weight[:, :3].T + h @ phrases.weight[:, 3:].T + phrases.bias)
    h = torch.tanh(both[2] @ question.weight[:, :3].T + h @ question.weight[:, 3:].T + question.bias)
    torch.testing.assert_close(found.joined, h)
    assert [level.right.weights.shape for level in found.levels] == [(2, 5)] * 3


@pytest.mark.parametrize("build", [ParallelCoAttention, AlternatingCoAttention])
def test_gradients_are_those_that_differences_find(build):
    module = filled(build(2, 3, 2))
    left, right = numbers(1, 3, 2, seed=0).requires_grad_(), numbers(1, 2, 3, seed=1).requires_grad_()

    def compute(left, right, *_):
        seen = module(left, right)
        return seen.left.context, seen.right.weights

    assert torch.autograd.gradcheck(compute, (left, right, *module.parameters()))


def test_bad_inputs_are_refused():
    with pytest.raises(ValueError, match="left_size is 0"):
        ParallelCoAttention(0, 2, 3)
    with pytest.raises(ValueError, match=r"right has shape \(1, 2, 5\)"):
        ParallelCoAttention(3, 2, 3)(torch.zeros(1, 2, 3), torch.zeros(1, 2, 5))
    with pytest.raises(ValueError, match=r"left has shape \(1, 2\)"):
        AlternatingCoAttention(3, 2, 3)(torch.zeros(1, 2), torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match="right has 1 levels, expected 2"):
        CoAttention([ParallelCoAttention(3, 3, 2)] * 2, 3, 5)(torch.zeros(1, 2, 3), [torch.zeros(1, 2, 3)])
    with pytest.raises(ValueError, match="levels is 0"):
        CoAttention([], 3, 5)
