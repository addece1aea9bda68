from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from regard.look.report import report, summary, write_report
from regard.look.run import Run, Score, read_run
from regard.look.translations import Translated

EVIL = "' \"></script><img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def evil_run() -> Run:
    sample = Translated([EVIL, "</s>"], [EVIL], EVIL, EVIL, EVIL, [[0.9, 0.1]])
    log = [{"kind": "train", "step": n, "loss": 5 - n, "rate": n} for n in range(4)]
    return Run(EVIL, EVIL, log, {EVIL: [Score(EVIL, 12.345, EVIL)]}, [sample])


def test_no_text_becomes_markup_and_every_tag_is_closed():
    page, tags = report(evil_run()), Tags()
    tags.feed(page)
    assert not {"img", "script", "link"} & set(tags.found)
    assert {"svg", "table", "polyline", "details"} <= set(tags.found)
    assert tags.open == []
    assert "12.35" in page or "12.34" in page
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_run_folder_becomes_a_page_and_a_summary(tmp_path):
    (tmp_path / "config.yaml").write_text("model: small")
    lines = '{"kind": "validation", "step": 5, "BLEU": 7.5, "loss": 2.0}\n{"kind": "validation", "st'
    (tmp_path / "log.jsonl").write_text(lines)
    (tmp_path / "scores.json").write_text(
        json.dumps({"test": [{"name": "BLEU", "value": 33.3, "protocol": "tok:13a"}]})
    )
    sample = {
        "view": "translation",
        "source": [" ein", " Hund"],
        "target": [" a", " dog"],
        "reference": "a dog",
        "text": "a dog",
        "source_text": "ein Hund",
        "weights": [[0.9, 0.1], [0.2, 0.8]],
    }
    (tmp_path / "samples.json").write_text(json.dumps([sample]))
    page = write_report(tmp_path).read_text()
    assert "dog looked at Hund: 0.800" in page
    assert "BLEU on validation" in page
    assert "highest: 7.5 at step 5" in page
    assert not list(tmp_path.glob(".writing-*"))
    text = summary(tmp_path)
    assert "33.30   tok:13a" in text
    assert "a←ein  dog←Hund" in text


def test_what_is_no_run_folder_or_damaged_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a run folder: it has no config.yaml"):
        read_run(tmp_path)
    (tmp_path / "config.yaml").write_text("")
    for damaged in ("{", "[]", '{"test": [{"name": "BLEU"}]}', '{"test": [3]}'):
        (tmp_path / "scores.json").write_text(damaged)
        with pytest.raises(ValueError, match="is damaged"):
            read_run(tmp_path)
    (tmp_path / "scores.json").write_bytes(b"\xff")
    with pytest.raises(ValueError, match="is damaged"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_run_with_nothing_yet_and_one_of_odd_samples_still_have_a_page(tmp_path):
    (tmp_path / "config.yaml").write_text("")
    assert "Not scored yet" in write_report(tmp_path).read_text()
    odd = [
        Translated(["</s>"], ["</s>"], "", "", "", [[1.0]]),
        Translated(["a"], ["b"], "b", "b", "a", None),
        Translated([], ["b"], "b", "b", "a", [[]]),
        Translated(["\ud800"], ["\ud800"], "b", "b", "a", [[1.0]]),
    ]
    page = report(Run("odd", "", [{"kind": "train", "step": 1, "loss": float("nan")}], {}, odd))
    assert "does not look at single source pieces" in page
    assert page.count("<svg") == 1 + 3


def test_the_table_says_what_the_map_shows():
    sample = Translated([" ein", " Hund"], [" a", " d", "og"], "", "", "", [[0.9, 0.1], [0.2, 0.8], [0.0, 1.0]])
    page = report(Run("demo", "", [], {}, [sample]))
    rows = [row for row in page.split("<tr>") if "scope=row " in row]
    assert [row.split("auto>")[1].split("<")[0] for row in rows] == ["a", "d", "·og"]
    assert [row.split("auto>")[2].split("<")[0] for row in rows] == ["ein", "Hund", "Hund"]
    assert [row.split("number>")[1].split("<")[0] for row in rows] == ["0.90", "0.80", "1.00"]
