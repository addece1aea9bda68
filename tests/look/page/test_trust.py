"""The panel that says how far to trust a record: drawn, in numbers, and where nothing was measured."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from regard.look.beside import Beside
from regard.look.measured import Finding, Measured, Protocol, Trusted
from regard.look.standalone import write_standalone
from tests.look.page.seen import violations
from tests.look.recorded import HOSTILE


def finding(mean, random, best, chance):
    return Finding(mean, mean - 0.05, mean + 0.07, random, best, chance)


FINDINGS = {
    "comprehensiveness": finding(0.21, 0.05, 0.4, 0.0234),
    "sufficiency": finding(0.11, 0.3, 0.02, 0.4),
    "agreement": finding(-0.1, 0.0, 0.5, 1.0),
    "permutation": Finding(0.03, 0.02, 0.05, None, None, None),
}
LOWER = {name: finding(0.1, 0.05, 0.4, 0.5) for name in FINDINGS} | {"permutation": FINDINGS["permutation"]}
HEADS = (Trusted("own", 2, FINDINGS), Trusted("other", 1, LOWER), Trusted(HOSTILE, 0, LOWER))
MEASURED = Measured(HOSTILE, 8, Protocol(), HEADS)


@pytest.fixture(scope="module", params=["served", "file"])
def where(request, record, views, served, tmp_path_factory):
    beside = Beside(measured=MEASURED)
    if request.param == "served":
        return served(record, views, beside)
    path = tmp_path_factory.mktemp("pages") / "page.html"
    write_standalone(record, views, path, beside=beside)
    return path.as_uri()


def to_trust(page):
    page.get_by_role("button", name="how far to trust it").click()
    page.locator(".faithfulness").wait_for()


def test_heads_stand_between_random_and_best(where, opened):
    page = opened(where)
    to_trust(page)
    assert page.locator(".measure").count() == 4
    first = page.locator(".measure").first
    assert first.locator("tbody th").all_inner_texts() == ["0.2", "1.1", "?.0"]
    chart = first.locator("tbody svg").first
    assert chart.get_attribute("aria-label") == (
        "0.210, interval 0.160 to 0.280, between 0.050 at random and 0.400 at best"
    )
    places = {name: float(chart.locator(f".{name}").get_attribute("cx")) for name in ("random", "ours")}
    best = float(re.match(r"M([\d.]+)", chart.locator(".best").get_attribute("d"))[1])
    # The axis begins at 0: equal distances are equal numbers.
    assert (places["ours"] - places["random"]) / (best - places["random"]) == pytest.approx(0.16 / 0.35, abs=1e-3)
    zero = float(re.match(r"M([\d.]+)", chart.locator(".zero").get_attribute("d"))[1])
    assert (places["random"] - zero) / (best - zero) == pytest.approx(0.05 / 0.4, abs=1e-3)
    assert "p 0.023" in first.locator("tbody tr").first.inner_text()
    assert page.locator(".measure").nth(3).locator(".random, .best, .range").count() == 0
    assert "8 passages of 16 tokens" in page.locator(".protocol").inner_text()
    assert "Without the 10, 20, 50 % of keys" in first.locator("caption").inner_text()
    picture = np.array(Image.open(io.BytesIO(chart.screenshot())).convert("RGB"))
    assert picture.std() > 15
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_the_same_stands_in_numbers(where, opened):
    page = opened(where)
    to_trust(page)
    page.locator(".numbers summary").first.focus()
    page.keyboard.press("Enter")
    table = page.locator(".numbers table").first
    assert table.locator("thead th").all_inner_texts() == [
        "head", "by weight", "from", "to", "random order", "best order"
    ]  # fmt: skip
    row = table.locator("tbody tr").first
    assert row.locator("td").all_inner_texts() == ["0.210", "0.160", "0.280", "0.050", "0.400"]


def test_a_measured_head_is_opened_by_keyboard(where, opened):
    page = opened(where)
    to_trust(page)
    page.locator(".measure button", has_text="1.1").first.focus()
    page.keyboard.press("Enter")
    page.locator(".where", has_text="layer 1, head 1").wait_for()
    assert page.locator(".measure").first.locator(".chosen th").inner_text() == "1.1"
    assert page.locator(".measure button", has_text="?.0").first.is_disabled()
    page.locator(".canvas").focus()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "reading"
    page.get_by_role("button", name="at the cursor").click()
    page.locator("table.strongest").first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_names_are_text(where, opened, axe, scheme):
    page = opened(where, color_scheme=scheme)
    to_trust(page)
    for one in page.locator(".numbers summary").all():
        one.click()
    assert violations(page, axe) == []
    assert HOSTILE in page.locator(".protocol").inner_text()
    assert page.locator("img").count() == 0
    assert page.evaluate("document.querySelector('aside').scrollWidth <= document.querySelector('aside').clientWidth")


def test_a_record_that_was_not_measured_says_how(opened, address, axe):
    page = opened(address)
    to_trust(page)
    told = page.locator(".faithfulness").inner_text()
    assert "Nothing was measured for this record." in told
    assert " ".join(page.locator(".command").inner_text().split()) == (
        "regard look MODEL --text FILE --faithfulness --save RECORD"
    )
    assert violations(page, axe) == []
