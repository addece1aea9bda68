from __future__ import annotations

import pytest
import torch

import regard as rg
from tests.attention.cases import SCORE_CASES, WEIGH_CASES, numbers


# LocationAware is told the weights of other queries; its steps have a test of their own.
@pytest.mark.parametrize("score", [c for c in SCORE_CASES if c.name != "LocationAware"], ids=lambda case: case.name)
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


WINDOWS = (rg.Window(2, 0), rg.Causal() & rg.Window(3, 1), rg.Window(2, 0) + rg.Alibi(torch.tensor(0.5)))


@pytest.mark.parametrize("where", WINDOWS)
def test_a_memory_that_forgets_holds_a_window_and_answers_the_same(where):
    query, key, value = (numbers(2, 3, 13, 5, seed=n) for n in range(3))
    memory, steps = rg.Memory(key[:, :, :0], value[:, :, :0], where=where), []
    for time in range(13):
        memory = memory.append(key[:, :, time : time + 1], value[:, :, time : time + 1]).trim()
        steps.append(memory.ask(query[:, :, time : time + 1]))
        assert len(memory) <= 4
    torch.testing.assert_close(torch.cat(steps, 2), rg.attend(query, key, value, where=where & rg.Causal()))


def test_a_memory_that_forgets_counts_positions_on():
    query, key, value = numbers(2, 13, 5, seed=0), numbers(2, 13, 3, seed=1), numbers(2, 13, 4, seed=2)
    score = rg.Location(5, 13).double()
    memory, steps = rg.Memory(key[:, :0], value[:, :0], score=score, where=rg.Window(2, 0)), []
    for time in range(13):
        memory = memory.append(key[:, time : time + 1], value[:, time : time + 1]).trim()
        steps.append(memory.ask(query[:, time : time + 1]))
    torch.testing.assert_close(torch.cat(steps, 1), rg.attend(query, key, value, score=score, where=rg.Window(2, 0)))


def test_a_memory_does_not_forget_under_a_where_that_counts_from_the_first_key():
    memory = rg.Memory(torch.zeros(2, 9, 4), torch.zeros(2, 9, 4), where=rg.Causal("start") & rg.Window(2, 0))
    with pytest.raises(ValueError, match="counts keys from the first one"):
        memory.trim()
    assert len(rg.Memory(torch.zeros(2, 9, 4), torch.zeros(2, 9, 4)).trim()) == 9


def test_what_is_known_of_single_keys_is_forgotten_with_them():
    key, value, query = (numbers(2, 9, 4, seed=n) for n in range(3))
    mask = rg.Mask(torch.rand(2, 1, 9, generator=torch.Generator().manual_seed(1)) < 0.7)
    bias, lengths = rg.Bias(numbers(1, 9, seed=5)), rg.Lengths(torch.tensor([9, 7]))
    around = rg.Around(torch.tensor([[7.5], [6.0]]).double(), 2.0, gaussian=True)
    where = (mask & lengths & rg.Window(4, 0) & around) + bias
    memory = rg.Memory(key, value, where=where)
    trimmed = memory.trim()
    assert len(trimmed) < 9
    torch.testing.assert_close(trimmed.ask(query[:, :1]), memory.ask(query[:, :1]))


def test_padded_prefixes_answer_like_each_sequence_alone():
    key, value, query = (numbers(3, 2, 11, 5, seed=n) for n in range(3))
    key[1, :, 2:7], value[1, :, 2:7] = torch.nan, torch.inf
    lengths, index = torch.tensor([7, 2, 5]), torch.tensor([2, 1, 1, 0])
    memory = rg.Memory(key[:, :, :0], value[:, :, :0]).append(key[:, :, :7], value[:, :, :7], lengths)
    memory = memory.append(key[:, :, 7:], value[:, :, 7:]).select(index)
    found = memory.ask(query[index][:, :, :3])
    for row, sequence in enumerate(index.tolist()):
        kept = [*range(int(lengths[sequence])), *range(7, 11)]
        alone = rg.attend(query[sequence][:, :3], key[sequence][:, kept], value[sequence][:, kept])
        torch.testing.assert_close(found[row], alone)
    with pytest.raises(ValueError, match=r"lengths has shape \(2,\)"):
        memory.append(key[index][:, :, :1], value[index][:, :, :1], torch.tensor([1, 1]))


@pytest.mark.parametrize("weigh", WEIGH_CASES, ids=lambda case: case.name)
def test_steps_equal_all_at_once_for_every_weighing(weigh):
    query, key, value = numbers(2, 6, 7, 5, seed=0), numbers(2, 6, 7, 5, seed=1), numbers(2, 6, 7, 3, seed=2)
    built, own = weigh.build(), weigh.build()
    if weigh.name.startswith("Gumbel"):
        pytest.skip("noise belongs to a query's number, and every step asks the first query")
    memory, steps = rg.Memory(key, value, where=rg.Lengths(torch.tensor([7, 5]))), []
    for time in range(7):
        answer = memory.answer(query[:, :, time : time + 1], own)
        own = answer.after or own
        steps.append(answer.context)
    expected = rg.attend(query, key, value, where=rg.Lengths(torch.tensor([7, 5])), weigh=built)
    torch.testing.assert_close(torch.cat(steps, 2), expected)


def test_location_aware_steps_equal_all_queries_told_the_same():
    query, key, value = numbers(2, 7, 5, seed=0), numbers(2, 11, 3, seed=1), numbers(2, 11, 4, seed=2)
    score = rg.LocationAware(5, 3, 13, channels=3, radius=2).double()
    memory, contexts, weights = rg.Memory(key, value, score=score), [], []
    for time in range(7):
        answer = memory.answer(query[:, time : time + 1])
        contexts.append(answer.context)
        weights.append(answer.weights)
        memory = memory.after(answer.weights)
    before = torch.cat([torch.zeros_like(weights[0]), *weights[:-1]], 1)
    told = rg.attend(query, key, value, score=score.after(before))
    torch.testing.assert_close(torch.cat(contexts, 1), told)


def test_location_aware_says_what_it_has_not_been_told():
    query, key = torch.zeros(2, 3, 5), torch.zeros(2, 7, 4)
    score = rg.LocationAware(5, 4, 3)
    with pytest.raises(ValueError, match="query has 3 queries, but LocationAware was not told"):
        rg.attend(query, key, key, score=score)
    with pytest.raises(ValueError, match=r"the weights given to after\(\) have shape \(2, 2, 7\)"):
        rg.attend(query, key, key, score=score.after(torch.zeros(2, 2, 7)))
    with pytest.raises(ValueError, match=r"key has 7 positions, but the weights given to after\(\) have 6"):
        rg.attend(query, key, key, score=score.after(torch.zeros(2, 3, 6)))
