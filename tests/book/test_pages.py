"""Opens every page from disk, as a double click does, in Chromium on a phone, a tablet and a desktop, light and dark.

Each page is opened once and then resized; each test reads one thing off that visit. Nothing here depends on the clock:
how soon a page shows is measured by benchmarks/pages.py, and what it depends on, the bytes, is held here.
"""

import functools
import gzip
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

WIDTHS = (1440, 768, 360)
SCHEMES = ("light", "dark")
MEGABYTE = 1e6
PATIENCE_MS = 600_000  # a busy machine is slow, not wrong

# A phone has a header of its own, and what differs between the schemes are colors. These come last, on what is left of
# the page then, since they take axe most of its time.
COLORS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
STRUCTURE = {"rules": {rule: {"enabled": False} for rule in COLORS["runOnly"]["values"]}}
AXE = (
    (1440, "light", None, STRUCTURE),
    (360, "light", {"exclude": [["article"]]}, STRUCTURE),
    (1440, "light", None, COLORS),
    (1440, "dark", None, COLORS),
)

OPEN_ALL = """() => {
    document.querySelectorAll("details").forEach(e => e.open = true);
    document.querySelectorAll(".toggle-button-hidden").forEach(e => e.click());
}"""

FACTS = r"""() => {
    const find = selector => [...document.querySelectorAll(selector)];
    const all = (selector, wanted) => find(selector).filter(wanted).map(e => e.outerHTML.slice(0, 150));
    const text = document.body.cloneNode(true);
    text.querySelectorAll("pre, code, script, style, .math").forEach(e => e.remove());
    return {
        all: document.querySelector("main").textContent,
        text: text.textContent,
        unset: all(".math", e => !e.querySelector("mjx-container")),
        wrong: all("mjx-merror, [data-mjx-error], mjx-mtext[style*=red]", () => true),
        headings: find("h1, h2, h3, h4, h5, h6").filter(e => e.checkVisibility()).map(e => +e.tagName[1]),
        missing: all("img", e => e.loading !== "lazy" && !e.naturalWidth),
    };
}"""

# Sideways: the page itself; cut: what is wider than its place where nothing scrolls; out of reach: what the keyboard
# cannot get to, parts that scroll included. Only one of several tabs or of several radio buttons takes the focus, from
# where the arrow keys lead on.
LAYOUT = """() => {
    const shown = e => e.outerHTML.slice(0, 150), width = document.documentElement.clientWidth;
    const visible = [...document.body.querySelectorAll("*")].filter(e => e.checkVisibility({checkVisibilityCSS: true}));
    const scrolls = e => e.scrollWidth > e.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(e).overflowX)
        && !e.querySelector("a[href], button, input, select, [tabindex='0']");
    const operable = e => e.matches("a[href], button, input, select, summary, [onclick], [role=button], [role=slider]")
        && !e.disabled && !e.closest("[aria-hidden=true], [role=tablist], [role=radiogroup]");
    return {
        theme: document.documentElement.dataset.theme,
        sideways: document.documentElement.scrollWidth <= width ? [] : ["the page"].concat(
            visible.filter(e => e.getBoundingClientRect().right > width + 1).map(shown)),
        cut: visible.filter(e => e.matches("article *") && !e.closest("mjx-container")
            && e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 2
            && ["hidden", "clip"].includes(getComputedStyle(e).overflowX)).map(shown),
        outOfReach: visible.filter(e => e.tabIndex < 0 && (operable(e) || scrolls(e))).map(shown),
    };
}"""

# What axe would look at thousands of times and must not touch: the insides of equations.
WITHOUT_FORMULAS = """() => document.querySelectorAll("mjx-assistive-mml").forEach(e => {
    e.textContent = "formula";
    e.parentNode.replaceChildren(e);
})"""

# What looks alike has one color: of elements with the same tags and classes up to the page's body, three stay.
THIN = """() => {
    const seen = {}, path = e => e === document.body ? "" :
        path(e.parentNode) + ` ${e.tagName}.${e.getAttribute("class")}.${e.getAttribute("style")}`;
    const thin = e => {
        [...e.children].forEach(thin);
        const place = path(e);
        if (!e.childElementCount && seen[place] >= 3) e.remove();
        else seen[place] = (seen[place] || 0) + 1;
    };
    [...document.body.children].forEach(thin);
}"""


@dataclass(frozen=True)
class Visit:
    """What a first visit met: errors, files loaded, facts, layouts by width and scheme, and barriers that axe found."""

    errors: list[str]
    requests: list[str]
    facts: dict[str, object]
    layouts: dict[tuple[int, str], dict[str, object]]
    barriers: list[str]

    def everywhere(self, key):
        """What `LAYOUT` said, by width and scheme, where it said anything."""
        return {place: layout[key] for place, layout in self.layouts.items() if layout[key]}


def look(browser, address):
    """Open a page once, and look at it at all widths and in both schemes, with everything opened that was folded."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    errors, requests, layouts, barriers = [], {}, {}, []
    with browser.new_context(viewport={"width": WIDTHS[0], "height": 900}, reduced_motion="reduce") as context:
        context.set_default_timeout(PATIENCE_MS)
        tab = context.new_page()
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("request", lambda request: requests.update({request.url: None}))
        tab.on("requestfailed", lambda request: errors.append(f"{request.url} is missing"))
        tab.goto(address, wait_until="load")  # from then on MathJax has begun
        tab.evaluate("() => window.MathJax?.startup?.promise")
        tab.wait_for_load_state("networkidle")
        tab.evaluate("() => document.fonts.ready.then(() => null)")
        loaded = list(requests)
        tab.evaluate(OPEN_ALL)
        facts = tab.evaluate(FACTS)
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 900})
            for scheme in SCHEMES:
                tab.emulate_media(color_scheme=scheme)
                tab.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
                layouts[width, scheme] = tab.evaluate(LAYOUT)
        tab.evaluate(WITHOUT_FORMULAS)
        for width, scheme, part, options in AXE:
            if options is COLORS:
                tab.evaluate(THIN)
            tab.set_viewport_size({"width": width, "height": 900})
            tab.emulate_media(color_scheme=scheme)
            # a page from disk may not read its style sheets, for which only one rule asks, and not a serious one
            quick = {"resultTypes": ["violations"], "preload": False, "iframes": False}
            found = axe.run(tab, context=part, options={**quick, **options}).response
            barriers += [
                f"{rule['id']} at {width} px, {scheme}: {node['html'][:150]}"
                for rule in found["violations"]
                if rule["impact"] in ("serious", "critical")
                for node in rule["nodes"]
            ]
    return Visit(errors, loaded, facts, layouts, barriers)


@pytest.fixture(scope="session")
def visits():
    return {}


@pytest.fixture
def visit(page, book, browser, visits):
    if page not in visits:
        visits[page] = look(browser, (book / page).as_uri())
    return visits[page]


def test_nothing_goes_wrong(visit):
    assert not visit.errors


def test_no_request_leaves_the_book(visit, book):
    inside = (f"{book.as_uri()}/", "data:", "blob:")
    assert not [url for url in visit.requests if not url.startswith(inside)]


def test_mathjax_sets_every_equation(visit):
    assert not visit.facts["unset"]
    assert not visit.facts["wrong"]


def test_no_tex_is_left_in_the_text(visit):
    assert not re.findall(r"\$[^$\n]{1,80}\$|\\[a-zA-Z]{2,}|\\\(|\\\[", visit.facts["text"])


def test_no_page_shows_the_machine_or_an_object_in_place_of_its_words(visit, book):
    """Neither a folder of the clone that built the book, nor what Python calls an object that could not be shown."""
    page = visit.facts["all"]
    assert str(book.parents[1]) not in page
    assert not re.findall(r"<(?:IPython|fedswitch|matplotlib|pandas)[\w.]* (?:object|size)[^>]*>", page)


def test_every_image_is_there(visit):
    assert not visit.facts["missing"]


def test_headings_begin_with_the_title_and_skip_no_level(visit):
    headings = visit.facts["headings"]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in pairwise(headings))


def test_page_does_not_scroll_sideways(visit):
    assert not visit.everywhere("sideways")


def test_nothing_is_cut_off(visit):
    assert not visit.everywhere("cut")


def test_theme_follows_the_system(visit):
    assert {(s, layout["theme"]) for (_, s), layout in visit.layouts.items()} == {(s, s) for s in SCHEMES}


def test_keyboard_reaches_what_can_be_operated_and_what_scrolls(visit):
    assert not visit.everywhere("outOfReach")


def test_axe_finds_no_serious_barrier(visit):
    assert not visit.barriers


def files(urls):
    """The files that were loaded from disk."""
    return [Path(unquote(urlparse(url).path)) for url in urls if url.startswith("file:")]


@functools.cache  # of the files that all pages share
def transferred(path):
    """The bytes that a web server sends for a file: text is compressed on the way, images and fonts already are."""
    content = path.read_bytes()
    return len(content) if path.suffix in (".png", ".woff", ".woff2") else len(gzip.compress(content))


def test_page_is_light(visit, book):
    """What counts is all that a first visit loads; what the page shares with others, and what not, is bounded apart."""
    loaded = files(visit.requests)
    own = [path for path in loaded if book / "_static" not in path.parents]
    shared = [path for path in loaded if path not in own]
    assert sum(map(transferred, loaded)) < 1.5 * MEGABYTE
    assert sum(path.stat().st_size for path in own) < 0.75 * MEGABYTE
    assert sum(path.stat().st_size for path in shared) < 2 * MEGABYTE


FLAWS = """<!DOCTYPE html><html lang="en"><head><title>Flaws</title><style>{style}</style></head><body><main><article>
<h1>Flaws</h1><h3>A level left out</h3><p>What costs $5 and \\(x\\)</p><span class="math">\\(x\\)</span>
<img src="nowhere.png"><p class="pale">Pale</p>{copies}<p class="pale dark">Pale in the dark</p>
<div style="overflow: hidden; width: 99px"><div style="width: 200px">Cut</div></div>
<div style="overflow: auto; width: 99px"><div style="width: 200px">Scrolls</div></div>
<div style="width: 400px">Wide</div><a href="#" tabindex="-1">Link</a></article></main>
<script>throw new Error("on purpose")</script></body></html>"""
STYLE = ".pale { color: #eee } @media (prefers-color-scheme: dark) { body { background: #fff } .dark { color: #fee } }"


def test_every_flaw_is_found(browser, tmp_path):
    """Of the page that is thinned out, too, on which many paragraphs look alike."""
    path = tmp_path / "flaws.html"
    path.write_text(FLAWS.format(style=STYLE, copies="<p>As it should be</p>" * 9), encoding="utf-8")
    visit = look(browser, path.as_uri())
    assert any("on purpose" in error for error in visit.errors)
    assert any("nowhere.png is missing" in error for error in visit.errors)
    assert len(visit.facts["unset"]) == len(visit.facts["missing"]) == 1
    assert visit.facts["headings"] == [1, 3]
    assert "$5" in visit.facts["text"]
    assert "\\(" in visit.facts["text"]
    assert set(visit.everywhere("sideways")) == {(360, scheme) for scheme in SCHEMES}
    for layout in visit.layouts.values():
        assert "Cut" in layout["cut"][0]
        assert {"Scrolls" in part for part in layout["outOfReach"]} == {True, False}
    rules = [barrier.split()[0] for barrier in visit.barriers]
    assert rules.count("color-contrast") == 4  # two paragraphs, in both schemes
    assert "image-alt" in rules


def test_search_from_disk_finds_lambert_w(book, tab):
    tab.goto((book / "book/index.html").as_uri())
    tab.keyboard.press("Control+k")
    tab.keyboard.type("Lambert W")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=Lambert*")
    tab.locator("#search-results a[href^='book/resources.html']").first.click()
    tab.wait_for_url("**/book/resources.html*")
    tab.locator("article .highlighted").first.wait_for(state="visible")
    # a single letter is on every page, and neither searched for nor highlighted
    assert {text.lower() for text in tab.locator("article .highlighted").all_text_contents()} == {"lambert"}


def test_front_page_leads_to_the_book(book, tab):
    tab.goto((book / "index.html").as_uri())
    tab.wait_for_url("**/book/index.html")
    assert tab.locator("article h1").is_visible()


def test_solution_opens_by_keyboard(book, tab):
    tab.goto((book / "book/resources.html").as_uri())
    solution = tab.locator("article .solution.dropdown").first
    text, button = solution.locator("section p").first, solution.locator(".toggle-button")
    text.wait_for(state="hidden")
    button.press("Enter")
    text.wait_for(state="visible")
    button.press("Space")
    text.wait_for(state="hidden")
