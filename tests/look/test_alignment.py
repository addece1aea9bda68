from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as some

from regard.look.alignment import alignment_svg, labels, scale_svg, shown
from regard.look.colours import LEVELS, colour, dark_colour, dark_style, ink, luminance

SVG = "{http://www.w3.org/2000/svg}"


def drawn(source, target, weights):
    return ElementTree.fromstring(alignment_svg(source, target, weights, "map"))


def cells(picture):
    return [cell for row in picture.findall(f"{SVG}g") for cell in row.findall(f"{SVG}rect")]


def test_every_cell_has_its_place_its_value_and_its_words():
    picture = drawn(["一", "قطة", "</s>"], [" the", " cat"], [[0.1, 0.7, 0.2], [0.05, 0.04, 0.91]])
    found = cells(picture)
    assert [cell.find(f"{SVG}title").text for cell in found] == [
        "the looked at 一: 0.100",
        "the looked at قطة: 0.700",
        "the looked at ⏎: 0.200",
        "cat looked at 一: 0.050",
        "cat looked at قطة: 0.040",
        "cat looked at ⏎: 0.910",
    ]
    assert ["strongest" in cell.get("class") for cell in found] == [False, True, False, False, False, True]
    assert [float(cell.get("x")) for cell in found[:3]] == [float(cell.get("x")) for cell in found[3:]]
    assert len({cell.get("x") for cell in found}) == 3
    assert {text.text for text in picture.iter(f"{SVG}text")} == {"一", "قطة", "⏎", "the", "cat", "70", "91"}


def test_a_weight_too_faint_to_see_is_left_to_the_ground():
    picture = drawn(["a", "b", "c"], ["x"], [[0.004, 0.991, 0.005]])
    assert [cell.find(f"{SVG}title").text[-5:] for cell in cells(picture)] == ["0.991", "0.005"]
    assert picture.find(f"{SVG}rect").find(f"{SVG}title").text == "less than 0.005"


def test_a_row_that_may_look_nowhere_still_has_its_cell():
    assert len(cells(drawn(["a", "b"], ["x"], [[0.0, 0.0]]))) == 1


def test_weights_of_another_size_or_none_at_all_are_refused():
    with pytest.raises(ValueError, match=r"weights has 1 rows of \[2\] numbers, expected 1 rows .* of 3"):
        alignment_svg(["a", "b", "c"], ["x"], [[0.5, 0.5]], "map")
    with pytest.raises(ValueError, match="not a finite number"):
        alignment_svg(["a"], ["x"], [[float("nan")]], "map")


pieces = some.lists(some.text(some.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=40), max_size=70)


@given(pieces, pieces)
def test_everything_lies_within_the_picture_and_no_text_becomes_markup(source, target):
    width = len(source)
    picture = drawn([*source, "</s>"], target, [[1 / (width + 1)] * (width + 1) for _ in target])
    _left, _top, wide, high = map(float, picture.get("viewBox").split())
    for cell in picture.iter(f"{SVG}rect"):
        assert 0 <= float(cell.get("x")) <= float(cell.get("x")) + float(cell.get("width")) <= wide
        assert 0 <= float(cell.get("y")) <= float(cell.get("y")) + float(cell.get("height")) <= high
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= {
        "svg", "rect", "title", "path", "text", "g",
    }  # fmt: skip


def test_sixty_pieces_fit_on_a_page_with_labels_that_can_be_read():
    picture = drawn(["word"] * 60, ["word"] * 60, [[1 / 60] * 60] * 60)
    assert float(picture.get("width")) < 1000
    assert float(picture.get("font-size")) >= 11


def test_a_long_label_at_the_edge_has_its_room():
    narrow, wide = (float(drawn(["a", last], ["x"], [[0.5, 0.5]]).get("width")) for last in ("b", "b" * 20))
    # Slanted by 45 degrees, a letter of 13 pixels takes about 6 of the width.
    assert wide - narrow > 19 * 5


@pytest.mark.parametrize(("shade", "sign"), [(colour, -1), (dark_colour, 1)])
def test_more_weight_always_stands_out_more(shade, sign):
    steps = [sign * luminance(shade(place / 200)) for place in range(201)]
    assert all(one <= other for one, other in zip(steps, steps[1:], strict=False))
    assert abs(steps[-1] - steps[0]) > 0.7


@pytest.mark.parametrize("shade", [colour, dark_colour])
def test_numbers_can_be_read_on_every_colour(shade):
    for place in range(201):
        ground = shade(place / 200)
        low, high = sorted((luminance(ground), luminance(ink(ground))))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_every_level_has_a_dark_colour_and_the_scale_shows_both_ends():
    assert re.findall(r"\.w(\d+)\{", dark_style()) == [str(place) for place in range(LEVELS + 1)]
    assert 'class="w0 edge"' in scale_svg()
    assert f'class="w{LEVELS} edge"' in scale_svg()


def test_the_end_and_a_space_can_be_seen_and_what_is_long_is_cut():
    assert (shown("</s>"), shown(" "), shown(" dog"), shown("")) == ("⏎", "␣", "dog", "␣")
    assert shown("x" * 24) == "x" * 24
    assert shown("x" * 25) == "x" * 23 + "…"


def test_later_pieces_of_a_word_are_marked_where_words_begin_with_a_space():
    assert labels([" de", "cre", "ased", ".", " 5"]) == ["de", "·cre", "·ased", ".", "5"]
    assert labels(["a", "b"]) == ["a", "b"]
