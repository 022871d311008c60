"""How soon a page of the built book shows: `python benchmarks/pages.py [FOLDER]`, where FOLDER is `_build/html`.

Chromium opens every page from disk as at a first visit, with an empty cache. First paint is the browser's own figure,
from the request to the first text or picture on the screen; complete is the time until all equations are set.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from _timing import duration, machine, print_table

sys.path.append(str(Path(__file__).parents[1] / "book"))
from _ext.pdf import find_browser

VISITS = 5
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime / 1e3"
COMPLETE = "async () => { await window.MathJax?.startup?.promise; return performance.now() / 1e3; }"


def visit(browser, address):
    """Open a page once; return the seconds until it showed something, and until all of it was there."""
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto(address)
        complete = page.evaluate(COMPLETE)
        return page.evaluate(FIRST_PAINT), complete


def main():
    from playwright.sync_api import sync_playwright

    book = Path(*sys.argv[1:] or ["_build/html"]).resolve()
    pages = sorted(page for page in book.glob("*/**/*.html") if not page.relative_to(book).parts[0].startswith("_"))
    if not pages:
        sys.exit(f"no pages in {book}: build the book first, by `nox -s book`")
    print(machine())
    rows = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        print(f"Chromium {browser.version}, medians of {VISITS} visits")
        for page in pages:
            paints, completes = zip(*(visit(browser, page.as_uri()) for _ in range(VISITS)), strict=True)
            name = page.relative_to(book).as_posix()
            rows.append([name, *(duration(statistics.median(times)) for times in (paints, completes))])
        browser.close()
    print_table("The book's pages, opened from disk", ["page", "first paint", "complete"], rows)


if __name__ == "__main__":
    main()
