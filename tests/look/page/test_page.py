"""The page in a browser, served: what it draws, says and lets a keyboard do."""

import re

import numpy as np
import pytest

from regard.look.views_map import Sinks
from tests.look.page.seen import drawn, pixels, until, violations
from tests.look.recorded import ARABIC, HOSTILE


def state(page, what):
    return page.evaluate(f"regard.opened.then(page => page.{what}.value)")


def pressed(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def said(page, text):
    page.locator("[role=status]", has_text=text).wait_for(state="attached")


def open_other(page):
    page.get_by_role("button", name=re.compile("layer 1, head 0")).click()
    page.locator(".where", has_text="layer 1, head 0").wait_for()


def test_every_view_is_drawn(opened, address):
    page = opened(address)
    until(page, "document.querySelectorAll('.head canvas').length === 6")
    until(page, "[...document.querySelectorAll('.head canvas')].every(one => one.width === 32 || one.width === 13)")
    first = drawn(page)
    assert len(np.unique(first.reshape(-1, 4), axis=0)) > 100
    assert first[..., :3].std() > 20
    thumbnails = [pixels(canvas) for canvas in page.locator(".head canvas").all()]
    assert all(one[..., :3].std() > 10 for one in thumbnails)
    assert len({one.tobytes() for one in thumbnails}) == 6
    page.get_by_role("combobox", name="colours").select_option("viridis")
    second = drawn(page)
    page.get_by_role("combobox", name="scale").select_option("linear")
    third = drawn(page)
    page.get_by_role("combobox", name="first token").select_option("left-out")
    page.wait_for_timeout(100)
    fourth = drawn(page)
    assert len({one.tobytes() for one in (first, second, third, fourth)}) == 4
    shades = page.locator("[role=option]").evaluate_all(
        "all => all.map(one => getComputedStyle(one).backgroundColor)"
    )
    assert len(shades) == 67
    assert len(set(shades)) > 8


def test_the_tables_say_what_the_views_say(opened, address, views):
    page = opened(address)
    assert state(page, "cursor") == {"query": 66, "key": 66}
    row = views[Sinks.KEPT].row(0, 0, 66, 12)
    table = page.locator("table.strongest").first
    assert "What query 66" in table.locator("caption").inner_text()
    assert table.locator("td.number:nth-of-type(1)").all_inner_texts() == [str(index) for index in row.index]
    told = [float(text) for text in table.locator("td.number span").all_inner_texts()]
    np.testing.assert_allclose(told, row.weight, rtol=0.06, atol=5e-5)
    assert "sums to 1.0000" in page.locator("aside .help").inner_text()
    table.locator("button").nth(3).click()
    assert state(page, "cursor") == {"query": 66, "key": int(row.index[3])}
    readers = page.locator("table.strongest").nth(1)
    readers.locator("caption", has_text=f"Who reads key {row.index[3]} ").wait_for()
    column = views[Sinks.KEPT].column(0, 0, int(row.index[3]), 12)
    expected = [str(index) for index, weight in zip(column.index, column.weight, strict=True) if weight > 0]
    numbers = "[...document.querySelectorAll('table.strongest')[1].querySelectorAll('td.number:nth-of-type(1)')]"
    until(page, f"{numbers}.map(one => one.textContent).join() === '{','.join(expected)}'")


def test_the_proof_and_what_was_not_seen_stand_beside_the_picture(opened, address):
    trust = opened(address).locator(".trust")
    assert re.search(
        r"within [0-9.]+e-[67] of the model’s weights, rows sum to 1 within [0-9.]+e-7", trust.inner_text()
    )
    assert "nothing was left unseen" in trust.inner_text()


def test_a_keyboard_is_enough(opened, address, views):
    page = opened(address)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('role')") == "application":
            break
    assert page.evaluate("document.activeElement.getAttribute('role')") == "application"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    pressed(page, "ArrowUp", "ArrowUp", "ArrowLeft", "Shift+ArrowLeft")
    assert state(page, "cursor") == {"query": 64, "key": 55}
    exact = views[Sinks.KEPT].record.layers[0].weights([64])[0, 0, 0, 55].item()
    said(page, "query 64 ‘w9’ → key 55 ‘w0’, weight")
    spoken = page.locator("[role=status]").inner_text()
    assert float(spoken.split()[-1]) == pytest.approx(exact, rel=0.06)
    pressed(page, "Home")
    assert state(page, "cursor") == {"query": 64, "key": 0}
    pressed(page, "Control+Home", "End", "PageDown")
    assert state(page, "cursor") == {"query": 66, "key": 66}
    best = int(views[Sinks.KEPT].row(0, 0, 66, 1).index[0])
    pressed(page, "Enter")
    said(page, f"→ key {best} ")
    assert state(page, "cursor") == {"query": 66, "key": best}
    before = state(page, "view")["pixels"]
    pressed(page, "+", "+")
    assert state(page, "view")["pixels"] == pytest.approx(min(44, 4 * before))
    pressed(page, "0")
    assert state(page, "view")["pixels"] == pytest.approx(before)
    pressed(page, "Escape")
    assert page.evaluate("document.activeElement.id") == "reading"
    page.get_by_label("Order of heads").focus()
    pressed(page, "ArrowDown")
    page.locator(".ranked button").first.wait_for()
    page.locator(".head[aria-pressed=true]").focus()
    pressed(page, "Home", "ArrowRight", "Enter")
    pressed(page, "ArrowRight")
    assert page.evaluate("document.activeElement.classList.contains('head')")


def test_mouse_zooms_and_pans(opened, address):
    page = opened(address)
    first, box = drawn(page), page.locator(".canvas").bounding_box()
    x, y = box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.6
    page.mouse.move(x, y)
    before = state(page, "view")
    page.mouse.wheel(0, -480)
    until(page, f"regard.opened.then(page => page.view.value.pixels > {before['pixels']})")
    second, zoomed = drawn(page), state(page, "view")
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=4)
    page.mouse.up()
    third, moved = drawn(page), state(page, "view")
    assert moved["pixels"] == zoomed["pixels"]
    assert (moved["query"], moved["key"]) != (zoomed["query"], zoomed["key"])
    assert len({one.tobytes() for one in (first, second, third)}) == 3
    page.get_by_role("button", name="all", exact=True).click()
    assert state(page, "view")["pixels"] == pytest.approx(before["pixels"])
    cursor = state(page, "cursor")
    page.mouse.click(x, y)
    assert state(page, "cursor") != cursor


def test_a_token_of_the_text_is_clicked(opened, address):
    page = opened(address)
    page.locator("#token-30").click()
    assert state(page, "cursor") == {"query": 30, "key": 30}
    page.locator("caption", has_text="What query 30 ‘w8’ reads").wait_for()
    page.locator("caption", has_text="Who reads key 30 ‘w8’").wait_for()
    page.get_by_role("button", name="who reads it").click()
    page.locator("[role=listbox][aria-label^='Readers of key 30']").focus()
    pressed(page, "ArrowLeft")
    assert state(page, "cursor") == {"query": 29, "key": 29}


def test_hostile_and_right_to_left_tokens_are_text(opened, address):
    page = opened(address)
    open_other(page)
    page.locator("table.strongest").first.get_by_text("</script><img src=x").wait_for()
    assert page.locator("img, iframe, object, embed").count() == 0
    assert page.locator("[role=option]").first.inner_text() == HOSTILE
    joined = "".join(page.locator("[role=option]").all_inner_texts()[1:5])
    assert joined.split() == [word.strip() for word in ARABIC]
    arabic = page.locator("table.strongest button", has_text=ARABIC[0]).first
    assert arabic.evaluate("one => getComputedStyle(one).direction") == "rtl"
    page.locator("#token-1").click()
    said(page, ARABIC[0])
    assert len(np.unique(drawn(page).reshape(-1, 4), axis=0)) > 30


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 420)])
def test_axe_finds_nothing(opened, address, axe, scheme, width):
    page = opened(address, width=width, color_scheme=scheme, reduced_motion="reduce")
    assert violations(page, axe) == []
    open_other(page)
    page.get_by_label("Order of heads").select_option("entropy")
    page.locator(".ranked button").first.wait_for()
    page.locator(".keyboard summary").click()
    page.locator(".canvas").focus()
    assert violations(page, axe) == []
    ground = page.evaluate(
        "getComputedStyle(document.body).backgroundColor, getComputedStyle(document.documentElement).backgroundColor"
    )
    assert (sum(int(part) for part in re.findall(r"\d+", ground)) < 200) == (scheme == "dark")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    duration = page.locator(".zoom button").first.evaluate("one => getComputedStyle(one).transitionDuration")
    assert duration in ("0s", "")


def test_the_token_is_out_of_reach(opened, address):
    page = opened(address)
    assert "token" not in page.url
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate(
        "performance.getEntriesByType('resource').every(one => new URL(one.name).host === location.host)"
    )
