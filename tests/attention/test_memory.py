from __future__ import annotations

import pytest
import torch

import regard as rg
from tests.attention.cases import SCORE_CASES, numbers


@pytest.mark.parametrize("score", SCORE_CASES, ids=lambda case: case.name)
def test_a_memory_that_grows_answers_like_all_keys_at_once(score):
    built = score.build()
    built = built.double() if isinstance(built, torch.nn.Module) else built
    query = numbers(2, 4, 3, 5, seed=0)
    key, value = numbers(2, 2, 11, score.key_size, seed=1), numbers(2, 2, 11, 7, seed=2)
    memory = rg.Memory(key[:, :, :4], value[:, :, :4], score=built)
    for start in (4, 9):
        stop = 9 if start == 4 else 11
        memory = memory.append(key[:, :, start:stop], value[:, :, start:stop])
    assert len(memory) == 11
    expected = rg.attend(query, key, value, score=built)
    torch.testing.assert_close(memory.ask(query), expected)
    answer = memory.answer(query)
    torch.testing.assert_close(answer.context, expected)
    torch.testing.assert_close(answer.weights, rg.weights(query, key, score=built))


def test_steps_through_a_growing_memory_equal_causal_attention():
    query, key, value = (numbers(2, 3, 7, 5, seed=n) for n in range(3))
    memory = rg.Memory(key[:, :, :0], value[:, :, :0])
    steps = []
    for time in range(7):
        memory = memory.append(key[:, :, time : time + 1], value[:, :, time : time + 1])
        steps.append(memory.ask(query[:, :, time : time + 1]))
    torch.testing.assert_close(torch.cat(steps, 2), rg.attend(query, key, value, where=rg.Causal()))


def test_select_takes_the_where_along():
    key, value, query = (numbers(3, 5, 4, seed=n) for n in range(3))
    lengths, index = torch.tensor([5, 2, 4]), torch.tensor([2, 0, 2, 1])
    mask = rg.Mask(torch.rand(3, 1, 5, generator=torch.Generator().manual_seed(1)) < 0.7)
    centre = rg.Around(torch.tensor([[1.0], [2.0], [3.0]]), 2.0)
    memory = rg.Memory(key, value, where=rg.Lengths(lengths) & (mask | centre))
    found = memory.select(index).ask(query[index])
    torch.testing.assert_close(found, memory.ask(query)[index])


def test_poison_behind_a_mask_stays_hidden_in_a_memory_that_grew():
    key, value, query = (numbers(2, 5, 4, seed=n) for n in range(3))
    clean = rg.Memory(key, value, where=rg.Lengths(torch.tensor([4, 4]))).ask(query)
    key, value = key.clone(), value.clone()
    key[:, 4], value[:, 4] = torch.nan, torch.inf
    memory = rg.Memory(key[:, :3], value[:, :3], where=rg.Lengths(torch.tensor([4, 4])))
    grown = memory.append(key[:, 3:], value[:, 3:])
    torch.testing.assert_close(grown.ask(query), clean)
    torch.testing.assert_close(grown.answer(query).context, clean)
    torch.testing.assert_close(
        grown.select(torch.tensor([1, 0])).ask(query), rg.Memory(key[[1, 0]][:, :4], value[[1, 0]][:, :4]).ask(query)
    )


def test_gradients_flow_through_a_memory():
    key, value, query = (numbers(2, 5, 4, seed=n).requires_grad_() for n in range(3))
    score = rg.Additive(4, 4, 3).double()
    found = torch.autograd.grad(rg.Memory(key, value, score=score).ask(query).sum(), (key, value, query))
    exact = torch.autograd.grad(rg.attend(query, key, value, score=score).sum(), (key, value, query))
    for one, other in zip(found, exact, strict=True):
        torch.testing.assert_close(one, other)


def test_bad_input_says_what_is_wrong():
    memory = rg.Memory(torch.zeros(5, 4), torch.zeros(5, 4))
    with pytest.raises(ValueError, match="select needs a batch axis"):
        memory.select(torch.tensor([0]))
    with pytest.raises(ValueError, match=r"key has shape \(2, 3\), expected \('any', 4\)"):
        memory.append(torch.zeros(2, 3), torch.zeros(2, 4))
