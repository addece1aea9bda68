from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as some

from regard.look.lattice import Lattice, lattice_svg
from regard.look.tagged import TaggedSentence

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "<b>\"'&"
MADE = Lattice(
    ["the", EVIL, "barks"],
    ["DET", "NOUN", "VERB"],
    [[0.9, 0.002, 0.0], [0.1, 0.598, 0.3], [0.0, 0.4, 0.7]],
    ["DET", "NOUN", "VERB"],
    ["DET", "VERB", "VERB"],
    [[0.0, 1.26, -1.0], [-0.5, 0.25, -0.04], [2.0, 0.0, 0.0]],
)


def drawn(lattice):
    return ElementTree.fromstring(lattice_svg(lattice, "map"))


def titles(parts):
    return [part.find(f"{SVG}title").text for part in parts]


def test_probable_tags_are_cells_and_the_path_is_told_with_its_transitions():
    picture = drawn(MADE)
    cells = list(picture.iter(f"{SVG}rect"))
    assert titles(cells) == [
        "the is DET: 0.900",
        "the is NOUN: 0.100",
        f"{EVIL} is NOUN: 0.598, wrong",
        "barks is NOUN: 0.300",
        f"{EVIL} is VERB: 0.400, the true tag",
        "barks is VERB: 0.700",
    ]
    assert [cell.get("stroke-dasharray") is not None for cell in cells] == [False] * 4 + [True, False]
    assert ["strongest" in cell.get("class") for cell in cells] == [True, False, True, False, False, True]
    ways = [part for part in picture.iter(f"{SVG}path") if part.get("class") == "line0"]
    assert titles(ways) == ["NOUN after DET: +1.26", "VERB after NOUN: -0.04"]
    assert [text.text for text in picture.iter(f"{SVG}text") if text.get("class") == "tick"] == [
        "transition",
        "+1.3",
        "+0.0",
    ]


def test_lines_go_from_the_cell_of_a_tag_to_that_of_the_next():
    picture = drawn(MADE)
    framed = [cell for cell in picture.iter(f"{SVG}rect") if "strongest" in cell.get("class")]
    middles = [float(cell.get("y")) + float(cell.get("height")) / 2 for cell in framed]
    ends = [(float(c.get("x")), float(c.get("x")) + float(c.get("width"))) for c in framed]
    for place, way in enumerate(part for part in picture.iter(f"{SVG}path") if part.get("class") == "line0"):
        start, stop = (tuple(map(float, end.split())) for end in way.get("d")[1:].split("L"))
        assert start == (ends[place][1], middles[place])
        assert stop == (ends[place + 1][0], middles[place + 1])


names = some.text(some.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)


@given(some.lists(names, max_size=20), some.lists(names, min_size=1, max_size=7, unique=True), some.data())
def test_everything_lies_within_the_picture_and_no_text_becomes_markup(words, states, data):
    path = [data.draw(some.sampled_from(states)) for _word in words]
    rows, square = [[0.5] * len(words) for _ in states], [[-1.0] * len(states) for _ in states]
    picture = drawn(Lattice(words, states, rows, path, [], square))
    _left, _top, wide, high = map(float, picture.get("viewBox").split())
    for cell in picture.iter(f"{SVG}rect"):
        assert 0 <= float(cell.get("x")) <= float(cell.get("x")) + float(cell.get("width")) <= wide
        assert 0 <= float(cell.get("y")) <= float(cell.get("y")) + float(cell.get("height")) <= high
    assert {part.tag.removeprefix(SVG) for part in picture.iter()} <= {"svg", "rect", "title", "path", "text", "g"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"marginals": [[0.5] * 3] * 2}, r"marginals has 2 rows of \[3\] numbers, expected 3 rows of 3"),
        ({"transitions": [[0.5] * 2] * 3}, r"transitions has 3 rows of \[2\] numbers, expected 3 rows of 3"),
        ({"transitions": [[float("inf")] * 3] * 3}, "transitions has an entry that is not a finite number"),
        ({"path": ["DET"]}, "path has 1 tags, expected 3"),
        ({"path": ["DET", "X", "VERB"]}, "path has 'X', which is none of the states: DET, NOUN, VERB"),
        ({"expected": ["DET"]}, "expected has 1 tags, expected 3"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(MADE, **change)


def sentence(weights):
    texts = (list(texts) for texts in (MADE.words, MADE.expected, MADE.path, MADE.states))
    return TaggedSentence(*texts, MADE.marginals, MADE.transitions, weights)


def test_a_sentence_is_told_on_a_page_and_on_a_terminal():
    one = sentence([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.0, 1.0, 0.0]])
    page = one.article(3)
    assert page.count("<svg") == 2
    assert "<b>" not in page
    assert "<td>NOUN</td><td>VERB</td><td class=number>0.60</td>" in page
    assert one.lines() == [
        f"tags       the/DET {EVIL}/NOUN barks/VERB",
        f"wrong      {EVIL}/NOUN for VERB",
        f"looked at  the←barks  {EVIL}←the  barks←{EVIL}",
    ]


def test_without_attention_only_the_tags_are_drawn():
    assert sentence(None).article(1).count("<svg") == 1
    assert sentence(None).lines()[-1].startswith("wrong")
    assert "looked" not in TaggedSentence.guide([sentence(None)])
