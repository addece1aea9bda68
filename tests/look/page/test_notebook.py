"""The widget's script and state in a page that stands for a notebook."""

import json

import numpy as np
import pytest

import regard.look
from regard.look.views import Address
from regard.look.views_map import Sinks
from tests.look.page.seen import apart, listened, pixels
from tests.look.recorded import recorded

_NOTEBOOK = """<!doctype html><meta charset="utf-8"><title>A notebook</title><div id="cell"></div>
<script type="application/json" id="state">STATE</script>
<script type="module">
  const state = JSON.parse(document.getElementById('state').textContent), heard = {}
  const script = URL.createObjectURL(new Blob([state._esm], { type: 'text/javascript' }))
  const model = { get: name => state[name], on: (name, call) => { heard[name] = call }, off: () => {} }
  const { default: shown } = await import(script)
  await shown.render({ model, el: document.getElementById('cell') })
  window.resize = height => { state.height = height; heard['change:height']() }
  window.secret = 'of the notebook'
</script>"""


@pytest.fixture
def notebook(browser, tmp_path):
    """The widget of a small record, shown; afterwards nothing may have been asked of anybody, said or thrown."""
    pytest.importorskip("anywidget")
    record = recorded(23)
    shown = regard.look.widget(record, height=640).get_state(["_esm", "page", "height"])
    path = tmp_path / "notebook.html"
    path.write_text(_NOTEBOOK.replace("STATE", json.dumps(shown).replace("<", "\\u003c")), encoding="utf-8")
    context = browser.new_context()
    strangers = apart(context, ("data:", "blob:", "file:///", "about:"))
    page = context.new_page()
    troubles = listened(page)
    page.goto(path.as_uri())
    yield page, record
    context.close()
    assert strangers == []
    assert troubles == []


def test_a_cell_shows_the_page_and_keeps_it_apart(notebook):
    page, record = notebook
    frame = page.frame_locator("iframe")
    frame.locator("aside tbody tr").first.wait_for()
    (inside,) = page.main_frame.child_frames
    tile = "regard.opened.then(page => page.source.tile({layer: 0, head: 1, batch: 0, sinks: 'kept', pooling: 'sum', "
    found = inside.evaluate(f"{tile}zoom: 0, down: 0, across: 0}})).then(tile => [...tile.values])")
    views = regard.look.views.views_of(record, Sinks.KEPT)
    expected = views.tile(Address(0, 1, 0, 0, 0, 0))
    assert np.abs(np.array(found).reshape(expected.shape) - expected).max() < 1e-5
    for _each in range(100):
        if not inside.evaluate("regard.opened.then(page => page.tiles.busy)"):
            break
        page.wait_for_timeout(50)
    inside.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shown = pixels(frame.locator(".canvas canvas"))
    assert len(np.unique(shown.reshape(-1, 4), axis=0)) > 100
    assert page.locator("iframe").bounding_box()["height"] == 640
    page.evaluate("resize(500)")
    assert page.locator("iframe").bounding_box()["height"] == 500
    reached = inside.evaluate("(() => { try { return parent.secret } catch (error) { return error.name } })()")
    assert reached == "SecurityError"


def test_a_widget_says_what_it_needs(monkeypatch):
    monkeypatch.setattr("regard.look.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'regard\[notebook\]'"):
        regard.look.widget(recorded(5))
