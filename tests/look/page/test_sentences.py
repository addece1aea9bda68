"""The text in sentences, served and from a file."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import regard as rg
from tests.look.page.seen import address_of, violations
from tests.look.recorded import HOSTILE

TOKENS = [
    "One",
    " two",
    ".",
    " Is",
    " it",
    " 3.5",
    "?",
    '"',
    "\nA",
    " line",
    "\n\n",
    "جلست",
    " القطة",
    "؟",
    HOSTILE,
    ".",
]
ENDS = (3, 8, 11, 16)


def recorded():
    random = torch.Generator().manual_seed(5)
    query, key = (1.5 * torch.randn(1, 2, len(TOKENS), 4, generator=random) for _ in range(2))
    model = rg.Attention(where=rg.Causal())
    with rg.record(model, tokens={"text": TOKENS}) as seen:
        model(query, key, key)
    return seen.record


RECORD = recorded()


@pytest.fixture(scope="module", params=["served", "file"])
def where(request, served, tmp_path_factory):
    return address_of(request.param, RECORD, served, tmp_path_factory)


def to_sentences(page):
    page.get_by_role("button", name="sentences", exact=True).click()
    page.locator(".strongest-sentences button").first.wait_for()


def sums(weights):
    starts = (0, *ENDS[:-1])
    return [float(weights[first:end].sum()) for first, end in zip(starts, ENDS, strict=True)]


def told(page):
    return [float(text) for text in page.locator(".worth i").all_inner_texts()]


def test_sentences_sum_what_is_read_of_them(where, opened):
    page = opened(where)
    to_sentences(page)
    weights = RECORD.layers[0].weights()[0, 0]
    assert page.locator(".sentence").count() == len(ENDS)
    np.testing.assert_allclose(told(page), sums(weights[15]), rtol=0.06, atol=5e-5)
    best = int(np.argmax(sums(weights[15])))
    first = page.locator(".strongest-sentences button").first.text_content()
    assert first.startswith(f"sentence {best + 1} ")
    picture = np.array(Image.open(io.BytesIO(page.locator(".sentences").screenshot())).convert("RGB"))
    assert picture.std() > 15
    page.locator(".words span").nth(9).click()
    page.locator("caption", has_text="What query 9 ").wait_for()
    page.wait_for_timeout(300)
    np.testing.assert_allclose(told(page), sums(weights[9]), rtol=0.06, atol=5e-5)
    page.get_by_role("button", name="who reads it").click()
    page.wait_for_timeout(300)
    np.testing.assert_allclose(told(page), sums(weights[:, 9]), rtol=0.06, atol=5e-5)


def test_a_keyboard_goes_from_sentence_to_sentence(where, opened):
    page = opened(where)
    to_sentences(page)
    page.locator(".sentences").focus()
    for key, last in (("ArrowUp", 10), ("ArrowUp", 7), ("PageUp", 2), ("ArrowDown", 7)):
        page.keyboard.press(key)
        assert page.evaluate("regard.opened.then(page => page.cursor.value.query)") == last
    assert page.locator(".sentence.active").get_attribute("id") == "sentence-1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_tokens_are_text(where, opened, axe, scheme):
    page = opened(where, color_scheme=scheme)
    to_sentences(page)
    assert violations(page, axe) == []
    assert HOSTILE in page.locator(".sentences").inner_text()
    assert page.locator("img").count() == 0
    arabic = page.locator(".words", has_text="القطة")
    assert arabic.evaluate("one => getComputedStyle(one).direction") == "rtl"
