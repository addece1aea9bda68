"""Models of Hugging Face on our own attention: both registries, no mask of T x T, the same results."""

from __future__ import annotations

import pytest
import torch

import regard as rg
from tests.look.test_record_families import FAMILIES, belonging, made

transformers = pytest.importorskip("transformers", reason="models of Hugging Face need regard[hf]")

from regard.look.hugging_face import on_regard  # noqa: E402


@pytest.mark.parametrize("name", FAMILIES)
@torch.no_grad()
def test_a_model_on_regard_does_what_its_eager_attention_does(name):
    family = FAMILIES[name]
    model, inputs = made(family), family.inputs()
    implementation = model.config._attn_implementation
    with on_regard(model) as served:
        plain = served(**inputs)[0]
        with rg.record(served) as seen:
            assert torch.equal(served(**inputs)[0], plain)
    assert model.config._attn_implementation == implementation
    model.set_attn_implementation("eager")
    eager = model(**inputs, output_attentions=True)
    assert not seen.record.unseen
    rows = inputs.get("attention_mask", torch.ones(1)) if "decoder_input_ids" not in inputs else torch.ones(1)
    real = rows.bool()[..., None] if rows.dim() > 1 else rows.bool()
    assert ((eager[0] - plain) * real).abs().max() < 2e-5
    for attribute, mark in family.weights:
        for layer, expected in zip(belonging(seen, mark), getattr(eager, attribute), strict=True):
            shown = seen[layer].lse > -torch.inf
            assert torch.allclose(seen[layer].weights()[shown], expected[shown], atol=5e-6, rtol=0), layer
            assert seen[layer].sight.mask is None


@torch.no_grad()
def test_a_cache_and_padding_on_the_left_are_counted_right():
    model = made(FAMILIES["llama"])
    ids = torch.arange(26).reshape(2, 13) % 23 + 3
    mask = torch.ones(2, 16, dtype=torch.long)
    mask[1, :4] = 0
    model.set_attn_implementation("eager")

    def run():
        cache = model(input_ids=ids, attention_mask=mask[:, :13], use_cache=True).past_key_values
        return model(input_ids=ids[:, :3], attention_mask=mask, past_key_values=cache)[0]

    expected = run()
    with on_regard(model):
        assert torch.allclose(run(), expected, atol=1e-5)


def test_a_model_that_does_not_go_by_the_interface_is_refused():
    with pytest.raises(ValueError, match="model is Linear"), on_regard(torch.nn.Linear(2, 2)):
        pass
