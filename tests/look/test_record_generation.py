"""Rows of later calls with the same keys are joined: generation with a cache is one attention a module."""

from __future__ import annotations

import pytest
import torch

import regard as rg
from tests.look.test_record_families import FAMILIES, made, tokens

transformers = pytest.importorskip("transformers", reason="records of Hugging Face models need regard[hf]")


def steps(model, prompt, more):
    """Greedy steps with the model's own cache."""
    cache, ids = None, prompt
    for _step in range(more):
        found = model(input_ids=ids, past_key_values=cache, use_cache=True)
        cache = found.past_key_values
        ids = found[0][:, -1:, :7].argmax(-1) + 3
        prompt = torch.cat((prompt, ids), 1)
    return prompt[:, :-1]


@pytest.mark.parametrize("rows", [None, [2, 13, 14]])
@pytest.mark.parametrize("name", ["llama", "mistral", "gemma3", "gpt2"])
@torch.no_grad()
def test_a_generated_text_is_recorded_as_if_it_had_been_read(name, rows):
    model = made(FAMILIES[name])
    with rg.record(model, options=rg.Options(rows=rows)) as seen:
        whole = steps(model, tokens()["input_ids"], 5)
    assert whole.shape[1] == 17
    with rg.record(model) as read:
        model(input_ids=whole)
    assert list(seen) == list(read)
    for layer in read:
        expected = read[layer].weights(rows)
        assert torch.allclose(seen[layer].weights(), expected, atol=5e-6, rtol=0), layer
        assert seen[layer].rows.tolist() == (list(range(17)) if rows is None else rows)
        assert seen[layer].sight.mask is None


@torch.no_grad()
def test_a_translation_with_a_cache_is_recorded():
    model = made(FAMILIES["bart"])
    source, target = tokens(11)["input_ids"], tokens(7)["input_ids"]
    with rg.record(model) as read:
        model(input_ids=source, decoder_input_ids=target)
    with rg.record(model) as seen:
        encoded = model.encoder(input_ids=source)
        cache = None
        for place in range(7):
            cache = model(
                encoder_outputs=encoded,
                decoder_input_ids=target[:, place : place + 1],
                past_key_values=cache,
                use_cache=True,
            ).past_key_values
    assert set(seen) == set(read)
    for layer in read:
        assert torch.allclose(seen[layer].weights(), read[layer].weights(), atol=5e-6, rtol=0), layer


@torch.no_grad()
def test_a_static_cache_is_joined_too():
    model = made(FAMILIES["llama"])
    prompt = tokens()["input_ids"]
    cache = transformers.StaticCache(config=model.config, max_cache_len=19)
    with rg.record(model) as seen:
        first = model(input_ids=prompt, past_key_values=cache, use_cache=True)
        for step in range(3):
            ids = torch.full((2, 1), 5 + step)
            first = model(input_ids=ids, past_key_values=cache, use_cache=True)
    assert first is not None
    with rg.record(model) as read:
        model(input_ids=torch.cat((prompt, torch.tensor([[5, 6, 7]] * 2)), 1))
    for layer in read:
        assert torch.allclose(seen[layer].weights()[..., :16], read[layer].weights(), atol=5e-6, rtol=0), layer
