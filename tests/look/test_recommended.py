"""The picture of what drove recommendations."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from regard.look.colours import colour
from regard.look.driven import driven_svg
from regard.look.recommended import Recommended
from regard.look.report import report
from regard.look.run import Run
from regard.look.samples import sample_of
from tests.look.test_report import EVIL, Tags

FIELDS = {
    "view": "recommended",
    "user": "Ada",
    "history": ["Alien", "Heat", "Speed"],
    "earlier": 2,
    "expected": "Ronin",
    "recommended": ["Aliens", "Ronin"],
    "probabilities": [0.25, 0.125],
    "weights": [[0.5, 0.5], [0.4, 0.4], [0.004, 0.004]],
    "driven": [[0.9, 0.0], [0.096, 0.3], [-0.2, 0.004]],
}


def test_every_share_has_a_cell_of_its_colour_and_the_strongest_of_a_column_a_frame():
    read = [row[0] for row in FIELDS["weights"]]
    picture = driven_svg(FIELDS["history"], read, FIELDS["driven"], "what drove it")
    cells = re.findall(
        r'<rect class="w\d+ edge" x="([\d.]+)" y="([\d.]+)".*?fill="(#\w+)"><title>(.*?)</title>', picture
    )
    values = [value for seen, row in zip(read, FIELDS["driven"], strict=True) for value in (seen, *row)]
    assert [cell[2] for cell in cells] == [colour(value) for value in values]
    assert len({cell[0] for cell in cells}) == 3
    assert len({cell[1] for cell in cells}) == 3
    assert cells[0][3] == "“Alien” was read with 0.500"
    assert cells[1][3] == "recommendation 1 without “Alien”: -90%"
    assert cells[7][3] == "recommendation 1 without “Speed”: +20%"
    # 0.004 and 0 are too little to be written down.
    assert re.findall(r'class="value v\d+".*?>(-?\d+)<', picture) == ["50", "90", "40", "10", "30", "-20"]
    frames = re.findall(r'class="strongest".*? d="M([\d.]+) ([\d.]+)h', picture)
    assert frames == [cells[0][:2], cells[1][:2], cells[5][:2]]
    assert 'aria-label="what drove it"' in picture


def test_a_user_without_history_has_an_empty_picture():
    assert "<rect" not in driven_svg([], [], [], "nothing")
    one = sample_of({**FIELDS, "history": [], "weights": [], "driven": []})
    assert "0.250 Aliens" in "\n".join(one.lines())
    assert "<h3>User Ada</h3>" in one.article(1)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="history has 2 items, read 1 numbers"):
        driven_svg(["a", "b"], [0.5], [[0.1], [0.2]], "")
    with pytest.raises(ValueError, match="all rows of one length"):
        driven_svg(["a", "b"], [0.5, 0.5], [[0.1], [0.2, 0.3]], "")
    with pytest.raises(ValueError, match="not a finite number"):
        driven_svg(["a"], [0.5], [[float("nan")]], "")


def test_no_text_becomes_markup_and_every_tag_is_closed():
    evil = replace(sample_of(FIELDS), user=EVIL, history=[EVIL] * 3, expected=EVIL, recommended=[EVIL, "Ronin"])
    page, tags = report(Run("run", "", [], {}, [evil])), Tags()
    tags.feed(page)
    assert not {"img", "script", "link"} & set(tags.found)
    assert {"svg", "rect", "ol"} <= set(tags.found)
    assert tags.open == []


def test_a_sample_is_told_on_the_page_and_on_the_terminal():
    one = sample_of(FIELDS)
    assert isinstance(one, Recommended)
    page = report(Run("run", "", [], {}, [one]))
    assert "<h2>Recommendations</h2>" in page
    assert "Ronin <code>0.125</code><span class=taken> ← taken next</span>" in page
    assert page.count("← taken next") == 1
    assert "2 items were read before these" in page
    assert one.lines() == [
        "user       Ada, who took Alien · Heat · Speed",
        "next       Ronin",
        "ours       0.250 Aliens  (without Alien: -90%)",
        "           0.125 Ronin  (without Heat: -30%)",
    ]
