"""Two records compared in a browser, served and from a file."""

import numpy as np
import pytest

import regard as rg
from regard.look.beside import Beside, other_of
from regard.look.compare import variation
from regard.look.standalone import write_standalone
from regard.look.views import Address, views_of
from regard.look.views_map import Pooling, Sinks
from tests.look.page.seen import drawn, pixels, tile, until, violations
from tests.look.recorded import HOSTILE, recorded

NAMES = (HOSTILE, "النموذج الثاني")
LENGTH = 301


@pytest.fixture(scope="module")
def pair():
    left, right = recorded(LENGTH), recorded(LENGTH, score=rg.Dot(scale=0.2), where=rg.Causal() & rg.Window(40, 0))
    return left, other_of(left, right, NAMES)


@pytest.fixture(scope="module")
def both(pair):
    return {sinks: views_of(pair[0], sinks) for sinks in Sinks}


@pytest.fixture(scope="module", params=["served", "file"])
def where(request, pair, both, served, tmp_path_factory):
    beside = Beside(other=pair[1])
    if request.param == "served":
        return served(pair[0], both, beside)
    path = tmp_path_factory.mktemp("pages") / "page.html"
    write_standalone(pair[0], both, path, beside=beside)
    return path.as_uri()


def show(page, side):
    page.get_by_role("combobox", name="shown").select_option(side)
    page.locator("aside tbody tr").first.wait_for()


def test_differences_are_exact_at_any_zoom(where, opened, pair, both):
    page = opened(where)
    for sinks, name in ((Sinks.KEPT, "kept"), (Sinks.LEFT_OUT, "left-out")):
        for zoom, down, across in ((0, 1, 0), (0, 0, 0), (1, 0, 0)):
            at = Address(0, 2, 0, zoom, down, across, Pooling.SUM)
            sides = [views[sinks].tile(at) for views in (both, pair[1].views)]
            for side, expected in (("first", sides[0]), ("second", sides[1]), ("difference", sides[0] - sides[1])):
                found = tile(page, 0, 2, zoom, down, across, "sum", name, side)
                np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
    assert np.abs(sides[0] - sides[1]).max() > 0.1


def test_the_map_shows_either_and_their_difference(where, opened):
    page = opened(where)
    found = [drawn(page)]
    thumbnails = [pixels(page.locator(".head canvas").first)]
    for side in ("first", "second"):
        show(page, side)
        page.wait_for_timeout(150)
        found.append(drawn(page))
        thumbnails.append(pixels(page.locator(".head canvas").first))
    assert all(one[..., :3].std() > 15 for one in found)
    assert len({one.tobytes() for one in found}) == 3
    assert len({one.tobytes() for one in thumbnails}) == 3
    # Both of the differences' colours are there: blue where the second reads more, orange where the first does.
    red, blue = (found[0][..., at].astype(int) for at in (0, 2))
    assert ((red - blue) > 60).mean() > 0.005
    assert ((blue - red) > 60).mean() > 0.005


def test_heads_are_ranked_by_their_difference(where, opened, pair):
    page = opened(where)
    page.locator(".ranked .head").nth(5).wait_for()
    assert page.get_by_label("Order of heads").input_value() == "variation"
    apart = variation(pair[0].layers[0], pair[1].record.layers[0], 0)
    names = page.locator(".ranked .head .hidden").all_inner_texts()
    expected = [f"layer 0, head {head}, {apart[head]:.3g}" for head in np.argsort(-apart)]
    assert names[:4] == expected
    assert names[4].endswith(", 0.00")


def test_tables_have_both_weights_and_the_difference(where, opened, pair, both):
    page = opened(where)
    weights = [record.layers[0].weights([300])[0, 0, 0].numpy() for record in (pair[0], pair[1].record)]
    apart = weights[0] - weights[1]
    table = page.locator("table.strongest").first
    assert table.locator("thead th").all_inner_texts() == ["key", "at", "A", "B", "A − B"]
    rows = [row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()]
    assert [int(row[0]) for row in rows] == np.argsort(-np.abs(apart), kind="stable")[: len(rows)].tolist()
    for at, first, second, minus in rows:
        told = [float(first), float(second), float(minus.replace("−", "-"))]
        expected = [weights[0][int(at)], weights[1][int(at)], apart[int(at)]]
        np.testing.assert_allclose(told, expected, rtol=0.06, atol=5e-5)
    legend = page.locator(".legend").get_attribute("aria-label")
    assert legend == "colours: differences from −1, where B reads more, by ±10⁻⁴ to +1, where A reads more"


def test_a_keyboard_is_enough_to_compare(where, opened):
    page = opened(where)
    page.get_by_role("combobox", name="shown").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function("regard.opened.then(page => page.side.value === 'first')")
    page.keyboard.press("ArrowUp")
    page.wait_for_function("regard.opened.then(page => page.side.value === 'difference')")
    page.locator(".canvas").focus()
    page.keyboard.press("ArrowUp")
    page.locator("[role=status]", has_text="→ key 300 ‘w3’, difference ").wait_for(state="attached")
    page.keyboard.press("0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_names_are_text(where, opened, axe, scheme):
    page = opened(where, color_scheme=scheme)
    assert violations(page, axe) == []
    assert HOSTILE in page.locator(".compared").inner_text()
    assert NAMES[1] in page.locator(".compared").inner_text()
    # Which head is the last is known once all of them are.
    until(page, "regard.opened.then(page => page.overviews.value.size >= page.header.layers.length)")
    page.locator(".ranked .head").last.click()
    page.get_by_label("Order of heads").select_option("entropy")
    assert page.locator("img").count() == 0
    show_first = page.get_by_role("combobox", name="shown")
    show_first.select_option("second")
    page.locator("table.strongest").first.get_by_text("</script><img src=x").wait_for()
    assert violations(page, axe) == []
