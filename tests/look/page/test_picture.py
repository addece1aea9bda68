"""A record with a picture, served and from a file: patches on it, what they read, and who reads them."""

import numpy as np
import pytest
import torch

import regard as rg
from regard.look.beside import Beside, other_of
from regard.look.views import views_of
from regard.look.views_map import Sinks
from tests.look.page.seen import address_of, drawn, pixels, violations
from tests.look.recorded import ARABIC, HOSTILE

ROWS, COLUMNS = 5, 7
TOKENS = 2 + ROWS * COLUMNS


class Heads(torch.nn.Module):
    """Patches that read patches, a text that reads patches, and a text that reads itself."""

    def __init__(self, scale):
        super().__init__()
        self.own, self.text = (rg.Attention(score=rg.Dot(scale=scale)) for _ in range(2))
        self.cross = rg.Attention(score=rg.Dot(scale=scale))

    def forward(self, patches, words):
        self.cross(words, patches, patches)
        self.text(words, words, words)
        return self.own(patches, patches, patches)


def recorded(scale=0.8):
    random = torch.Generator().manual_seed(5)
    picture = np.random.default_rng(5).integers(120, 256, (50, 70, 3), dtype=np.uint8)
    grid = rg.Grid(ROWS, COLUMNS, picture, before=1, after=1)
    words = [HOSTILE, *ARABIC, "a", "b", "c", "d", "e", "f"]
    patches, text = (torch.randn(1, 2, count, 4, generator=random) for count in (TOKENS, 11))
    model = Heads(scale)
    tokens = {"text": words, "own": [HOSTILE, *grid.labels()[1:]]}
    with rg.record(model, image=grid, tokens=tokens) as seen:
        model(patches, text)
    return seen.record


RECORD = recorded()
LAYER = {one.name: place for place, one in enumerate(RECORD.layers)}


@pytest.fixture(scope="module", params=["served", "file"])
def where(request, served, tmp_path_factory):
    return address_of(request.param, RECORD, served, tmp_path_factory)


def go(page, name, head=1):
    page.get_by_role("button", name=f"layer {LAYER[name]}, head {head}").click()
    page.locator(".where", has_text=f"layer {LAYER[name]}, head {head}").wait_for()


def settled(page):
    """The picture when the row that shades it is there."""
    drawn(page)
    page.wait_for_timeout(250)
    return pixels(page.locator(".patches canvas"))[..., :3].astype(float)


def brightness(picture):
    """Of every patch's middle, which no outline touches."""
    high, wide = picture.shape[0] / ROWS, picture.shape[1] / COLUMNS

    def middle(row, column):
        down, across = (
            slice(int((at + 0.3) * size), int((at + 0.7) * size)) for at, size in ((row, high), (column, wide))
        )
        return picture[down, across].mean()

    return np.array([[middle(row, column) for column in range(COLUMNS)] for row in range(ROWS)])


def test_what_is_read_is_bright(where, opened):
    page = opened(where)
    go(page, "own")
    weights = RECORD.layers[LAYER["own"]].weights()[0, 1].numpy()
    first = settled(page)
    assert first.std() > 20
    for query in (0, 1 + 2 * COLUMNS + 3):
        if query:
            box = page.locator(".patches canvas").bounding_box()
            page.mouse.click(box["x"] + box["width"] * 3.5 / COLUMNS, box["y"] + box["height"] * 2.5 / ROWS)
        expected = weights[query, 1:-1].reshape(ROWS, COLUMNS)
        found = brightness(settled(page))
        assert np.unravel_index(found.argmax(), found.shape) == np.unravel_index(expected.argmax(), found.shape)
        # The rest of a pixel's light: 1 - 0.8 (1 - share), with the ground's 10 to 18 behind it.
        share = (expected / expected.max()) ** 0.7
        assert np.corrcoef(found.ravel(), share.ravel())[0, 1] > 0.98
        assert page.locator("caption", has_text=f"What query {query} ").count() == 1
    page.get_by_role("button", name="who reads it").click()
    readers = weights[1:-1, query].reshape(ROWS, COLUMNS)
    found = brightness(settled(page))
    assert np.corrcoef(found.ravel(), ((readers / readers.max()) ** 0.7).ravel())[0, 1] > 0.98


def test_tokens_that_are_no_patch_are_buttons(where, opened):
    page = opened(where)
    go(page, "own")
    others = page.locator(".others button")
    assert others.count() == 2
    settled(page)
    weights = RECORD.layers[LAYER["own"]].weights([0])[0, 1, 0]
    assert float(others.nth(1).inner_text().split()[-1]) == pytest.approx(weights[-1].item(), rel=0.06)
    others.nth(1).click()
    page.locator("caption", has_text=f"What query {TOKENS - 1} ").wait_for()
    assert others.nth(1).get_attribute("aria-pressed") == "true"


def test_a_keyboard_is_enough(where, opened):
    page = opened(where)
    go(page, "own")
    settled(page)
    page.locator(".patches").focus()
    page.keyboard.press("Enter")
    weights = RECORD.layers[LAYER["own"]].weights([0])[0, 1, 0]
    best = 1 + int(weights[1:-1].argmax())
    page.locator("caption", has_text=f"What query {best} ").wait_for()
    for _ in range(ROWS):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    page.locator("[role=status]", has_text="query 9 ‘1,1’ → key 9 ‘1,1’").wait_for(state="attached")


def test_a_text_that_reads_a_picture_keeps_its_query(where, opened):
    page = opened(where)
    go(page, "cross")
    settled(page)
    assert page.locator(".picture .switch").count() == 0
    page.locator(".patches").focus()
    page.keyboard.press("Enter")
    weights = RECORD.layers[LAYER["cross"]].weights([10])[0, 1, 0]
    found = page.evaluate("regard.opened.then(page => page.cursor.value)")
    assert found == {"query": 10, "key": 1 + int(weights[1:-1].argmax())}


def test_a_text_has_no_picture(where, opened):
    page = opened(where)
    go(page, "text")
    page.locator("[role=option]").first.wait_for()
    assert page.locator(".picture").count() == 0


def test_differences_are_seen_on_the_picture(opened, served):
    views = {sinks: views_of(RECORD, sinks) for sinks in Sinks}
    page = opened(served(RECORD, views, Beside(other=other_of(RECORD, recorded(0.1), ("mine", "yours")))))
    go(page, "own")
    red, _green, blue = np.moveaxis(settled(page), -1, 0)
    assert ((red - blue) > 40).mean() > 0.01
    assert ((blue - red) > 40).mean() > 0.01


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 420)])
def test_axe_finds_nothing_and_tokens_are_text(where, opened, axe, scheme, width):
    page = opened(where, width=width, color_scheme=scheme)
    go(page, "own")
    settled(page)
    assert violations(page, axe) == []
    assert "</script><img src=x" in page.locator(".others").inner_text()
    assert page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
