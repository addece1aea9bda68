"""The five lines that lead from a model of Hugging Face to a picture, run as the page shows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from regard.look.picture import picture
from tests.look.test_rollout import recorded

PAGE = Path(__file__).parents[2] / "docs" / "looking.md"


def five_lines() -> str:
    block = re.search(r":name: five-lines\n\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    return block[1]


def test_five_lines_lead_from_hugging_face_to_a_picture(tmp_path, monkeypatch):
    transformers = pytest.importorskip("transformers", reason="models of Hugging Face need regard[hf]")
    config = transformers.GPT2Config(n_embd=16, n_layer=3, n_head=2, vocab_size=29)

    class Tokenizer:
        """Words by their length, since the real one would have to be fetched."""

        def __call__(self, text: str, return_tensors: str) -> object:
            self.words = text.split()
            ids = torch.tensor([[len(word) for word in self.words]])
            return transformers.BatchEncoding({"input_ids": ids})

        def convert_ids_to_tokens(self, ids: torch.Tensor) -> list[str]:
            return self.words

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", lambda name: transformers.GPT2Model(config).eval())
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", lambda name: Tokenizer())
    monkeypatch.chdir(tmp_path)
    lines = five_lines()
    assert len(lines.strip().splitlines()) == 5
    exec(compile(lines, str(PAGE), "exec"), {})
    drawn = (tmp_path / "seen.svg").read_text()
    assert drawn.count('class="head"') == 4
    assert "matters" in drawn


def test_a_picture_of_what_is_not_there_or_too_large_is_refused():
    record = recorded()
    assert picture(record, ["1"]).count('class="head"') == 3
    with pytest.raises(ValueError, match=r"layers is \['x'\], expected some of: 0, 1, 2, 3"):
        picture(record, ["x"])
    with pytest.raises(ValueError, match="expected a self-attention of at most 100 tokens"):
        picture(recorded(length=101), ["1"])
