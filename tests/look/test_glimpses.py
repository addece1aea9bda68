from __future__ import annotations

import math
import re

import pytest

from regard.look.colours import colour, ink
from regard.look.glimpse_svg import glimpse_svg, grey
from regard.look.glimpses import Glimpsed
from regard.look.report import report
from regard.look.run import Run
from regard.look.samples import sample_of
from tests.look.test_report import EVIL, Tags

# Five columns and three rows, so that a turned picture would show; 60 pixels of the screen for each.
PIXELS = [[0, 255, 255, 0, 0], [0, 0, 128, 0, 0], [9, 0, 0, 0, 255]]
FIELDS = {
    "view": "glimpses",
    "pixels": PIXELS,
    "label": "three",
    "true": "five",
    "probabilities": {"three": 0.75, "five": 0.25},
    "middles": [[1.5, 0.5], [4.0, 2.5]],
    "crops": [[[0, 255], [255, 0]], [[0, 0], [0, 128]]],
}


def drawn() -> str:
    return glimpse_svg(PIXELS, FIELDS["middles"], FIELDS["crops"], FIELDS["probabilities"], "a path")


def test_squares_stand_where_was_looked_and_are_as_large_as_what_was_seen():
    (ground,) = re.findall(r'<rect class="edge" x="([\d.]+)" y="([\d.]+)" width="300" height="180"', drawn())
    left, top = (float(number) for number in ground)
    squares = re.findall(r'class="glimpse" x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)"[^>]*><title>(.*?)<', drawn())
    assert len(squares) == 2
    for number, (middle, (x, y, side, says)) in enumerate(zip(FIELDS["middles"], squares, strict=True), start=1):
        assert float(side) == 120
        assert float(x) == pytest.approx(left + middle[0] * 60 - 60)
        assert float(y) == pytest.approx(top + middle[1] * 60 - 60)
        assert says == f"glimpse {number}, around column {middle[0]:.1f} and row {middle[1]:.1f}"
    # Nothing hangs out of the picture's own frame.
    assert min(float(one[0]) for one in squares) >= 0
    assert min(float(one[1]) for one in squares) >= 0


def test_order_is_told_by_number_and_by_shade():
    badges = re.findall(
        r'<circle class="w(\d+) strongest".*?fill="(#\w+)".*?<text.*?fill="(#\w+)".*?>(\d)</text>', drawn()
    )
    path = badges[:2]
    assert [one[3] for one in path] == ["1", "2"]
    assert [one[1] for one in path] == [colour(0.25), colour(1.0)]
    assert [one[2] for one in path] == [ink(colour(0.25)), ink(colour(1.0))]
    assert badges[2:] == path  # beside the small pictures
    (line,) = re.findall(r"<polyline[^>]*points=\"(.*?)\"", drawn())
    assert len(line.split()) == 2


def test_pixels_are_ink_in_proportion_to_their_grey():
    found = grey(PIXELS, 0, 0, 1)
    paths = re.findall(r'fill-opacity="([\d.]+)" d="(.*?)"', found)
    assert paths == [
        ("0.0625", "M0 2h1v1h-1z"),
        ("0.5", "M2 1h1v1h-1z"),
        ("1", "M1 0h2v1h-2zM4 2h1v1h-1z"),
    ]


def test_classes_stand_by_their_odds_and_at_most_ten():
    bars = re.findall(r'class="bar".*?width="([\d.]+)".*?<text.*?>([\d.]+) %<', drawn())
    assert [float(odd) for _width, odd in bars] == [75.0, 25.0]
    assert float(bars[0][0]) == pytest.approx(3 * float(bars[1][0]))
    many = {str(number): 1 / 30 for number in range(30)}
    assert glimpse_svg(PIXELS, [], [], many, "").count('class="bar"') == 10


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"pixels has 2 rows of \[1, 2\]"):
        glimpse_svg([[1], [1, 2]], [], [], {}, "")
    with pytest.raises(ValueError, match="crops has 0 pictures, expected 1"):
        glimpse_svg([[1]], [(0.0, 0.0)], [], {}, "")
    with pytest.raises(ValueError, match="a number that is not finite"):
        glimpse_svg([[1]], [(math.nan, 0.0)], [[[1]]], {}, "")


def test_no_text_becomes_markup_and_every_tag_is_closed():
    evil = Glimpsed([[1]], EVIL, EVIL, {EVIL: 1.0}, [(0.5, 0.5)], [[[1]]])
    page, tags = report(Run("run", "", [], {}, [evil])), Tags()
    tags.feed(page)
    assert not {"img", "script", "link"} & set(tags.found)
    assert {"svg", "rect", "circle", "polyline"} <= set(tags.found)
    assert tags.open == []


def test_a_sample_of_a_run_is_told_on_the_page_and_on_the_terminal():
    sample = sample_of(FIELDS)
    assert isinstance(sample, Glimpsed)
    page = report(Run("run", "", [], {}, [sample]))
    assert "<h2>Pictures</h2>" in page
    assert "three (75 %) <strong class=wrong>✗ not as labelled</strong>" in page
    assert sample.lines() == [
        "label      five",
        "ours       three (75 %)",
        "looked at  1 (2, 0)  2 (4, 2)",
    ]
    assert "after glimpses at 1 (2, 0)  2 (4, 2)." in page
