"""The built book and a browser. FEDSWITCH_BOOK names the folder of the book's pages; `nox -s book` sets it."""

import os
import re
from pathlib import Path

import pytest
from _ext.pdf import find_browser

FOLDER = os.environ.get("FEDSWITCH_BOOK")
UNBUILT = "needs the built book: `nox -s book` builds it and runs these tests on it"
CHROMIUM = find_browser()


def page_names():
    """The pages of the book as paths in its folder; the front page only leads to the first of them."""
    root = Path(FOLDER)
    paths = (path.relative_to(root) for path in root.rglob("*.html"))
    return sorted(path.as_posix() for path in paths if not path.parts[0].startswith("_") and path != Path("index.html"))


def pytest_generate_tests(metafunc):
    if "page" in metafunc.fixturenames:
        pages = page_names() if FOLDER else [pytest.param("", marks=pytest.mark.skip(UNBUILT))]
        metafunc.parametrize("page", pages)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Run all tests of a page in one process, which opens the page once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPage(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            of_a_page = re.search(r"\[(.*\.html)\]", nodeid)
            return of_a_page.group(1) if of_a_page else nodeid

    return ByPage(config, log)


@pytest.fixture(scope="session")
def book():
    """The folder of the built book."""
    if not FOLDER:
        pytest.skip(UNBUILT)
    return Path(FOLDER).resolve(strict=True)


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, or the machine's own; no second one can run in a process, so that it ends with its module."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: `pip install playwright`")
    if not CHROMIUM:
        pytest.skip("needs a browser: `apt-get install chromium`, or Google Chrome elsewhere")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def tab(browser):
    """An empty page of the browser, as wide as a desktop; the test fails where something goes wrong in a script."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(600_000)  # a busy machine is slow, not wrong
    page = context.new_page()
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors
