"""Ranks and what is made of them, against sorting by hand."""

from __future__ import annotations

import math

import pytest
import torch

from regard.train.neighbours import by_neighbours, neighbours, popularity
from regard.train.ranking import (
    draw_negatives,
    hit_rate,
    mean_reciprocal,
    ndcg,
    ranking_metrics,
    ranks,
    sampled_ranks,
)

ROWS, ITEMS = 23, 17


def problem(seed=0):
    generator = torch.Generator().manual_seed(seed)
    # Few different values, so that there are ties.
    scores = torch.randint(0, 9, (ROWS, ITEMS), generator=generator).double()
    targets = torch.randint(0, ITEMS, (ROWS,), generator=generator)
    left_out = torch.rand(ROWS, ITEMS, generator=generator) < 0.3
    return scores, targets, left_out


def by_hand(scores, target, candidates):
    """Sort the candidates, the target behind those that score the same, and look where it stands."""
    order = sorted(candidates | {target}, key=lambda item: (-scores[item], item == target))
    return 1 + order.index(target)


def test_ranks_are_those_of_sorting_by_hand():
    scores, targets, left_out = problem()
    for hidden in (None, left_out):
        wanted = [
            by_hand(row, target, {item for item in range(ITEMS) if hidden is None or not hidden[at][item]})
            for at, (row, target) in enumerate(zip(scores.tolist(), targets.tolist(), strict=True))
        ]
        assert ranks(scores, targets, hidden).tolist() == wanted


def test_sampled_ranks_are_those_of_sorting_the_sample():
    scores, targets, left_out = problem(1)
    never = left_out.scatter(1, targets[:, None], True)
    negatives = draw_negatives(5, never, torch.Generator().manual_seed(3))
    wanted = [
        by_hand(row, target, set(some))
        for row, target, some in zip(scores.tolist(), targets.tolist(), negatives.tolist(), strict=True)
    ]
    assert sampled_ranks(scores, targets, negatives).tolist() == wanted
    assert all(found <= whole for found, whole in zip(wanted, ranks(scores, targets).tolist(), strict=True))


def test_negatives_are_different_allowed_and_decided_by_the_generator():
    _scores, targets, left_out = problem(2)
    never = left_out.scatter(1, targets[:, None], True)
    first, again, other = (draw_negatives(6, never, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not never.gather(1, first).any()
    assert all(len(set(row)) == 6 for row in first.tolist())
    with pytest.raises(ValueError, match="count is 17, but a row has"):
        draw_negatives(17, never, torch.Generator())


def test_who_scores_all_alike_or_no_number_finds_nothing():
    targets = torch.tensor([3])
    for scores in (torch.zeros(1, 5), torch.full((1, 5), math.nan), torch.full((1, 5), -math.inf)):
        assert ranks(scores, targets).tolist() == [5]
    scores = torch.tensor([[0.0, math.nan, 0.0, 1.0, 0.0]])
    assert ranks(scores, targets).tolist() == [2]


def test_what_is_left_out_cannot_matter():
    scores, targets, left_out = problem(4)
    left_out = left_out.scatter(1, targets[:, None], False)
    spoiled = scores.masked_fill(left_out, math.nan)
    assert torch.equal(ranks(spoiled, targets, left_out), ranks(scores, targets, left_out))
    # A target is a candidate though it is named among what is left out.
    assert torch.equal(ranks(scores, targets, torch.ones_like(left_out)), torch.ones(ROWS, dtype=torch.int64))


def test_metrics_are_their_closed_forms():
    found = torch.tensor([1, 2, 10, 11, 400])
    gains = [1.0, 1 / math.log2(3), 1 / math.log2(11), 0.0, 0.0]
    assert ndcg(found, 10) == pytest.approx(sum(gains) / 5, abs=1e-12)
    assert hit_rate(found, 10) == pytest.approx(3 / 5)
    assert mean_reciprocal(found) == pytest.approx((1 + 1 / 2 + 1 / 10 + 1 / 11 + 1 / 400) / 5, abs=1e-12)
    named = {one.name: one.value for one in ranking_metrics(found, "how", "new items: ")}
    assert list(named) == ["new items: NDCG@10", "new items: HR@10", "new items: MRR"]


def test_ndcg_is_that_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    generator = torch.Generator().manual_seed(7)
    scores = torch.rand(ROWS, ITEMS, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, ITEMS, (ROWS,), generator=generator)
    truth = torch.nn.functional.one_hot(targets, ITEMS)
    wanted = sklearn.ndcg_score(truth.numpy(), scores.numpy(), k=5)
    assert ndcg(ranks(scores, targets), 5) == pytest.approx(float(wanted), abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(3), torch.zeros(3).long()), r"scores has shape \(3,\)"),
        ((torch.zeros(2, 3), torch.zeros(3).long()), r"targets \(3,\)"),
        ((torch.zeros(2, 3), torch.tensor([0, 3])), "outside of 0 to 2"),
        ((torch.zeros(1, 3), torch.tensor([0]), torch.zeros(1, 2).bool()), r"left_out has shape \(1, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ranks(*arguments)
    with pytest.raises(ValueError, match="negatives has shape"):
        sampled_ranks(torch.zeros(2, 3), torch.zeros(2).long(), torch.zeros(3, 1).long())


def test_neighbours_are_cosines_by_loops():
    generator = torch.Generator().manual_seed(9)
    taken = (torch.rand(13, 7, generator=generator, dtype=torch.float64) < 0.4).double()
    taken[:, 4] = 0
    users = [{user for user in range(13) if taken[user, item]} for item in range(7)]
    near = neighbours(taken, most=3)
    for item in range(7):
        cosines = {
            other: len(users[item] & users[other]) / math.sqrt(max(1, len(users[item])) * max(1, len(users[other])))
            for other in range(7)
            if other != item
        }
        kept = sorted(cosines.values(), reverse=True)[:3]
        assert sorted(near[item].tolist(), reverse=True)[:3] == pytest.approx(kept)
        for other, value in enumerate(near[item].tolist()):
            assert value == 0 or value == pytest.approx(cosines[other])
    history = taken[:2]
    wanted = [[sum(near[i][j] * row[j] for j in range(7)) for i in range(7)] for row in history]
    assert torch.allclose(by_neighbours(history, near), torch.tensor(wanted, dtype=torch.float64))
    assert popularity(taken).tolist() == [len(one) for one in users]
    with pytest.raises(ValueError, match="most is 0"):
        neighbours(taken, 0)
