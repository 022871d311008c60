"""Interactive figures in a real browser: sliders by keyboard, numbers on the screen, what is left without script."""

import functools
from pathlib import Path

import numpy as np
import pytest
from colors import contrast

from fedswitch.figures.charts import Axis, Control, Curve, Decimals, Panel, Sum, Table
from fedswitch.figures.explorable import ASSETS, Explorable, by_itself
from fedswitch.palette import style_sheet

X = np.array([1.0, 10.0, 100.0])
LEFT = np.array([[[1.0, 2.0, 4.0]], [[2.0, 3.0, 6.0]], [[5.0, 7.0, 8.0]]])  # by pace, the same for all sizes
RIGHT = np.arange(18.0).reshape(3, 2, 3) / 2
BASE = "body {{ margin: 0; padding: 8px; background: {ground}; color: {ink}; }}"


@functools.cache
def markup(**changes):
    """The HTML of a figure."""
    panels = (
        Panel(
            Axis("reach", 1.0, 100.0, "log"),
            Axis("height", 0.0, 10.0),
            (
                Curve("printed", X, LEFT, color=2, line="dashed"),
                Curve("corrected", X, RIGHT, color=1),
                Curve("best", X[:1], LEFT[..., :1], line="none", marker="star"),
            ),
        ),
        Panel(
            Axis("reach", 1.0, 100.0, "log"),
            Axis("height", 0.0, 10.0),
            (Curve("numbers", X, RIGHT, color=3, line="none", marker="circle", text="4"),),
            title="Numbers",
        ),
    )
    settings = {
        "title": "Heights",
        "alt": "Two lines that rise from the left to the right",
        "controls": (Control("pace", ("1 m/s", "2 m/s", "3 m/s"), start=1), Control("size", ("small", "large"))),
        "panels": panels,
        "readout": "The last height is {height}; the size is {size}.",
        "facts": {"height": RIGHT[..., -1].astype(str), "size": [["small", "large"]]},
    }
    return Explorable(**settings | changes).html().replace(by_itself(), "")  # a page of the book loads that once


@pytest.fixture
def place(tmp_path):
    """Write a page with a figure, in a light or dark theme; returns its address."""

    def write(shown, theme="light"):
        ground, ink = ("#14181e", "#e6e6e6") if theme == "dark" else ("#ffffff", "#222222")
        style = (ASSETS / "play.css").as_uri()
        page = (
            f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>Figure</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<style>{style_sheet()}{BASE.format(ground=ground, ink=ink)}</style><link rel="stylesheet" href="{style}">'
            f'<script defer src="{(ASSETS / "play.js").as_uri()}"></script></head>'
            f"<body><main><h1>Figure</h1>{shown}</main></body></html>"
        )
        (tmp_path / "page.html").write_text(page, encoding="utf-8")
        return (tmp_path / "page.html").as_uri()

    return write


MODIFIERS = {"Alt": "altKey", "Control": "ctrlKey", "Meta": "metaKey"}


def sliders(tab):
    return tab.locator(".play-controls").get_by_role("slider")


def heights(tab, curve=1, panel=0):
    """The heights of a drawn line, read off the chart by its own ticks."""
    return tab.evaluate(
        """([panel, curve]) => {
            const chart = document.querySelectorAll(".play-chart > svg")[panel];
            const ticks = [...chart.querySelectorAll(".play-frame text[text-anchor=end]")]
                .map((tick) => [Number(tick.getAttribute("y")) - 4, Number(tick.textContent)]);
            const [[low, a], [high, b]] = [ticks[0], ticks[ticks.length - 1]];
            const points = chart.querySelectorAll("svg .play-line")[curve].getAttribute("d").split(/[ML]/).slice(1);
            return points.map((point) => a + (b - a) * (Number(point.split(" ")[1]) - low) / (high - low));
        }""",
        [panel, curve],
    )


def test_arrow_keys_move_readout_value_and_line(tab, place):
    tab.goto(place(markup()))
    pace = sliders(tab).first
    said = tab.locator(".play-said")
    assert said.inner_text() == "The last height is 4.0; the size is small."
    assert pace.get_attribute("aria-valuetext") == "2 m/s"
    for key, setting, value in (
        ("ArrowRight", (2, 0), "3 m/s"),
        ("Home", (0, 0), "1 m/s"),
        ("ArrowUp", (1, 0), "2 m/s"),
    ):
        pace.press(key)
        assert pace.get_attribute("aria-valuetext") == value
        assert tab.locator(".play-value").first.inner_text() == value
        assert said.inner_text() == f"The last height is {RIGHT[setting][-1]}; the size is small."
        assert heights(tab) == pytest.approx(RIGHT[setting], abs=0.05)
        assert heights(tab, curve=0) == pytest.approx(LEFT[setting], abs=0.05)
    sliders(tab).nth(1).press("End")
    assert said.inner_text() == "The last height is 5.5; the size is large."
    assert heights(tab) == pytest.approx(RIGHT[1, 1], abs=0.05)
    assert said.get_attribute("aria-live") == "polite"


def test_every_control_is_reached_by_tab_and_named(tab, place):
    tab.goto(place(markup()))
    names = []
    for _ in range(5):
        tab.keyboard.press("Tab")
        names.append(
            tab.evaluate(
                """() => {
                    const at = document.activeElement;
                    return at.getAttribute("aria-label") ?? (at.labels?.[0]?.firstChild ?? at).textContent;
                }"""
            )
        )
    values = "Chart of height: move along reach"
    assert names == ["pace", "size", "Reset", values, values]
    assert tab.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert tab.get_by_label("pace").count() == 1
    assert tab.get_by_role("group", name="Heights").count() == 1
    assert tab.get_by_role("img", name="Chart: height against reach").count() == 2


def reading(tab, chart=0):
    return tab.locator(".play-reading").nth(chart).inner_text()


def test_values_are_read_where_one_points_and_with_every_setting(tab, place):
    tab.goto(place(markup()))
    chart = tab.locator(".play-chart").first
    svg = chart.locator(":scope > svg")
    box, frame = svg.bounding_box(), svg.evaluate("(svg) => ({ left: svg.frame.left, inner: svg.frame.inner })")

    def point(share):
        tab.mouse.move(box["x"] + frame["left"] + share * frame["inner"], box["y"] + 100)

    assert reading(tab) == ""
    point(0.5)  # of a logarithmic axis from 1 to 100
    assert reading(tab).startswith("reach: 10. printed: 3; corrected: 3.5")
    point(0.75)
    assert reading(tab).startswith("reach: 31.6. printed: 4.5; corrected: 3.75")
    assert chart.locator(".play-cursor").count() == 1
    sliders(tab).first.evaluate("(input) => { input.value = 2; input.dispatchEvent(new Event('input')); }")
    assert reading(tab).startswith("reach: 31.6. printed: 7.5; corrected: 6.75")
    tab.mouse.move(2, 2)
    assert reading(tab) == ""
    assert chart.locator(".play-cursor").count() == 0


def test_a_finger_that_taps_reads_the_value_where_it_taps(browser, place):
    context = browser.new_context(has_touch=True)
    page = context.new_page()
    page.goto(place(markup()))
    svg = page.locator(".play-chart > svg").first
    box, frame = svg.bounding_box(), svg.evaluate("(svg) => ({ left: svg.frame.left, inner: svg.frame.inner })")
    for share, start in ((0.75, "reach: 31.6. printed: 4.5"), (0.5, "reach: 10. printed: 3;")):
        page.touchscreen.tap(box["x"] + frame["left"] + share * frame["inner"], box["y"] + 100)
        assert reading(page).startswith(start)
    context.close()


def test_on_a_logarithmic_axis_values_are_read_off_the_line_that_is_drawn(tab, place):
    axes = Axis("reach", 0.0, 1.0), Axis("height", 1.0, 100.0, "log")
    panel = Panel(*axes, (Curve("grows", [0.0, 1.0], [1.0, 100.0]),))
    tab.goto(place(markup(panels=(panel,))))
    tab.locator(".play-chart").focus()
    assert reading(tab).startswith("reach: 0.5. grows: 10")


@pytest.mark.parametrize("modifier", ["Alt", "Control", "Meta"])
def test_a_key_with_a_modifier_is_left_to_the_browser(tab, place, modifier):
    tab.goto(place(markup()))
    chart = tab.locator(".play-chart").first
    chart.focus()
    pressed = f"new KeyboardEvent('keydown', {{ key: 'End', {MODIFIERS[modifier]}: true, cancelable: true }})"
    assert chart.evaluate(f"(chart) => chart.dispatchEvent({pressed})")
    assert reading(tab).startswith("reach: 10.")


def test_values_are_read_by_keyboard_and_spoken(tab, place):
    """What is shown is the value of a slider, which a screen reader speaks at each key."""
    tab.goto(place(markup()))
    chart = tab.get_by_role("slider", name="Chart of height").first
    assert chart.get_attribute("aria-valuenow") == "20"
    chart.focus()
    assert reading(tab).startswith("reach: 10. printed: 3; corrected: 3.5")
    for key, start in {
        "End": "reach: 100. printed: 6; corrected: 4",
        "Home": "reach: 1. printed: 2; corrected: 3; best: 2",
        "ArrowRight": "reach: 1.12.",
    }.items():
        chart.press(key)
        assert reading(tab).startswith(start)
        assert chart.get_attribute("aria-valuetext") == reading(tab)
    assert chart.get_attribute("aria-valuenow") == "1"
    chart.press("Escape")
    assert reading(tab) == ""
    chart.evaluate("(chart) => chart.blur()")


@pytest.mark.parametrize("decays", [False, True])
def test_the_script_adds_and_multiplies_as_python_does(tab, place, decays):
    rng = np.random.default_rng(1)
    terms = (
        (Table(rng.uniform(0.1, 1, 3), (1, 0)), Table(rng.uniform(0.1, 1, 3), along=1)),
        (Table(rng.uniform(0.1, 1, 8), (2, -1), 1, start=1),),
    )
    total = Sum(terms, 3, decays)
    panel = Panel(Axis("reach", 1.0, 100.0, "log"), Axis("height", 0.0, 10.0), (Curve("sum", X, total),))
    first = Sum(total.terms, 1, decays)
    facts = {"height": Decimals(first), "size": [["small", "large"]]}
    tab.goto(place(markup.__wrapped__(panels=(panel,), facts=facts)))  # a dictionary keeps it out of the cache
    for setting, key in (((1, 0), ""), ((2, 0), "ArrowRight"), ((0, 0), "Home")):
        if key:
            sliders(tab).first.press(key)
        assert heights(tab, curve=0) == pytest.approx(total.at(setting), abs=0.05)
        said = tab.locator(".play-said").inner_text()
        assert said == f"The last height is {first.at(setting)[0]:.3f}; the size is small."


def test_gaps_of_a_factor_are_gaps_of_the_product(tab, place):
    shown = Table([1.0, 1.0, np.nan, np.nan], (1, 0), along=1, start=0)
    curve = Curve("gaps", Sum(((Table(X[:2], along=1), shown),), 2), [3.0, 4.0], line="none", marker="circle")
    panel = Panel(Axis("reach", 1.0, 100.0, "log"), Axis("height", 0.0, 10.0), (curve,))
    tab.goto(place(markup(panels=(panel,))))
    marks = tab.locator(".play-chart .play-marker")
    assert marks.count() == 1  # at the second pace
    sliders(tab).first.press("Home")
    assert marks.count() == 2
    sliders(tab).first.press("End")
    assert marks.count() == 0


def test_a_figure_by_itself_has_sliders_in_a_notebook(tab, tmp_path):
    """As Jupyter shows it: no style, no script, and no theme but those that it brings; twice on a page."""
    alone = markup() + by_itself()
    path = tmp_path / "notebook.html"
    path.write_text(f'<!doctype html><html lang="en"><meta charset="utf-8"><body>{alone}{alone}</body></html>', "utf-8")
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(path.as_uri())
    assert sliders(tab).count() == 4
    sliders(tab).first.press("End")
    assert tab.locator(".play-said").first.inner_text() == "The last height is 7.0; the size is small."
    assert tab.locator(".play-said").last.inner_text() == "The last height is 4.0; the size is small."
    assert not tab.locator(".play-still").first.is_visible()
    assert asked == [path.as_uri()]


def test_reset_goes_back_to_the_start(tab, place):
    tab.goto(place(markup()))
    before = tab.locator(".play-chart").first.inner_html()
    for i, key in enumerate(("End", "End")):
        sliders(tab).nth(i).press(key)
    assert tab.locator(".play-chart").first.inner_html() != before
    tab.get_by_role("button", name="Reset").click()
    assert tab.locator(".play-chart").first.inner_html() == before
    assert sliders(tab).first.input_value() == "1"
    assert tab.locator(".play-said").inner_text() == "The last height is 4.0; the size is small."


def test_marks_stand_at_the_grid_points_and_lines_differ_without_color(tab, place):
    tab.goto(place(markup()))
    numbers = tab.locator(".play-chart").nth(1).locator(".play-marker")
    assert [numbers.nth(i).text_content() for i in range(numbers.count())] == ["4", "4", "4"]
    lines = tab.locator(".play-chart").first.locator(".play-line")
    assert lines.nth(0).get_attribute("stroke-dasharray")
    assert lines.nth(1).get_attribute("stroke-dasharray") is None
    legend = tab.locator(".play-legend").first.locator("li")
    assert [legend.nth(i).inner_text().strip() for i in range(3)] == ["printed", "corrected", "best"]
    ticks = tab.locator(".play-chart").first.locator(".play-frame text[text-anchor=middle]").all_text_contents()
    assert ticks == ["1", "10", "100", "reach"]


def test_gap_breaks_the_line(tab, place):
    curve = Curve("broken", [1.0, 5.0, 10.0, 50.0, 100.0], [1.0, 2.0, np.nan, 3.0, 4.0])
    tab.goto(place(markup(panels=(Panel(Axis("x", 1.0, 100.0, "log"), Axis("y", 0.0, 5.0), (curve,)),))))
    drawn = tab.locator(".play-chart .play-line").first.get_attribute("d")
    assert [drawn.count(letter) for letter in "ML"] == [2, 2]


def test_without_script_the_picture_is_there(browser, place):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(place(markup()))
    picture = page.get_by_role("img", name="Two lines that rise")
    assert picture.is_visible()
    assert picture.bounding_box()["height"] > 100
    assert page.get_by_text("The last height is 4.0; the size is small.").is_visible()
    assert page.get_by_role("slider").count() == 0
    context.close()


def test_print_shows_the_picture_and_no_controls(tab, place):
    tab.goto(place(markup()))
    assert not tab.locator(".play-still").is_visible()
    tab.emulate_media(media="print")
    assert tab.locator(".play-still").is_visible()
    assert tab.locator(".play-still").bounding_box()["height"] > 100
    assert not tab.locator(".play-live").is_visible()
    tab.emulate_media(media="screen")
    assert tab.locator(".play-live").is_visible()


@pytest.mark.parametrize("width", [320, 360, 768])
def test_nothing_overflows_and_charts_follow_the_width(tab, place, width):
    tab.goto(place(markup()))
    tab.set_viewport_size({"width": width, "height": 700})
    tab.wait_for_function("(w) => document.querySelector('.play-chart > svg').clientWidth < w", arg=width)
    assert tab.evaluate("() => document.documentElement.scrollWidth") <= width
    chart = tab.locator(".play-chart > svg").first.bounding_box()
    beside = 2 if width == 768 else 1
    assert chart["width"] == pytest.approx((width - 16) / beside, abs=16)
    texts = tab.locator(".play-chart text").all()
    assert min(text.evaluate("(text) => parseFloat(getComputedStyle(text).fontSize)") for text in texts) >= 11
    for one in tab.locator(".play-chart > svg").all():
        around = one.bounding_box()
        for text in one.locator(".play-frame text").all():
            box = text.bounding_box()
            assert box["x"] >= around["x"] - 1
            assert box["x"] + box["width"] <= around["x"] + around["width"] + 1
            assert box["y"] + box["height"] <= around["y"] + around["height"] + 1


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_the_legend_can_be_read(tab, place, width):
    """Below its chart, where it is as large as text and takes nothing from the lines, each name on one line."""
    tab.set_viewport_size({"width": width, "height": 700})
    tab.goto(place(markup()))
    chart = tab.locator(".play-chart").first.bounding_box()
    for item in tab.locator(".play-legend").first.locator("li").all():
        box = item.bounding_box()
        assert item.evaluate("(item) => parseFloat(getComputedStyle(item).fontSize)") >= 14
        assert box["y"] >= chart["y"] + chart["height"]
        assert box["x"] + box["width"] <= width
        assert box["height"] < 40


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colors_stand_out_in_both_themes(tab, place, theme):
    tab.goto(place(markup(), theme))
    ground = tab.evaluate("() => getComputedStyle(document.body).backgroundColor")
    style = "(element) => { const s = getComputedStyle(element); return [s.stroke, s.fill]; }"
    for locator in tab.locator(".play-chart .play-line").all():
        assert contrast(locator.evaluate(style)[0], ground) >= 3
    for locator in tab.locator(".play-chart .play-frame text").all():
        assert contrast(locator.evaluate(style)[1], ground) >= 4.5
    inked = tab.locator(".play-filled").last
    assert contrast(inked.locator("path").evaluate(style)[1], inked.locator("text").evaluate(style)[1]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(tab, place, theme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs axe: pip install axe-playwright-python"
    )
    tab.goto(place(markup(played=0), theme))
    found = axe.Axe().run(tab, options={"preload": False}).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_button_plays_and_any_slider_stops_it(browser, place):
    context = browser.new_context(reduced_motion="no-preference")
    page = context.new_page()
    page.clock.install()
    page.goto(place(markup(played=0)))
    slider, said = sliders(page).first, page.locator(".play-said")
    page.get_by_role("button", name="Play").click()
    assert said.get_attribute("aria-live") == "off"
    page.clock.run_for(1000)
    assert slider.get_attribute("aria-valuetext") == "3 m/s"
    assert page.get_by_role("button", name="Play").count() == 1  # at the end it stops by itself
    page.get_by_role("button", name="Play").click()  # and begins anew
    assert slider.get_attribute("aria-valuetext") == "1 m/s"
    sliders(page).nth(1).press("End")
    page.clock.run_for(5000)
    assert slider.get_attribute("aria-valuetext") == "1 m/s"
    assert said.get_attribute("aria-live") == "polite"
    context.close()


def test_nothing_plays_for_who_wants_less_motion_or_where_nothing_is_played(browser, tab, place):
    tab.goto(place(markup(played=0)))  # this tab asks for less motion
    assert tab.get_by_role("button").all_text_contents() == ["Reset"]
    context = browser.new_context(reduced_motion="no-preference")
    page = context.new_page()
    page.goto(place(markup()))
    assert page.get_by_role("button").all_text_contents() == ["Reset"]
    context.close()


def test_no_request_leaves_the_page(tab, place):
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(place(markup(played=0)))
    sliders(tab).first.press("End")
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}
    assert sorted(Path(url).name for url in asked if url.startswith("file")) == ["page.html", "play.css", "play.js"]
