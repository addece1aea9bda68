"""A browser for the page: Debian's chromium, with every request but those to this machine refused and counted."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from regard.look.beside import NOTHING
from regard.look.server.serving import serving
from regard.look.views import views_of
from regard.look.views_map import Sinks
from tests.look.page.seen import apart, listened
from tests.look.recorded import recorded

AXE = Path(__file__).parents[3] / "page/node_modules/axe-core/axe.min.js"
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]


def missing(what: str) -> None:
    """Skip, and say so; where a browser is required, as in CI, fail."""
    if os.environ.get("REGARD_BROWSER") == "required":
        pytest.fail(f"{what}, and REGARD_BROWSER says that it is required")
    pytest.skip(f"{what}: the page was not looked at")


# Not for the whole session: while it is there, an event loop runs, and other tests want to run their own.
@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("chromium is not installed (apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        missing("playwright is not installed (pip install -e '.[dev]')")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield found
        found.close()


@pytest.fixture(scope="session")
def axe():
    if not AXE.exists():
        missing("axe-core is not installed (npm ci in page/)")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture
def opened(browser):
    """Open an address as somebody does; afterwards nothing may have been asked of anybody else, said or thrown."""
    contexts, strangers, troubles = [], [], []

    def open_(address: str, width: int = 1280, height: int = 860, before: str = "", **settings):
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        context.add_init_script(before)
        contexts.append(context)
        strangers.append(apart(context, ("http://127.0.0.1:", "data:", "blob:", "file:///")))
        page = context.new_page()
        found = listened(page)
        page.on("dialog", lambda dialog: (found.append(f"dialog {dialog.message}"), dialog.dismiss()))
        troubles.append(found)
        page.set_default_timeout(20_000)
        page.goto(address)
        page.locator(".canvas").wait_for()
        page.locator("aside tbody tr").first.wait_for()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert sum(strangers, []) == []
    assert sum(troubles, []) == []


@pytest.fixture(scope="session")
def record():
    return recorded()


@pytest.fixture(scope="session")
def views(record):
    return {sinks: views_of(record, sinks) for sinks in Sinks}


@pytest.fixture(scope="module")
def served():
    """Serve records while a module's tests run, so that pages are closed before they are."""
    running = []

    def serve(record, views, beside=NOTHING):
        found = serving(record, views, beside=beside)
        thread = threading.Thread(target=found.run)
        thread.start()
        running.append((found, thread))
        return found.address

    yield serve
    for found, thread in running:
        found.server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(record, views, served):
    return served(record, views)
