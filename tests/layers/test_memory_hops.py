from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.layers import KeyValueHops, MemoryHops, Tying, Unnormalised, WordOrder, word_weights
from tests.attention.cases import numbers
from tests.layers.parts import filled, softmax

STORIES = (((3, 7, 2), (5,), (1, 4, 4, 9)), ((6, 2),), ())
QUESTIONS = ((2, 8), (5, 5, 1), (9,))


def padded(nested, *shape: int) -> torch.Tensor:
    """Token ids with 0 where there is none."""
    made = torch.zeros(shape, dtype=torch.long)
    for place, member in enumerate(nested):
        made[place] = (
            torch.tensor(list(member) + [0] * (shape[1] - len(member)))
            if len(shape) == 2
            else padded(member, *shape[1:])
        )
    return made


def sentence(words, table, order):
    """sum_j l_j * A x_j with l from the paper, k and j counted from 1."""
    size, count, total = table.shape[1], len(words), table.new_zeros(table.shape[1])
    for j, word in enumerate(words, start=1):
        for k in range(1, size + 1):
            weight = {
                WordOrder.BAG: 1.0,
                WordOrder.POSITION: (1 - j / count) - (k / size) * (1 - 2 * j / count),
                WordOrder.CENTRED: 1 + 4 * (k - (size + 1) / 2) * (j - (count + 1) / 2) / (size * count),
            }[order]
            total[k - 1] += weight * table[word, k - 1]
    return total


def tables_of(module, tying, hop):
    """The paper's A, C, T_A, T_C of a hop, and its B and W."""
    words, times = list(module.words), list(module.times)
    if tying is Tying.ADJACENT:
        assert len(words) == 4
        return words[hop], words[hop + 1], times[hop], times[hop + 1], words[0], words[3]
    assert (len(words), len(times)) == (4, 2)
    return words[0], words[1], times[0], times[1], words[2], words[3]


@pytest.mark.parametrize("weigh", [rg.Softmax(), Unnormalised()], ids=["softmax", "linear start"])
@pytest.mark.parametrize("order", WordOrder)
@pytest.mark.parametrize("tying", Tying)
def test_hops_are_those_of_the_paper(tying, order, weigh):
    module = filled(MemoryHops(11, 5, hops=3, tying=tying, order=order, max_memories=7)).requires_grad_(False)
    found = module(padded(STORIES, 3, 4, 5), padded(QUESTIONS, 3, 3), weigh=weigh)
    for b, (story, question) in enumerate(zip(STORIES, QUESTIONS, strict=True)):
        state = sentence(question, tables_of(module, tying, 0)[4], order)
        for hop in range(3):
            a, c, time_a, time_c, _, answer = tables_of(module, tying, hop)
            ages = range(len(story) - 1, -1, -1)
            memories = [sentence(words, a, order) + time_a[age] for words, age in zip(story, ages, strict=True)]
            outputs = [sentence(words, c, order) + time_c[age] for words, age in zip(story, ages, strict=True)]
            read = state.new_zeros(5)
            if story:
                scores = torch.stack([state @ m for m in memories])
                weights = softmax(scores) if isinstance(weigh, rg.Softmax) else scores
                torch.testing.assert_close(found.weights[b, hop, : len(story)], weights)
                read = sum(p * out for p, out in zip(weights, outputs, strict=True))
            assert not bool(found.weights[b, hop, len(story) :].any())
            state = (state if tying is Tying.ADJACENT else module.carry.weight @ state) + read
        torch.testing.assert_close(found.state[b], state)
        torch.testing.assert_close(found.logits[b], answer @ state)


def test_position_weights_are_those_of_the_paper():
    found = word_weights(torch.tensor([[4, 4, 4, 0], [4, 0, 0, 0]]), 5, WordOrder.POSITION, dtype=torch.float64)
    for b, count in enumerate((3, 1)):
        for j in range(1, 5):
            for k in range(1, 6):
                expected = (1 - j / count) - (k / 5) * (1 - 2 * j / count) if j <= count else 0.0
                assert found[b, j - 1, k - 1].item() == pytest.approx(expected, abs=1e-15)


def test_centred_weights_have_a_mean_of_one_and_leave_a_word_alone_as_it_is():
    found = word_weights(torch.tensor([[4, 7, 4, 0], [4, 0, 0, 0]]), 5, WordOrder.CENTRED, dtype=torch.float64)
    torch.testing.assert_close(found[1, 0], torch.ones(5, dtype=torch.float64))
    assert found[0, :3].mean().item() == pytest.approx(1)
    torch.testing.assert_close(found[0, 0] + found[0, 2], torch.full((5,), 2.0, dtype=torch.float64))
    assert found[0, 0].tolist() == sorted(found[0, 0].tolist(), reverse=True)
    assert not found[0, 3].any()


def test_padding_changes_nothing():
    module = filled(MemoryHops(11, 5, hops=2, max_memories=7))
    short = module(padded(STORIES, 3, 3, 4), padded(QUESTIONS, 3, 3))
    long = module(padded(STORIES, 3, 7, 5), padded(QUESTIONS, 3, 5))
    torch.testing.assert_close(long.logits, short.logits)
    torch.testing.assert_close(long.weights[..., :3], short.weights)


def test_hidden_memories_are_not_read():
    module = filled(MemoryHops(11, 5, hops=2))
    sources, question = padded(STORIES, 3, 3, 4), padded(QUESTIONS, 3, 3)
    found = module(sources, question, where=rg.Mask(torch.tensor([[[True, False, True]]])))
    expected = module(sources[:, [0, 2]], question)
    torch.testing.assert_close(found.state, expected.state)
    assert not bool(found.weights[..., 1].any())


def test_gradients_of_tied_tables_are_those_that_differences_find():
    for tying in Tying:
        module = filled(MemoryHops(5, 2, hops=2, tying=tying, max_memories=2))
        sources, question = torch.tensor([[[3, 1], [4, 0]]]), torch.tensor([[2]])

        def compute(*_, module=module, sources=sources, question=question):
            return module(sources, question).logits

        assert torch.autograd.gradcheck(compute, tuple(module.parameters()))


KEYS, VALUES = (((3, 7), (5, 1, 2)), ((6,),), ()), (((8,), (9, 4)), ((1,),), ())


def test_key_value_hops_are_those_of_the_paper():
    module = filled(KeyValueHops(11, 5, hops=3)).requires_grad_(False)
    found = module(padded(QUESTIONS, 3, 3), padded(KEYS, 3, 3, 3), padded(VALUES, 3, 3, 2))
    for b in range(3):
        embed = [sum(module.words[word] for word in words) for words in KEYS[b]]
        read = [sum(module.words[word] for word in words) for words in VALUES[b]]
        state = sum(module.words[word] for word in QUESTIONS[b])
        for hop, update in enumerate(module.updates):
            output = torch.zeros(5, dtype=torch.float64)
            if embed:
                weights = softmax(torch.stack([state @ key for key in embed]))
                torch.testing.assert_close(found.weights[b, hop, : len(embed)], weights)
                output = sum(p * value for p, value in zip(weights, read, strict=True))
            assert not bool(found.weights[b, hop, len(embed) :].any())
            state = update.weight @ (state + output)
        torch.testing.assert_close(found.context[b], state)


def test_key_value_hops_take_another_score_and_order():
    module = filled(KeyValueHops(11, 5, hops=1, order=WordOrder.POSITION, score=rg.Bilinear(5, 5)))
    question, keys, values = padded(QUESTIONS, 3, 3), padded(KEYS, 3, 3, 3), padded(VALUES, 3, 3, 2)
    found, state = module(question, keys, values), sentence(QUESTIONS[0], module.words.detach(), WordOrder.POSITION)
    rows = [sentence(words, module.words.detach(), WordOrder.POSITION) for words in KEYS[0]]
    expected = softmax(torch.stack([state @ module.score.weight.detach() @ row for row in rows]))
    torch.testing.assert_close(found.weights[0, 0, :2].detach(), expected)
    narrow = module(question, keys, values, where=rg.Mask(torch.tensor([[[True, False, True]]])))
    assert narrow.weights[0, 0].tolist() == [1.0, 0.0, 0.0]


def test_bad_tokens_and_sizes_are_refused():
    module = MemoryHops(11, 5, hops=2, max_memories=2)
    with pytest.raises(ValueError, match="sources has 3 memories, but MemoryHops was built for max_memories 2"):
        module(padded(STORIES, 3, 3, 4), padded(QUESTIONS, 3, 3))
    with pytest.raises(ValueError, match=r"question has shape \(3,\) .* expected whole numbers, \(batch, words\)"):
        module(padded(STORIES, 3, 3, 4), torch.ones(3).long())
    with pytest.raises(ValueError, match="keys has .* dtype torch.float32"):
        KeyValueHops(11, 5, hops=2)(padded(QUESTIONS, 3, 3), torch.ones(3, 2, 2), padded(VALUES, 3, 2, 2))
    with pytest.raises(ValueError, match="hops is 0"):
        MemoryHops(11, 5, hops=0)


def test_a_linear_start_weighs_with_the_scores_and_still_hides():
    query, key = numbers(2, 1, 3, seed=0), numbers(2, 5, 3, seed=1)
    found = rg.weights(query, key, score=rg.Dot(1.0), where=rg.Lengths(torch.tensor([5, 2])), weigh=Unnormalised())
    expected = query @ key.transpose(1, 2)
    expected[1, :, 2:] = 0
    torch.testing.assert_close(found, expected)
