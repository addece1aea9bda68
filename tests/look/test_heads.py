"""Maps of heads: every weight has its place and its words, everything fits, and no text becomes markup."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as some

from regard.look.heads import distance, heads_svg
from regard.look.report import report
from regard.look.run import Run
from regard.look.samples import sample_of
from regard.look.writings import Written
from tests.look.test_report import EVIL, Tags

SVG = "{http://www.w3.org/2000/svg}"
LEFT = [[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.005, 0.195, 0.8]]
EVEN = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.3, 0.3, 0.4]]


def drawn(tokens, weights):
    return ElementTree.fromstring(heads_svg(tokens, weights, "heads"))


def heads(picture):
    return picture.findall(f"{SVG}g")


def test_every_head_has_its_place_and_every_weight_its_words():
    picture = drawn(["a", " ", "\n"], [[LEFT, EVEN], [EVEN, LEFT]])
    names = [head.find(f"{SVG}text[@class='name']").text for head in heads(picture)]
    assert names == ["layer 1, head 1", "layer 1, head 2", "layer 2, head 1", "layer 2, head 2"]
    corners = [head.get("transform")[len("translate(") : -1].split() for head in heads(picture)]
    across, down = {float(x) for x, _y in corners}, {float(y) for _x, y in corners}
    assert (len(across), len(down)) == (2, 2)
    assert corners[1][1] == corners[0][1]
    assert corners[2][0] == corners[0][0]
    told = [title.text for title in heads(picture)[0].iter(f"{SVG}title")]
    assert told == [
        "a at 1 looked at a at 1: 1.00",
        "␣ at 2 looked at a at 1: 0.90",
        "␣ at 2 looked at ␣ at 2: 0.10",
        "↵ at 3 looked at ␣ at 2: 0.20",
        "↵ at 3 looked at ↵ at 3: 0.80",
    ]


def test_cells_of_a_column_stand_below_each_other_and_rows_follow_the_text():
    found = [
        cell for row in heads(drawn("abc", [[EVEN]]))[0].findall(f"{SVG}g") for cell in row.findall(f"{SVG}rect")
    ]
    places = [(float(cell.get("x")), float(cell.get("y"))) for cell in found]
    size = float(found[0].get("width"))
    left, top = places[0]
    assert places == [(left + to * size, top + at * size) for at in range(3) for to in range(at + 1)]


def test_distance_is_the_mean_of_how_far_each_place_looks():
    assert distance(LEFT) == pytest.approx((0 + 0.9 + 0.01 + 0.195) / 3)
    assert distance([]) == 0.0
    assert "0.4 away" in heads_svg("abc", [[LEFT]], "")


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"a head of 2 rows of \[2\] numbers, expected 3 rows of 3"):
        heads_svg("abc", [[[[1.0, 0.0], [0.5, 0.5]]]], "")
    with pytest.raises(ValueError, match="not a finite number"):
        heads_svg("a", [[[[float("nan")]]]], "")


tokens = some.lists(some.text(some.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=30), max_size=12)


@given(tokens, some.integers(1, 3), some.integers(1, 5))
def test_everything_lies_within_the_picture_and_no_text_becomes_markup(names, layers, count):
    width = len(names)
    rows = [[1 / width] * width for _ in names]
    picture = drawn(names, [[rows] * count] * layers)
    wide, high = float(picture.get("width")), float(picture.get("height"))
    for head in heads(picture):
        x, y = map(float, head.get("transform")[len("translate(") : -1].split())
        for cell in head.iter(f"{SVG}rect"):
            assert 0 <= x + float(cell.get("x")) <= x + float(cell.get("x")) + float(cell.get("width")) <= wide
            assert 0 <= y + float(cell.get("y")) <= y + float(cell.get("y")) + float(cell.get("height")) <= high
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= {"svg", "g", "rect", "title", "text"}


def test_twenty_characters_and_four_heads_fit_on_a_page_and_can_be_read():
    picture = drawn(list("abcdefghijklmnopqrst"), [[[[0.05] * 20] * 20] * 4] * 4)
    assert float(picture.get("width")) <= 1080
    assert float(picture.get("font-size")) >= 11


def test_a_written_text_is_a_page_and_a_few_lines():
    fields = {
        "view": "heads",
        "prompt": EVIL,
        "text": f"{EVIL}\nnext",
        "reference": EVIL,
        "tokens": [EVIL, "b", "c"],
        "weights": [[LEFT, EVEN], [LEFT, EVEN]],
    }
    sample = sample_of(fields)
    assert isinstance(sample, Written)
    page, tags = report(Run("run", "", [], {}, [sample])), Tags()
    tags.feed(page)
    assert not {"img", "script"} & set(tags.found)
    assert tags.open == []
    assert "\nnext</dd>" in page
    assert sample.lines()[-1].startswith("looked at  c 0.80  c 0.40")
    assert all("\n" not in line for line in sample.lines())
