"""A head that reads something else, against hooks on a model's own projections; what is measured and kept of it."""

from __future__ import annotations

import json

import pytest
import torch

from regard.cli import main
from regard.look.measured import Finding, Measured, Protocol, Trusted, load_measured
from regard.look.measuring import measure, those_that_read
from regard.look.record import load_record
from regard.look.views import views_of
from tests.look.recorded import recorded

transformers = pytest.importorskip("transformers", reason="models of Hugging Face need regard[hf]")
from regard.look.rereading import rereader  # noqa: E402

SMALL = Protocol(passages=3, tokens=7, shares=(0.2, 0.5), orders=3, shuffles=5)
FOUND = Finding(0.1, 0.05, 0.15, 0.02, 0.3, 0.25)
MEASURED = Measured("tiny", 3, SMALL, (Trusted("own", 1, {"comprehensiveness": FOUND}),))


def llama():
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=29, hidden_size=20, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=6, initializer_range=0.4,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


def hooked(model, layer, head, tokens, row):
    """The next token's probabilities where a head's last context is replaced before the output's projection."""
    attention, values = model.model.layers[layer].self_attn, []

    def keep(_module, _given, made):
        values.append(made.unflatten(-1, (2, 6)))

    def replace(_module, given):
        context = given[0].clone()
        context[0, -1, head * 6 : head * 6 + 6] = row @ values[-1][0, :, head // 2]
        return (context,)

    handles = [attention.v_proj.register_forward_hook(keep), attention.o_proj.register_forward_pre_hook(replace)]
    with torch.no_grad():
        found = model(tokens[None]).logits[0, -1].softmax(-1)
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize(("layer", "head"), [(0, 1), (1, 2), (2, 3)])
def test_a_head_reads_what_it_is_told(layer, head):
    model, tokens = llama(), torch.tensor([5, 28, 3, 11, 11, 7, 2])
    row = torch.tensor([0.0, 0.5, 0.0, 0.25, 0.0, 0.0, 0.25])
    with torch.no_grad():
        plain = model(tokens[None]).logits[0, -1].softmax(-1)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        eager = model.model(tokens[None], output_attentions=True).attentions
    module = model.model.layers[layer].self_attn
    with rereader(model) as again:
        passage = again.passage(tokens)
        torch.testing.assert_close(passage.answer, plain, atol=1e-5, rtol=0)
        own = passage.weights(module, head)
        torch.testing.assert_close(own, eager[layer][0, head, -1], atol=1e-5, rtol=0)
        read = passage.reading(module, head)
        torch.testing.assert_close(read(own), plain, atol=1e-5, rtol=0)
        changed, gradient = read(row), passage.gradient(module, head)
        torch.testing.assert_close(read(own), plain, atol=1e-5, rtol=0)
        step = torch.zeros(7)
        step[3] = 1e-2
        best = int(plain.argmax())
        slope = (read(own + step)[best] - read(own - step)[best]) / 2e-2
    torch.testing.assert_close(changed, hooked(model, layer, head, tokens, row), atol=1e-5, rtol=0)
    assert (changed - plain).abs().max() > 1e-3
    assert float(gradient[3]) == pytest.approx(float(slope), rel=0.05, abs=1e-4)
    assert model.config._attn_implementation == "eager"


def test_a_model_that_reads_both_ways_is_refused():
    config = transformers.BertConfig(
        vocab_size=29, hidden_size=20, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24
    )
    model = transformers.BertForMaskedLM(config).eval()
    with pytest.raises(ValueError, match="BertForMaskedLM, in which a token reads what comes after"), rereader(model):
        pass


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("model")
    words = Tokenizer(models.WordLevel({f"w{at}": at for at in range(29)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="w0").save_pretrained(folder)
    llama().save_pretrained(folder)
    return folder


TEXT = " ".join(f"w{at * at % 29}" for at in range(23))


def test_measures_have_bounds_and_intervals(model):
    lines = []
    heads = [("layers.0.self_attn", 1), ("layers.2.self_attn", 3)]
    found = measure(str(model), TEXT, heads, SMALL, lines.append)
    assert (found.passages, [(one.layer, one.head) for one in found.heads]) == (3, heads)
    assert lines == [f"head {head} of {path}: {at} of 2, 3 passages" for at, (path, head) in enumerate(heads, 1)]
    for one in found.heads:
        erased, alone, agreed, dealt = (
            one.findings[name] for name in ("comprehensiveness", "sufficiency", "agreement", "permutation")
        )
        assert erased.best > erased.random
        assert alone.best < alone.random
        assert all(each.low <= each.mean <= each.high for each in one.findings.values())
        assert agreed.random == 0
        assert -1 <= agreed.best <= 1
        assert dealt.random is dealt.best is dealt.chance is None
        assert all(0.25 <= each.chance <= 1 for each in (erased, alone, agreed))  # three passages: at least 2 / 8
    assert measure(str(model), TEXT, heads, SMALL) == found
    with pytest.raises(ValueError, match="text has 2 tokens, expected at least 3"):
        measure(str(model), "w1 w2", heads, SMALL)
    with pytest.raises(ValueError, match="head is 4, which no attention"):
        measure(str(model), TEXT, [("layers.0.self_attn", 4)], SMALL)


def test_a_model_without_its_last_layer_is_refused(tmp_path, model):
    for file in model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    llama().model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"has no lm_head.weight; expected a model that writes"):
        measure(str(tmp_path), TEXT, [("layers.0.self_attn", 0)], SMALL)


def test_heads_that_read_are_chosen():
    views = views_of(recorded(31))
    chosen = those_that_read(views, 2)
    sink = {
        (one.name, head): views.overview(place).sink_mass[head]
        for place, one in enumerate(views.record.layers)
        for head in range(one.heads)
    }
    assert set(chosen) == set(sorted(sink, key=sink.get)[:2])


def test_it_is_kept_beside_the_record(tmp_path):
    folder = tmp_path / "mine"
    with pytest.raises(FileNotFoundError, match=r"it has no record.json"):
        MEASURED.save(folder)
    recorded(7).save(folder)
    assert load_measured(folder) is None
    MEASURED.save(folder)
    assert load_measured(folder) == MEASURED
    assert [one.name for one in load_record(folder).layers] == ["own", "other"]
    recorded(7).save(folder)
    assert load_measured(folder) is None  # another record has not been measured
    MEASURED.save(folder)
    for damaged in ("{", "[]", '{"format": 2}', json.dumps({**MEASURED.told(), "heads": [{"layer": "own"}]})):
        (folder / "faithfulness.json").write_text(damaged, encoding="utf-8")
        with pytest.raises(ValueError, match=r"faithfulness.json cannot be read: .*Measure again, or remove it"):
            load_measured(folder)


def test_the_command_measures_and_keeps(tmp_path, model, capsys, monkeypatch):
    monkeypatch.setattr("regard.cli.look_model.measure", lambda *given, **_: MEASURED)
    text, saved, page = (tmp_path / name for name in ("text.txt", "record", "page.html"))
    text.write_text(TEXT, encoding="utf-8")
    asked = ["look", str(model), "--text", str(text), "--faithfulness", "--html", str(page)]
    assert main([*asked, "--save", str(saved)]) == 0
    assert load_measured(saved) == MEASURED
    assert '"measured":{"format":1,"model":"tiny"' in page.read_text(encoding="utf-8")
    assert main(["look", str(saved), "--html", str(page)]) == 0
    assert '"measured":{"format":1' in page.read_text(encoding="utf-8")
    assert main([*asked, "--head", "0.1,9.0"]) == 2
    assert "--head is '9.0', expected LAYER.HEAD with LAYER below 3" in capsys.readouterr().err
    assert main(["look", str(saved), "--faithfulness"]) == 2
    assert "look MODEL --text FILE --faithfulness --save RECORD" in capsys.readouterr().err
