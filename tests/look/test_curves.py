from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as some

from regard.look.curves import Curve, curves_svg, number, ticks

SVG = "{http://www.w3.org/2000/svg}"
LOSS = Curve("training", [(1, 5.0), (2, 3.0), (3, 1.0)])


def drawn(*curves, note=""):
    return ElementTree.fromstring(curves_svg(curves, "loss", note, "step", "nats a piece"))


@given(some.floats(-1e9, 1e9), some.floats(0, 1e9))
def test_ticks_are_few_and_even_and_enclose_their_span(low, span):
    found = ticks(low, low + span)
    assert found[0] <= low + abs(low) * 1e-9
    assert found[-1] >= low + span - abs(low + span) * 1e-9
    assert 2 <= len(found) <= 8
    assert found == sorted(found)


@pytest.mark.parametrize(("low", "high"), [(0.3, 9.2), (5, 5), (0, 0), (-3, 1e6), (0.0012, 0.0019), (1e-9, 3e-9)])
def test_ticks_have_different_names(low, high):
    names = [number(tick) for tick in ticks(low, high)]
    assert len(set(names)) == len(names)


def test_axes_have_units_and_lines_their_names():
    picture = drawn(LOSS, Curve("validation", [(2, 3.5)]), note="best: 3.5")
    texts = {text.text for text in picture.iter(f"{SVG}text")}
    assert {"step", "nats a piece", "loss", "best: 3.5", "━ training", "● validation"} <= texts
    assert picture.get("aria-label") == "loss. best: 3.5"


def test_points_lie_where_the_ticks_say():
    picture = drawn(Curve("loss", [(0, 0.0), (50, 5.0), (100, 10.0)]))
    where = {t.text: t for t in picture.iter(f"{SVG}text")}
    points = [tuple(map(float, p.split(","))) for p in picture.find(f"{SVG}polyline").get("points").split()]
    left, right = float(where["20"].get("x")), float(where["80"].get("x"))
    assert points[1][0] == pytest.approx((left + right) / 2, abs=0.1)
    assert points[1][1] == pytest.approx((points[0][1] + points[2][1]) / 2, abs=0.1)
    assert points[0][1] > points[2][1]


def test_few_points_have_dots_with_values_and_many_are_a_line_only():
    dots = list(drawn(LOSS).iter(f"{SVG}circle"))
    assert [dot.find(f"{SVG}title").text for dot in dots][1] == "training, step 2: 3"
    many = Curve("training", [(n, 1 / (n + 1)) for n in range(100)])
    assert not list(drawn(many).iter(f"{SVG}circle"))


def test_what_is_not_finite_is_left_out_and_nothing_at_all_is_refused():
    picture = drawn(Curve("loss", [(1, float("nan")), (2, 3.0), (3, float("inf"))]))
    assert len(picture.find(f"{SVG}polyline").get("points").split()) == 1
    for nothing in ([], [Curve("loss", [])], [Curve("loss", [(1, float("nan"))])]):
        with pytest.raises(ValueError, match="no finite point"):
            curves_svg(nothing, "loss", "", "step", "nats")


def test_one_point_alone_has_axes_too():
    for step in (0, 116):
        texts = {text.text for text in drawn(Curve("bleu", [(step, 57.0)])).iter(f"{SVG}text")}
        assert "0" in texts
