"""The book as one PDF for printing: Chromium prints the single page that Sphinx's builder `singlehtml` makes.

References become jumps within the file, headings its outline, and `book/assets/print.css` gives it the look of paper.
The contents name pages, for which the book is printed twice: the first time tells where a chapter begins.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Any

from fedswitch.errors import FedswitchError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

LAYOUT: dict[str, Any] = {
    "format": "A4",
    "prefer_css_page_size": True,
    "print_background": True,
    "outline": True,
    "tagged": True,
    "display_header_footer": True,
    "header_template": "<span></span>",
    "footer_template": '<div style="width: 100%; font: 8pt sans-serif; text-align: center" class="pageNumber"></div>',
}

# Opens what is folded but for code of figures, lists the chapters behind the first page, waits for all that loads.
PREPARE = """async () => {
    document.documentElement.dataset.theme = "light";
    document.querySelectorAll("details:not(.hide)").forEach(e => e.open = true);
    document.querySelectorAll(".toggle-button-hidden").forEach(e => e.click());
    document.querySelectorAll("img").forEach(e => e.loading = "eager");
    const contents = document.createElement("nav");
    contents.className = "printed-contents";
    contents.innerHTML = "<h2>Contents</h2><ul></ul>";
    const chapters = [...document.querySelectorAll("span[id^=document-] + section:has(> h2)")];
    for (const chapter of chapters) {
        const entry = document.createElement("li"), link = document.createElement("a");
        link.href = `#${chapter.id}`;
        link.textContent = chapter.querySelector(":scope > h2").textContent.replace(/#$/, "");
        entry.append(link);
        contents.lastChild.append(entry);
    }
    chapters[0].previousElementSibling.before(contents);
    await window.MathJax?.startup?.promise;
    await Promise.all([document.fonts.ready, ...[...document.images].map(e => e.decode().catch(() => null))]);
}"""
NUMBER = """pages => document.querySelectorAll(".printed-contents a").forEach(link => {
    link.dataset.page = pages[link.hash.slice(1)];
})"""


def find_browser() -> str | None:
    """Return the path of the first of `BROWSERS` that is installed, if any is."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def print_book(html: Path) -> bytes:
    """Return the PDF of a page that holds a whole book.

    Args:
        html: the page, with its pictures and scripts beside it.

    Raises:
        FedswitchError: if there is no browser, or Playwright or pypdf is not installed.
    """
    try:
        from playwright.sync_api import sync_playwright
        from pypdf import PdfReader
    except ImportError as error:
        raise FedswitchError(f"the PDF needs {error.name}: install it by `pip install playwright pypdf`") from error
    program = find_browser()
    if program is None:
        raise FedswitchError(
            "no Chromium is here to print the PDF: install it, on Debian by `apt-get install chromium`"
        )
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program)
        page = browser.new_page(color_scheme="light")
        page.set_default_timeout(0)
        page.goto(html.resolve(strict=True).as_uri())
        page.evaluate(PREPARE)
        draft = PdfReader(io.BytesIO(page.pdf(**LAYOUT)))
        begins = {
            name.lstrip("/"): draft.get_destination_page_number(at) for name, at in draft.named_destinations.items()
        }
        page.evaluate(NUMBER, {name: number + 1 for name, number in begins.items() if number is not None})
        printed: bytes = page.pdf(**LAYOUT)
        browser.close()
    return printed


def main() -> None:
    """Write the PDF of a page: `python -m _ext.pdf PAGE PDF`."""
    html, pdf = map(Path, sys.argv[1:])
    try:
        printed = print_book(html)
    except FedswitchError as error:
        sys.exit(str(error))
    pdf.parent.mkdir(parents=True, exist_ok=True)
    pdf.write_bytes(printed)


if __name__ == "__main__":
    main()
