from __future__ import annotations

import pytest
import torch

import regard as rg
from regard.layers import CrossFusion, Fusion
from tests.attention.cases import numbers
from tests.layers.parts import assert_hidden_is_inert, filled, softmax

INTERNAL, EXTERNAL = torch.tensor([7, 5, 3]), torch.tensor([7, 2, 0])
WHERES = {"internal_where": rg.Lengths(INTERNAL), "external_where": rg.Lengths(EXTERNAL)}


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    return numbers(3, 7, 6, seed=0), numbers(3, 7, 4, seed=1)


@pytest.mark.parametrize("fusion", Fusion)
def test_fusion_is_the_equation_step_by_step(fusion):
    """One example at a time, cut to its length: h and k, the matching, the masked softmax, then the merging."""
    module, (internal, external) = filled(CrossFusion(6, 4, heads=2, fusion=fusion)), inputs()
    found = module(internal, external, sees=rg.Causal(), **WHERES)
    for b in range(3):
        x, y = internal[b : b + 1, : INTERNAL[b]], external[b : b + 1, : EXTERNAL[b]]
        h, k = module.internal(x, x, rg.Causal())[0], module.external(y, y)[0]
        for i in range(len(h)):
            shown = range(min(i + 1, len(k)))
            scores = [h[i] @ module.attention.score.weight @ k[j] for j in shown]
            context = h.new_zeros(6)
            if scores:
                weights = softmax(torch.stack(scores))
                context = sum(w * (module.value.weight @ k[j]) for w, j in zip(weights, shown, strict=True))
            merged = module.merge.weight @ torch.cat((h[i], context)) + module.merge.bias
            gate = 1 / (1 + torch.exp(-merged))
            expected = merged if fusion is Fusion.LINEAR else gate * h[i] + (1 - gate) * context
            torch.testing.assert_close(found[b, i], expected)


def test_a_mask_of_internal_positions_says_what_each_of_them_sees():
    module, (internal, external) = filled(CrossFusion(6, 4, heads=2)), inputs()
    mask = torch.rand(3, 1, 7, 7, generator=torch.Generator().manual_seed(0)) < 0.6
    mask = mask | torch.eye(7, dtype=torch.bool)
    leaf = internal.clone().requires_grad_()
    for i in range(7):
        (grad,) = torch.autograd.grad(module(leaf, external, sees=rg.Mask(mask))[0, i].sum(), leaf)
        assert torch.equal(grad[0].abs().sum(-1) > 0, mask[0, 0, i])


def test_two_causal_streams_let_nothing_of_the_future_in():
    module, (internal, external) = filled(CrossFusion(6, 4, heads=2)), inputs()
    leaves = internal.clone().requires_grad_(), external.clone().requires_grad_()
    for i in range(7):
        found = module(*leaves, sees=rg.Causal(), external_where=rg.Causal())[:, i].sum()
        for grad in torch.autograd.grad(found, leaves):
            assert torch.equal(grad[0].abs().sum(-1) > 0, torch.arange(7) <= i)


def test_streams_of_different_lengths_need_no_mask_between_them():
    module = filled(CrossFusion(6, 4, heads=2))
    internal, external = numbers(2, 3, 6, seed=0), numbers(2, 11, 4, seed=1)
    lengths = rg.Lengths(torch.tensor([11, 5]))
    found = module(internal, external, external_where=lengths)
    torch.testing.assert_close(found[1], module(internal[1:], external[1:, :5])[0])
    with pytest.raises(ValueError, match=r"Mask has shape \(3, 3\), which does not broadcast"):
        module(internal, external, sees=rg.Mask(torch.ones(3, 3).bool()))


@pytest.mark.parametrize("side", [0, 1])
def test_what_is_hidden_on_either_side_is_inert(side):
    module, pair = filled(CrossFusion(6, 4, heads=2)), inputs()
    beyond = torch.arange(7)[None] >= INTERNAL[:, None]
    hidden = torch.arange(7)[None] >= (INTERNAL, EXTERNAL)[side][:, None]

    def compute(changed):
        both = (changed, pair[1]) if side == 0 else (pair[0], changed)
        return module(*both, sees=rg.Causal(), **WHERES).masked_fill(beyond[..., None], 0)

    assert_hidden_is_inert(module, compute, pair[side], hidden[..., None].expand(pair[side].shape))


def test_inputs_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match=r"external has shape \(1, 2, 6\), expected .* last axis of 4"):
        CrossFusion(6, 4, heads=2)(torch.zeros(1, 2, 6), torch.zeros(1, 2, 6))
    with pytest.raises(ValueError, match="size must be a multiple of heads"):
        CrossFusion(6, 4, heads=3)
