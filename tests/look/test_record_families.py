"""Records of tiny random models of transformers, by the kernels they use by default, against their eager weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch

import regard as rg

transformers = pytest.importorskip("transformers", reason="records of Hugging Face models need regard[hf]")

LENGTH, SOURCE = 13, 11
LEFT, RIGHT = slice(0, 4), slice(-4, None)
SMALL = {"hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 2, "vocab_size": 29}
HEADS = {"num_attention_heads": 4}
GROUPED = {**HEADS, "num_key_value_heads": 2}
TEXT = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


@dataclass(frozen=True)
class Family:
    """How a tiny model is made and asked, and which of its eager weights belong to which attention."""

    model: str
    config: str
    settings: dict[str, object]
    inputs: Callable[[], dict[str, torch.Tensor]]
    # Attribute of the output to a mark in the path of a layer.
    weights: tuple[tuple[str, str], ...] = (("attentions", ""),)
    # The kernels of PyTorch cannot serve it, so it stays eager.
    eager: bool = False
    # A tiny model's scores are almost equal; sharper ones tell wrong keys from right ones.
    sharper: float = 12.0


def tokens(length: int = LENGTH, padding: slice | None = None) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(length)
    found = {"input_ids": torch.randint(3, 29, (2, length), generator=generator)}
    if padding is not None:
        mask = torch.ones((2, length), dtype=torch.long)
        mask[1, padding] = 0
        found["attention_mask"] = mask
    return found


def both() -> dict[str, torch.Tensor]:
    mask = torch.ones((2, SOURCE), dtype=torch.long)
    mask[0, -3:] = 0
    return {**tokens(SOURCE), "attention_mask": mask, "decoder_input_ids": tokens(7)["input_ids"]}


def picture() -> dict[str, torch.Tensor]:
    return {"pixel_values": torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(3))}


def sound() -> dict[str, torch.Tensor]:
    features = torch.randn(2, 8, 2 * LENGTH, generator=torch.Generator().manual_seed(3))
    return {"input_features": features, "decoder_input_ids": tokens(7)["input_ids"]}


SEQ2SEQ = (
    ("encoder_attentions", "encoder"),
    ("decoder_attentions", "decoder"),
    ("cross_attentions", "cross"),
)
BART = {
    "d_model": 24, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "vocab_size": 29,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 20, "decoder_ffn_dim": 20, "max_position_embeddings": 64, **TEXT,
    "decoder_start_token_id": 1,
}  # fmt: skip
EXPERTS = {"num_local_experts": 2, "num_experts_per_tok": 1}
PICTURES = {"image_size": 12, "patch_size": 4}
FAMILIES = {
    "llama": Family("LlamaModel", "LlamaConfig", {**SMALL, **GROUPED, **TEXT}, tokens),
    "llama padded": Family("LlamaModel", "LlamaConfig", {**SMALL, **GROUPED, **TEXT}, lambda: tokens(padding=RIGHT)),
    "llama padded on the left": Family(
        "LlamaModel", "LlamaConfig", {**SMALL, **GROUPED, **TEXT}, lambda: tokens(padding=LEFT)
    ),
    "mistral": Family("MistralModel", "MistralConfig", {**SMALL, **GROUPED, **TEXT, "sliding_window": 5}, tokens),
    "gemma3": Family(
        "Gemma3TextModel",
        "Gemma3TextConfig",
        {**SMALL, **GROUPED, **TEXT, "head_dim": 6, "sliding_window": 5, "num_hidden_layers": 6},
        tokens,
    ),
    "gemma2": Family(
        "Gemma2Model",
        "Gemma2Config",
        {**SMALL, **GROUPED, **TEXT, "head_dim": 6, "sliding_window": 5, "attn_logit_softcapping": 0.7},
        tokens,
        eager=True,
    ),
    "gpt-oss": Family(
        "GptOssModel",
        "GptOssConfig",
        {
            **SMALL,
            **GROUPED,
            **TEXT,
            "head_dim": 6,
            "sliding_window": 5,
            "num_local_experts": 2,
            "num_experts_per_tok": 1,
        },
        tokens,
        eager=True,
    ),
    "qwen3": Family("Qwen3Model", "Qwen3Config", {**SMALL, **GROUPED, **TEXT, "head_dim": 6}, tokens),
    "gpt2": Family("GPT2Model", "GPT2Config", {"n_embd": 24, "n_layer": 2, "n_head": 4, "vocab_size": 29}, tokens),
    "bert": Family("BertModel", "BertConfig", {**SMALL, **HEADS}, lambda: tokens(padding=RIGHT)),
    "t5": Family(
        "T5Model",
        "T5Config",
        {"d_model": 24, "d_kv": 6, "d_ff": 20, "num_layers": 2, "num_heads": 4, "vocab_size": 29, **TEXT},
        both,
        (("encoder_attentions", "encoder"), ("decoder_attentions", "SelfAttention"), ("cross_attentions", "EncDec")),
        sharper=1.5,
    ),
    "bart": Family("BartModel", "BartConfig", BART, both, SEQ2SEQ),
    "whisper": Family(
        "WhisperModel",
        "WhisperConfig",
        {**BART, "num_mel_bins": 8, "max_source_positions": LENGTH, "max_target_positions": 16},
        sound,
        SEQ2SEQ,
    ),
    "vit": Family("ViTModel", "ViTConfig", {**SMALL, **HEADS, **PICTURES}, picture),
    "clip": Family("CLIPVisionModel", "CLIPVisionConfig", {**SMALL, **HEADS, **PICTURES}, picture, sharper=2.0),
}


def made(family: Family) -> torch.nn.Module:
    settings = {name: value for name, value in family.settings.items() if value is not None}
    torch.manual_seed(7)
    model = getattr(transformers, family.model)(getattr(transformers, family.config)(**settings)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if any(part in name for part in ("q_proj", "query", "c_attn", ".q.", "k_proj")) and "bias" not in name:
                parameter.mul_(family.sharper)
            if "sinks" in name:
                parameter.normal_()
    return model


def belonging(seen: rg.Recording, mark: str) -> list[str]:
    """Layers that a mark means; "decoder" means those that look at themselves."""
    if mark == "cross":
        return [name for name in seen if "encoder_attn" in name]
    if mark == "SelfAttention":
        return [name for name in seen if mark in name and name.startswith("decoder")]
    return [name for name in seen if (mark in name or name.startswith(mark)) and "encoder_attn" not in name]


@pytest.mark.parametrize("name", FAMILIES)
@torch.no_grad()
def test_recorded_weights_are_those_of_an_eager_run(name):
    family = FAMILIES[name]
    model, inputs = made(family), family.inputs()
    if family.eager:
        model.set_attn_implementation("eager")
    plain = model(**inputs)
    with rg.record(model) as seen:
        recorded = model(**inputs)
    assert torch.equal(recorded[0], plain[0])
    assert not seen.record.unseen
    model.set_attn_implementation("eager")
    eager = model(**inputs, output_attentions=True)
    count = 0
    for attribute, mark in family.weights:
        theirs = getattr(eager, attribute)
        names = belonging(seen, mark)
        assert len(names) == len(theirs)
        for layer, expected in zip(names, theirs, strict=True):
            one = seen[layer]
            found = one.weights()
            real = expected.sum(-1) > 0
            rows = one.lse > -torch.inf
            assert torch.allclose(found[rows & real], expected[rows & real], atol=2e-6, rtol=0), layer
            assert one.proof.weights < 5e-6
            assert one.proof.sums < 5e-6
            assert one.proof.rows > 0
            # A map that is flat would agree with anything.
            assert (found.amax(-1) - found.mean(-1)).max() > 0.05
            assert one.sight.mask is None
            assert one.sight.bias is None
            count += 1
    assert count == len(seen)
