from __future__ import annotations

import itertools
import math

import pytest
import torch

import regard as rg
from regard.layers import CRF, Allowed, allowed_bio

BATCH, TIME, STATES = 3, 7, 5
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
MASK = torch.tensor([[1, 1, 1, 1, 1, 1, 1], [0, 1, 0, 1, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0]]).bool()


def filled(allowed: Allowed | None = None) -> CRF:
    crf = CRF(STATES, allowed).double()
    generator = torch.Generator().manual_seed(1)
    for parameter in crf.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return crf


def scores(time: int = TIME) -> torch.Tensor:
    return torch.randn(BATCH, time, STATES, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def by_hand(crf: CRF, unary: torch.Tensor, tags: list[int]) -> float:
    """Score of one sequence without anything hidden."""
    total = crf.start[tags[0]] + crf.end[tags[-1]]
    for time, tag in enumerate(tags):
        total = total + unary[time, tag]
        if time > 0:
            total = total + crf.transition[tags[time - 1], tag]
    return total.item()


def test_likelihood_best_and_gradients_are_those_of_pytorch_crf():
    torchcrf = pytest.importorskip("torchcrf")
    ours, theirs = filled(), torchcrf.CRF(STATES, batch_first=True).double()
    theirs.start_transitions.data, theirs.end_transitions.data = ours.start.data, ours.end.data
    theirs.transitions.data = ours.transition.data
    lengths = torch.tensor([7, 4, 1])
    mask = torch.arange(TIME) < lengths[:, None]
    tags = torch.randint(STATES, (BATCH, TIME), generator=torch.Generator().manual_seed(3))
    unary = scores().requires_grad_()
    found = ours(unary, tags, rg.Lengths(lengths))
    expected = theirs(unary, tags, mask, reduction="none")
    torch.testing.assert_close(found, expected)
    wanted = torch.autograd.grad(expected.sum(), (unary, *theirs.parameters()))
    named = dict(zip(("unary", "start", "end", "transition"), wanted, strict=True))
    for name, tensor in (("unary", unary), *ours.named_parameters()):
        torch.testing.assert_close(torch.autograd.grad(found.sum(), tensor, retain_graph=True)[0], named[name])
    best = ours.best(unary, mask)
    assert [row[row >= 0].tolist() for row in best.states] == theirs.decode(unary, mask)


def test_visible_positions_anywhere_are_the_sequence_without_the_hidden_ones():
    crf, unary = filled(), scores()
    poisoned = unary.masked_fill(~MASK[..., None], torch.nan).requires_grad_()
    tags = torch.full((BATCH, TIME), -100)
    tags[MASK] = torch.randint(STATES, (int(MASK.sum()),), generator=torch.Generator().manual_seed(4))
    likelihood, entropy = crf(poisoned, tags, MASK), crf.entropy(poisoned, MASK)
    marginals, best = crf.marginals(poisoned, MASK), crf.n_best(poisoned, MASK, count=3)
    for batch in range(BATCH):
        alone, shown = unary[batch, MASK[batch]], MASK[batch]
        torch.testing.assert_close(likelihood[batch], crf(alone, tags[batch, shown]))
        torch.testing.assert_close(entropy[batch], crf.entropy(alone))
        torch.testing.assert_close(marginals[batch, shown], crf.marginals(alone))
        assert torch.equal(best.states[batch][:, shown], crf.n_best(alone, count=3).states)
    (likelihood + entropy).sum().backward()
    assert all(torch.isfinite(tensor.grad).all() for tensor in (poisoned, *crf.parameters()))
    assert (poisoned.grad[~MASK] == 0).all()


def test_bio_allows_what_its_words_say():
    allowed = allowed_bio(TAGS)
    for before, after in itertools.product(TAGS, TAGS):
        may = not after.startswith("I-") or before in ("B-" + after[2:], after)
        assert bool(allowed.transition[TAGS.index(before), TAGS.index(after)]) == may
    assert allowed.start.tolist() == [True, True, False, True, False]
    assert allowed.end.all()
    # "O" has no kind, even where a kind has no name.
    assert not allowed_bio(["O", "I-", "B-"]).transition[0, 1]


def test_what_is_not_allowed_has_no_probability():
    allowed = allowed_bio(TAGS)
    allowed = Allowed(allowed.transition, allowed.start, torch.tensor([True, True, True, False, True]))
    crf, unary = filled(allowed), scores(4)
    total = 0.0
    best = (-math.inf, [])
    for tags in itertools.product(range(STATES), repeat=4):
        may = allowed.start[tags[0]] and allowed.end[tags[-1]]
        may = may and all(allowed.transition[pair] for pair in itertools.pairwise(tags))
        likelihood = crf(unary[:1], torch.tensor([tags])).item()
        if may:
            total += math.exp(likelihood)
            best = max(best, (by_hand(crf, unary[0], list(tags)), list(tags)))
        else:
            assert likelihood == -math.inf
    assert total == pytest.approx(1, rel=1e-12)
    assert crf.best(unary).states[0].tolist() == best[1]
    drawn = crf.sample(unary, count=500, generator=torch.Generator().manual_seed(5)).states
    assert allowed.transition[drawn[..., :-1], drawn[..., 1:]].all()
    assert allowed.start[drawn[..., 0]].all()
    assert allowed.end[drawn[..., -1]].all()


def test_constraints_leave_gradients_finite():
    crf = filled(allowed_bio(TAGS))
    unary = scores().requires_grad_()
    tags = torch.tensor([[1, 2, 2, 0, 3, 4, 0]] * BATCH)
    tags[1, 0] = 2  # Not allowed: its likelihood is 0 and it teaches nothing.
    likelihood = crf(unary, tags)
    assert torch.isneginf(likelihood).tolist() == [False, True, False]
    likelihood[[0, 2]].sum().backward()
    for tensor in (unary, *crf.parameters()):
        assert torch.isfinite(tensor.grad).all()
    assert (crf.transition.grad[~crf.allowed_transition] == 0).all()


def test_a_sequence_that_nothing_is_allowed_for_is_impossible_and_not_nan():
    yes = torch.ones(2, dtype=torch.bool)
    crf = CRF(2, Allowed(torch.tensor([[False, True], [False, False]]), yes, yes))
    unary = torch.randn(2, 3, 2, requires_grad=True)
    likelihood = crf(
        unary, torch.tensor([[0, 1, 0], [0, 1, 0]]), torch.tensor([[True, True, True], [True, True, False]])
    )
    assert torch.isneginf(likelihood).tolist() == [True, False]
    likelihood[1].backward()
    assert torch.isfinite(unary.grad).all()
    assert (unary.grad[0] == 0).all()
    assert crf.best(unary).states.tolist() == [[-1] * 3] * 2


def test_likelihood_can_be_differentiated_twice():
    crf, unary = filled(allowed_bio(TAGS)), scores(4).requires_grad_()
    tags = torch.tensor([[0, 1, 3, 0]] * BATCH)
    mask = MASK[:, :4]
    assert torch.autograd.gradcheck(lambda unary: crf(unary, tags, mask), unary)
    assert torch.autograd.gradgradcheck(lambda unary: crf(unary, tags, mask), unary)


def test_constraints_are_not_saved_and_parameters_are():
    assert set(filled(allowed_bio(TAGS)).state_dict()) == {"start", "transition", "end"}


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="states is 0"):
        CRF(0)
    with pytest.raises(ValueError, match="allowed is for 5 tags, but states is 4"):
        CRF(4, allowed_bio(TAGS))
    with pytest.raises(ValueError, match=r"unary has shape \(3, 2\), expected \(..., time, 5\)"):
        CRF(5).best(torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"key_lengths has shape \(2,\), expected \(3,\)"):
        CRF(5).best(torch.zeros(3, 7, 5), rg.Lengths(torch.tensor([1, 2])))
    with pytest.raises(ValueError, match="tags has 'E-LOC'"):
        allowed_bio(["O", "E-LOC"])
    yes = torch.ones(2, dtype=torch.bool)
    with pytest.raises(
        ValueError, match=r"end has shape \(3,\) and dtype torch.bool, expected torch.bool of shape \(2\)"
    ):
        Allowed(yes.expand(2, 2), yes, torch.ones(3, dtype=torch.bool))
