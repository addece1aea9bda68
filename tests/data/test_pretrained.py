"""Pretrained models from package archives, and a chapter of a book."""

import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from regard.data import moby_dick
from regard.data.pretrained import PRETRAINED, Pretrained, converted
from regard.data.sources import Official, Package


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A package archive with some files, as if it had been downloaded."""
    monkeypatch.setenv("REGARD_CACHE", str(tmp_path / "cache"))

    def made(files: dict[str, bytes]) -> Package:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as opened:
            for name, content in files.items():
                opened.writestr(name, content)

        def fetch(self, folder):
            path = folder / "x.whl"
            path.write_bytes(packed.getvalue())
            return path

        monkeypatch.setattr(Package, "fetch", fetch)
        return Package("x==1", hashlib.sha256(packed.getvalue()).hexdigest())

    return made


def test_a_folder_of_an_archive_is_a_model(archive, tmp_path):
    files = {"x/model/config.json": b"{}", "x/model/1_Pooling/config.json": b"[]", "x/__init__.py": b"", "y": b""}
    by_name = {one.name: one for one in PRETRAINED}
    folder = replace(by_name["minilm"], archive=archive(files), member="x/model/").folder()
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        "config.json",
        "1_Pooling/config.json",
    }
    assert folder.parent == tmp_path / "cache"


def test_a_model_that_cannot_be_made_leaves_nothing_but_its_archive(archive, tmp_path):
    def refuse(given, found):
        found.mkdir()
        raise ValueError(f"{[path.name for path in given.iterdir()]} cannot be read")

    model = Pretrained("x", "", "", archive({"x/m.gguf": b"1", "x/m.gguf.txt": b"2"}), "x/m.gguf", refuse)
    with pytest.raises(ValueError, match="cannot be read"):
        model.folder()
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".whl"]


def test_a_gguf_file_becomes_a_model_of_the_same_numbers(archive):
    gguf, transformers = pytest.importorskip("gguf"), pytest.importorskip("transformers")
    import torch

    shape = {"hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 1, "vocab_size": 11}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**shape, **heads)).eval()
    packed = archive({"x/tiny.gguf": _gguf(gguf, model)})
    folder = Pretrained("x", "", "", packed, "x/tiny.gguf", converted).folder()
    found = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    numbers = torch.tensor([[1, 5, 2, 7, 7]])
    with torch.no_grad():
        assert torch.allclose(found(numbers).logits, model(numbers).logits, atol=1e-6)
    assert transformers.AutoTokenizer.from_pretrained(folder)("ab")["input_ids"] == [10]


def _gguf(gguf, model) -> bytes:
    """The model as llama.cpp writes it, queries and keys in its own order."""
    config, names = (
        model.config,
        {"q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output"},
    )
    names |= {"gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down"}
    names |= {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
    writer = gguf.GGUFWriter(None, "llama")
    writer.add_block_count(1)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["<s>", *"abcdefghi", "ab"])
    writer.add_token_types([3, *[1] * 10])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    for name, tensor in model.model.state_dict().items():
        values = tensor.numpy()
        part = name.removesuffix(".weight").rpartition(".")[2]
        if part in ("q_proj", "k_proj"):
            count = config.num_attention_heads if part == "q_proj" else config.num_key_value_heads
            values = values.reshape(count, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        own = {"embed_tokens": "token_embd", "norm": "output_norm"}
        writer.add_tensor(
            f"{own[part] if part in own else f'blk.0.{names[part]}'}.weight", np.ascontiguousarray(values)
        )
    return _written(writer)


def _written(writer) -> bytes:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = f"{folder}/tiny.gguf"
        writer.write_header_to_file(path)
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with open(path, "rb") as file:
            return file.read()


def test_a_chapter_has_its_title(tmp_path, monkeypatch):
    monkeypatch.setenv("REGARD_CACHE", str(tmp_path))
    told = json.dumps({"chapter": "2", "title": "The Carpet-Bag.", "text": "I stuffed a shirt or two"}).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as opened:
        member = tarfile.TarInfo("package/data/chapter_2.json")
        member.size = len(told)
        opened.addfile(member, io.BytesIO(told))
    book = Official("https://x/book.tgz", hashlib.sha256(packed.getvalue()).hexdigest())
    (tmp_path / book.name).write_bytes(packed.getvalue())
    monkeypatch.setattr(moby_dick, "ARCHIVE", book)
    assert moby_dick.chapter(2) == "The Carpet-Bag.\n\nI stuffed a shirt or two"
    with pytest.raises(ValueError, match="from 1 to 135"):
        moby_dick.chapter(136)
