from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

from regard.look.colours import luminance
from regard.look.passages import Passage
from regard.look.report import report, summary
from regard.look.run import Run
from tests.look.test_report import EVIL, Tags

TEXT = "Fine <b>day</b>. & dull night"


def passage(text: str = TEXT) -> Passage:
    sentences = [
        {"weight": 0.75, "words": [(0, 4, 0.8), (8, 11, 0.2)]},
        {"weight": 0.25, "words": [(19, 23, 1.0), (24, 29, 0.0)]},
    ]
    return Passage(text, "good", "bad", {"good": 0.875, "bad": 0.125}, sentences)


def shown(page: str) -> str:
    """The text of the shaded paragraph, without its markup."""
    inside = re.search(r"<p class=passage dir=auto>(.*?)</p>", page, re.DOTALL)
    assert inside is not None
    bare = re.sub(r"<[^>]*>", "", inside[1])
    return bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_all_of_the_text_is_there_as_text():
    page = passage().article(1)
    assert shown(page) == TEXT
    assert "<b>" not in page


def test_shades_follow_the_shares_of_the_whole_text():
    page = passage().article(1)
    strengths = re.findall(r"class='([\w ]+)' style='--strength:([\d.]+)' title='([\d.]+)'>([^<]*)<", page)
    assert [(word, float(share)) for _kind, _strength, share, word in strengths] == [
        ("Fine", 60.0),
        ("day", 15.0),
        ("dull", 25.0),
    ]
    assert [float(strength) for _kind, strength, _share, _word in strengths] == [
        1.0,
        pytest.approx(0.25**0.7, abs=0.006),
        pytest.approx((0.25 / 0.6) ** 0.7, abs=0.006),
    ]
    assert [kind for kind, *_others in strengths] == ["word most", "word", "word"]
    assert page.count("class=share") == 2


def test_a_page_with_texts_escapes_everything_and_closes_every_tag():
    evil = Passage(EVIL, EVIL, EVIL + "'", {EVIL: 1.0}, [{"weight": 1.0, "words": [(0, len(EVIL), 1.0)]}])
    page, tags = report(Run("mine", "model", [], {}, [evil, passage()])), Tags()
    tags.feed(page)
    assert not {"img", "script", "b"} & set(tags.found)
    assert tags.open == []
    assert "not as labelled" in page


def test_lines_name_the_strongest_words():
    assert passage().lines() == [
        f"text       {TEXT}",
        "label      bad",
        "ours       good (88 %)",
        "looked at  Fine 60  dull 25  day 15",
    ]


def test_a_text_without_words_is_shown_and_words_outside_of_it_are_refused():
    empty = Passage("", "good", "bad", {"good": 1.0}, [])
    assert "class=passage" in empty.article(1)
    assert empty.lines()[-1].startswith("ours")
    with pytest.raises(ValueError, match="a word is at 19 to 23 of a text of 20"):
        passage(TEXT[:20]).article(1)


def test_a_run_folder_with_texts_is_told(tmp_path):
    (tmp_path / "config.yaml").write_text("model: small")
    one = passage()
    fields = {name: getattr(one, name) for name in ("text", "label", "true", "probabilities", "sentences")}
    (tmp_path / "samples.json").write_text(json.dumps([{"view": "passage", **fields}]))
    assert "looked at  Fine 60  dull 25  day 15" in summary(tmp_path)


def blended(shade: list[int], ground: str, strength: float) -> str:
    under = [int(ground[place : place + 2], 16) for place in (1, 3, 5)]
    mixed = [round(strength * a + (1 - strength) * b) for a, b in zip(shade, under, strict=True)]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def test_the_ink_reads_well_on_every_shade_light_and_dark():
    style = files("regard.look").joinpath("report.css").read_text(encoding="utf-8")
    papers, inks = re.findall(r"--paper: (#\w+)", style), re.findall(r"--ink: (#\w+)", style)
    shades = [[int(part) for part in found.split()] for found in re.findall(r"--shade: ([\d ]+);", style)]
    assert len(papers) == len(inks) == len(shades) == 2
    for paper, ink, shade in zip(papers, inks, shades, strict=True):
        for step in range(11):
            under, over = sorted((luminance(blended(shade, paper, step / 10)), luminance(ink)))
            assert (over + 0.05) / (under + 0.05) >= 4.5
