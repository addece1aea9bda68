"""regard look RECORD and MODEL: the page served or as a file, and figures."""

import json
import re

import pytest

from regard.cli import main
from regard.look.record import load_record
from tests.look.recorded import recorded


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records") / "mine"
    recorded(23).save(folder)
    return folder


def test_a_record_becomes_one_file(folder, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["look", str(folder), "--html", str(page), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"page": str(page), "bytes": page.stat().st_size, "heads": 6, "left_out": 0}
    assert main(["look", str(folder), "--html", str(page), "--mebibytes", "0"]) == 2
    assert "one head needs" in capsys.readouterr().err
    assert page.stat().st_size == told["bytes"]


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_a_figure_says_inside_what_it_is_of(folder, tmp_path, kind):
    path = tmp_path / f"head.{kind}"
    part = ["--head", "0.3", "--queries", "2:9", "--keys", ":7"]
    asked = ["look", str(folder), "--figure", str(path), *part]
    assert main(asked) == 0
    inside = path.read_bytes().replace(b"\\(", b"(").replace(b"\\)", b")").replace(b"&quot;", b'"')
    assert b'"attention": "own"' in inside
    assert b'"head": 3' in inside
    assert b'"queries": [2, 9]' in inside
    before = path.read_bytes()
    assert main(asked) == 0
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


WRONG = {
    "--figure a.jpg": "expected a name that ends in .svg, .pdf or .png",
    "--figure a.svg --head 7.0": "expected LAYER.HEAD with LAYER below 2",
    "--figure a.svg --head 1.2": "expected LAYER.HEAD",
    "--figure a.svg --queries 0:99": "queries is 0:99, expected neighbours within 0:23",
    "--figure a.svg --keys 1-2": "--keys is '1-2', expected FIRST:END",
    "--port x": "--port is 'x', expected a number",
    "--port 70000": "port is 70000",
    "--host 0.0.0.0": "every address of this machine",
    "--text": "--text is for runs and models",
}


@pytest.mark.parametrize("options", WRONG)
def test_a_wrong_option_says_what_was_expected(folder, options, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["look", str(folder), *options.split()]) == 2
    assert WRONG[options] in capsys.readouterr().err


def test_the_page_is_served_where_it_says(folder, capsys, monkeypatch):
    ran = []
    monkeypatch.setattr("regard.cli.look_record.stopped_by", lambda run: ran.append(run.__self__))
    assert main(["look", str(folder)]) == 0
    assert re.fullmatch(r"page: http://127\.0\.0\.1:\d+/\?token=[\w-]{43}\n", capsys.readouterr().out)
    (serving,) = ran
    assert serving.listening.getsockname()[0] == "127.0.0.1"
    serving.listening.close()


def test_a_run_keeps_its_report(tmp_path, capsys):
    assert main(["look", str(tmp_path), "--html", "page.html"]) == 2
    assert "--html is for records and models" in capsys.readouterr().err


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder with a tiny model and its tokenizer."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "what", "matters", "now", "is", "was", "said"]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")
    folder = tmp_path_factory.mktemp("models") / "tiny"
    fast.save_pretrained(folder)
    config = transformers.GPT2Config(vocab_size=7, n_positions=32, n_embd=16, n_layer=2, n_head=2)
    transformers.GPT2Model(config).save_pretrained(folder)
    return folder


def test_a_model_reads_a_text(model, tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("what matters now is what was said ever", encoding="utf-8")
    asked = ["look", str(model), "--text", str(text)]
    assert main([*asked, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] > 1000
    page, saved = tmp_path / "page.html", tmp_path / "record"
    assert main([*asked, "--tokens", "7", "--save", str(saved), "--html", str(page)]) == 0
    assert "4 heads" in capsys.readouterr().out
    tokens = load_record(saved).layers[0].key_tokens
    assert tokens == ("what", "matters", "now", "is", "what", "was", "said")


def test_a_pretrained_model_reads_a_chapter(model, tmp_path, capsys, monkeypatch):
    class Known:
        name = "smollm2"

        def folder(self):
            return model

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("regard.cli.look.PRETRAINED", (Known(),))
    monkeypatch.setattr("regard.cli.look_model.chapter", lambda number: f"what was said {number}")
    page = tmp_path / "page.html"
    assert main(["look", "smollm2", "--html", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["heads"] == 4
    assert "what" in page.read_text(encoding="utf-8")
    (tmp_path / "smollm2").mkdir()
    assert main(["look", "smollm2"]) != 0
