"""What somebody sees who opens a record's page, timed inside headless chromium."""

from __future__ import annotations

import shutil
from typing import Any

from playwright.sync_api import sync_playwright

TILES = 30
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]

# Before the page's own script: when its map first has the colours of a picture.
_FIRST = """
window.firstPicture = new Promise(done => {
  const look = () => {
    const canvas = document.querySelector('.canvas canvas')
    if (canvas && canvas.width > 200) {
      const { width, height } = canvas
      const { data } = canvas.getContext('2d').getImageData(width >> 2, height >> 2, width >> 1, height >> 1)
      const seen = new Set(new Uint32Array(data.buffer))
      if (seen.size > 64) return done(performance.now())
    }
    requestAnimationFrame(look)
  }
  look()
})
"""

# One tile fills the frame. It is timed until its numbers are there and the next picture was drawn.
_TILE = """
async ([head, down, across]) => {
  const page = await regard.opened
  const settled = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
  if (page.head.value !== head) { page.open(0, head); await settled(); }
  // What opening a head started is over: its tracks are a pass over the whole map.
  while (page.tiles.busy || !page.tracks.value) await settled()
  const { width, height } = page.frame.value
  const pixels = Math.max(width, height) / 254
  performance.clearResourceTimings()
  const begin = performance.now()
  page.look({ query: down * 256 + 1, key: across * 256 + 1, pixels })
  while (page.exact(down * 256 + 128, across * 256 + 128) === null)
    await new Promise(done => requestAnimationFrame(done))
  await new Promise(done => requestAnimationFrame(done))
  const drawn = performance.now() - begin
  const wanted = `/0/${down}/${across}?`
  const asked = performance.getEntriesByType('resource').filter(one => one.name.includes('/api/tile/') && one.name.includes(wanted))
  return [drawn, asked.length ? asked[0].responseEnd - asked[0].startTime : null]
}
"""  # noqa: E501

_OVERVIEWS = """
async () => {
  const page = await regard.opened
  while (page.overviews.value.size < page.header.layers.length) await new Promise(done => setTimeout(done, 10))
  return performance.now()
}
"""


def looked_at(address: str) -> dict[str, Any]:
    """Times of the first picture, of every overview, and of tiles at full zoom."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.set_default_timeout(600_000)
        page.add_init_script(_FIRST)
        page.goto(address)
        first = page.evaluate("firstPicture")
        overviews = page.evaluate(_OVERVIEWS)
        page.evaluate(
            "(async () => { const page = await regard.opened; while (page.tiles.busy || !page.tracks.value) "
            "await new Promise(done => setTimeout(done, 50)) })()"
        )
        layer = page.evaluate("regard.opened.then(page => page.header.layers[0])")
        found = [page.evaluate(_TILE, place) for place in _places(layer["heads"], layer["queries"])]
        browser.close()
    return {
        "first_picture_s": first / 1000,
        "overviews_in_the_page_s": overviews / 1000,
        "tile_ms": [each[0] for each in found],
        "request_ms": [each[1] for each in found if each[1] is not None],
    }


def _places(heads: int, queries: int) -> list[list[int]]:
    """Heads and tiles below the diagonal, all over the map, each asked once."""
    downs = max(1, queries // 256 - 1)
    # Steps that share no factor with anything here, so that places look random and are the same each time.
    places = [(number * 7 % heads, number * 89 % downs, number * 53) for number in range(1, TILES + 1)]
    return [[head, down, across % (down + 1)] for head, down, across in places]
