from __future__ import annotations

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from regard.look.alignment import alignment_svg, colour, shown
from regard.look.curves import curve_svg, ticks
from regard.look.report import Run, Sample, read_run, report, summary, write_report

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "</script><img src=x onerror=alert(1)>"


def test_every_cell_has_its_place_its_value_and_its_words():
    weights = [[0.1, 0.7, 0.2], [0.05, 0.05, 0.9]]
    drawn = ElementTree.fromstring(alignment_svg(["一", "قطة", "</s>"], [" the", " cat"], weights, "map"))
    cells = drawn.findall(f"{SVG}rect")
    assert len(cells) == 6
    assert [cell.find(f"{SVG}title").text for cell in cells][1] == "the looked at قطة: 0.700"
    assert [cell.get("class") for cell in cells] == [None, "strongest", None, None, None, "strongest"]
    columns = {cell.get("x") for cell in cells}
    assert len(columns) == 3
    assert {text.text for text in drawn.findall(f"{SVG}text")} == {"一", "قطة", "⏎", "the", "cat"}


def test_weights_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"weights has 1 rows of \[2\] numbers, expected 1 rows .* of 3"):
        alignment_svg(["a", "b", "c"], ["x"], [[0.5, 0.5]], "map")


def test_more_weight_is_always_darker():
    def brightness(weight: float) -> float:
        code = colour(weight)
        red, green, blue = (int(code[place : place + 2], 16) for place in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    steps = [brightness(place / 50) for place in range(51)]
    assert all(one > other for one, other in zip(steps, steps[1:], strict=False))


@pytest.mark.parametrize(("low", "high"), [(0.3, 9.2), (5, 5), (-3, 1e6), (0.0012, 0.0019)])
def test_ticks_enclose_their_span(low, high):
    found = ticks(low, high)
    assert found[0] <= low <= high <= found[-1]
    assert 2 <= len(found) <= 8


def test_a_curve_names_its_units_and_ends_at_its_last_point():
    drawn = ElementTree.fromstring(curve_svg([(1, 5.0), (2, 3.0), (3, 1.0)], "loss", "step", "nats a piece"))
    assert {"step", "nats a piece", "loss"} <= {text.text for text in drawn.findall(f"{SVG}text")}
    assert len(drawn.find(f"{SVG}polyline").get("points").split()) == 3
    with pytest.raises(ValueError, match="points is empty"):
        curve_svg([], "loss", "step", "nats")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def evil_run() -> Run:
    sample = Sample([EVIL, "</s>"], [EVIL], EVIL, EVIL, EVIL, [[0.9, 0.1]])
    log = [{"kind": "train", "step": n, "loss": 5 - n} for n in range(4)]
    scores = {"test": [{"name": EVIL, "value": 12.345, "protocol": EVIL}]}
    return Run(EVIL, EVIL, log, scores, [sample])


def test_no_text_becomes_markup_and_every_tag_is_closed():
    page, tags = report(evil_run()), Tags()
    tags.feed(page)
    assert not {"img", "script"} & set(tags.found)
    assert tags.open == []
    assert "12.35" in page or "12.34" in page
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_run_folder_becomes_a_page_and_a_summary(tmp_path):
    (tmp_path / "config.yaml").write_text("model: small")
    (tmp_path / "log.jsonl").write_text('{"kind": "validation", "step": 5, "bleu": 7.5, "loss": 2.0}\n')
    (tmp_path / "scores.json").write_text(
        json.dumps({"test": [{"name": "BLEU", "value": 33.3, "protocol": "tok:13a"}]})
    )
    sample = {
        "source": [" ein", " Hund"],
        "target": [" a", " dog"],
        "reference": "a dog",
        "text": "a dog",
        "source_text": "ein Hund",
        "weights": [[0.9, 0.1], [0.2, 0.8]],
    }
    (tmp_path / "samples.json").write_text(json.dumps([sample]))
    page = write_report(tmp_path).read_text()
    assert page.count("<rect") == 4
    assert "Validation BLEU" in page
    text = summary(tmp_path)
    assert "33.30   tok:13a" in text
    assert "a←ein  dog←Hund" in text


def test_what_is_no_run_folder_or_damaged_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a run folder: it has no config.yaml"):
        read_run(tmp_path)
    (tmp_path / "config.yaml").write_text("")
    (tmp_path / "scores.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        read_run(tmp_path)


def test_the_end_and_a_space_can_be_seen():
    assert (shown("</s>"), shown(" "), shown(" dog")) == ("⏎", "␣", "dog")
