"""What an interactive figure makes of its data: the grid, the JSON, the HTML and the static picture."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from fedswitch.figures.charts import Axis, Control, Curve, Decimals, Panel, Sum, Table, at
from fedswitch.figures.explorable import Explorable, by_itself, told
from fedswitch.figures.numbers import decimals, percent, rounded, signed
from fedswitch.palette import svg_of

PACE, SIZE = Control("pace", ("slow", "fast"), start=1), Control("size", ("1 m", "2 m", "3 m"))
X, Y = Axis("x", 0.0, 2.0), Axis("y", 1e-3, 10.0, "log")
HEIGHTS = np.arange(1.0, 19.0).reshape(2, 3, 3) / 7


def figure(**changes):
    curves = (
        Curve("all", [0.0, 1.0, 2.0], HEIGHTS),
        Curve("by size", [0.0, 1.0, 2.0], HEIGHTS[0], color=2, line="dashed", marker="star"),
    )
    told = {"fact": [["a", "b", "c"], ["d", "e", "<f>"]], "other": ["p", "q", "r"]}
    settings = {
        "title": "A & B",
        "alt": "Two curves",
        "controls": (PACE, SIZE),
        "panels": (Panel(X, Y, curves), Panel(X, Y, curves[:1], title="again")),
        "readout": "It is {fact} and {other}.",
        "facts": told,
    }
    return Explorable(**settings | changes)


def shown(grid, setting):
    """What the script finds in a grid, written anew: rows counted with the last control running fastest."""
    sizes = grid["sizes"]
    table = np.empty(sizes, dtype=object)
    for row, place in zip(grid["rows"], np.ndindex(*sizes), strict=True):
        table[place] = row
    return table[tuple(min(place, size - 1) for place, size in zip(setting, sizes, strict=True))]


@pytest.mark.parametrize("setting", [(0, 0), (0, 2), (1, 1), (1, 2)])
def test_grid_holds_the_values_of_every_setting(setting):
    data = figure().data
    both, one = data["panels"][0]["curves"]
    assert shown(both["y"], setting) == pytest.approx(HEIGHTS[setting], rel=5e-3)
    assert shown(one["y"], setting) == pytest.approx(HEIGHTS[0][setting[1]], rel=5e-3)
    assert (both["y"]["sizes"], one["y"]["sizes"], one["x"]["sizes"]) == ([2, 3], [1, 3], [1, 1])
    assert shown(data["facts"]["other"], setting) == "pqr"[setting[1]]
    np.testing.assert_array_equal(at(HEIGHTS, setting, points=1), HEIGHTS[setting])
    np.testing.assert_array_equal(at(HEIGHTS[0], setting, points=1), HEIGHTS[0][setting[1]])


def test_numbers_are_rounded_and_gaps_are_none():
    y = [1234567.0, np.nan, 0.000123456, 2.0, np.nan, np.nan]
    curve = figure(panels=(Panel(X, Y, (Curve("", np.arange(6.0), y),)),)).data["panels"][0]["curves"][0]
    assert curve["y"]["rows"] == [[1230000, None, 0.000123, 2]]
    assert curve["x"]["rows"] == [[0, 1, 2, 3, 4, 5]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"panels": (Panel(X, Y, (Curve("bent", [0.0], np.ones((2, 4, 1))),)),)},
            "'bent' of shape .* 3 values of 'size'",
        ),
        ({"panels": (Panel(X, Y, (Curve("deep", [0.0], np.ones((2, 2, 3, 1))),)),)}, "'deep' must have at most 2"),
        ({"panels": (Panel(X, Y, (Curve("flat", 0.0, [1.0]),)),)}, "'flat' must have"),
        ({"panels": (Panel(X, Y, (Curve("far", [0.0], [np.inf]),)),)}, "'far' holds an infinite number"),
        ({"facts": {"fact": "a"}}, r"asks for the facts \['fact', 'other'\]"),
        ({"facts": {"fact": ["a", "b"], "other": "c"}}, "'fact' of shape .* 3 values of 'size'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        figure(**changes)


def test_controls_and_axes_refuse_what_they_cannot_show():
    with pytest.raises(ValueError, match="control 'pace' must start at one of its 2"):
        Control("pace", ("slow", "fast"), start=2)
    with pytest.raises(ValueError, match="axis 'x' cannot run from 1 to 0"):
        Axis("x", 1.0, 0.0)
    with pytest.raises(ValueError, match="on a log scale"):
        Axis("x", 0.0, 1.0, "log")


def test_readout_at_a_setting():
    assert figure().said((0, 1)) == "It is b and q."
    assert figure().said(figure().start) == "It is d and p."


def test_page_gets_data_picture_and_readout():
    bundle = figure(facts={"fact": "</script>", "other": "1"})._repr_mimebundle_()
    page = bundle["text/html"]
    data = re.search(r'<script type="application/json">(.*?)</script>', page, re.S)[1]
    assert json.loads(data) == json.loads(json.dumps(figure(facts={"fact": "</script>", "other": "1"}).data))
    assert page.count("</script>") == 2  # that of the data, and the one that makes sliders of them
    assert '<p class="play-said" role="status">It is &lt;/script&gt; and 1.</p>' in page
    assert 'role="group" aria-label="A &amp; B"' in page
    picture = re.search(r'<div class="plot" role="img" aria-label="Two curves">(<svg .*?</svg>)</div>', page, re.S)[1]
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert by_itself() in page
    assert bundle["text/plain"] == "A & B: Two curves\nIt is </script> and 1."


@pytest.mark.parametrize(
    ("changes", "charts", "curves"),
    [
        ({}, 2, HEIGHTS[1, 0]),
        ({"stills": ((0, 1), (1, 2))}, 4, HEIGHTS[0, 1]),
        ({"stills": ((0, 1), (1, 2)), "stacked": True}, 4, HEIGHTS[0, 1]),
    ],
)
def test_static_picture_shows_every_panel_at_every_setting(changes, charts, curves):
    drawn = figure(**changes).still()
    assert len(drawn.axes) == charts
    np.testing.assert_array_equal(drawn.axes[0].lines[0].get_ydata(), curves)
    assert drawn.axes[0].get_yscale() == "log"
    titles = " ".join(axes.get_title(loc="left") for axes in drawn.axes)
    expected = [("slow", "2 m"), ("fast", "3 m")] if changes else [("fast", "1 m")]
    for pace, size in expected:
        assert f"pace: {pace}\nsize: {size}" in titles
    assert {text.get_text() for text in drawn.legends[0].get_texts()} == {"all", "by size"}


def test_static_picture_is_the_same_each_time():
    assert svg_of(figure().still()) == svg_of(figure().still())


def test_text_stands_in_markers_that_are_there():
    curve = Curve("", [0.0, np.nan, 2.0, 2.1, 1.0], [1.0, 1.0, 1.0, 1.0, 11.0], line="none", marker="circle", text="7")
    drawn = figure(panels=(Panel(X, Y, (curve,), square=True),)).still()
    places = [text.get_position() for text in drawn.axes[0].texts]
    assert places == [(0.0, 1.0), (2.0, 1.0)]
    assert drawn.axes[0].get_aspect() == 1.0


@pytest.mark.parametrize(
    ("axis", "labels"),
    [
        (Axis("", -20.0, 20.0), ["\N{MINUS SIGN}20", "\N{MINUS SIGN}10", "0", "10", "20"]),
        (Axis("", 0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (Axis("", 0.5, 10.0, "log"), ["0.5", "1", "2", "5", "10"]),
        (Axis("", 1e-3, 1.0, "log"), ["0.001", "0.01", "0.1", "1"]),
        (Axis("", 2.0, 9.0, "log"), ["2", "5"]),
        (Axis("", 2.1, 4.9, "log"), ["3", "4"]),
        (Axis("", 1e-11, 10.0, "log"), ["10⁻⁹", "10⁻⁶", "0.001", "1"]),
        (Axis("", 0.0, 2.0, ticks=((1.0, "one"),)), ["one"]),
    ],
)
def test_ticks_are_round_and_inside(axis, labels):
    assert [label for _, label in axis.marked] == labels
    assert all(axis.low <= place <= axis.high for place, _ in axis.marked)


def test_wording_of_numbers():
    assert decimals([[0.12345]], 2).tolist() == [["0.12"]]
    assert rounded([1987.6, 0.012345, 0.0]).tolist() == ["1990", "0.0123", "0"]
    assert percent(0.12345) == "12.3 %"
    assert signed(-2.5) == "\N{MINUS SIGN}2.5"


RNG = np.random.default_rng(5)
PACES, SIZES, ALONG = RNG.uniform(0.1, 2.0, 2), RNG.uniform(0.1, 2.0, 3), RNG.uniform(0.1, 2.0, 4)
LATTICE = RNG.uniform(0.1, 2.0, 9)
PRODUCTS = Sum(
    (
        (Table(PACES, (1, 0)), Table(SIZES, (0, 1)), Table(ALONG, along=1)),
        (Table(LATTICE, (1, -2), 1, start=4),),
    ),
    4,
)


@pytest.mark.parametrize("decays", [False, True])
@pytest.mark.parametrize("setting", [(0, 0), (0, 2), (1, 1), (1, 2)])
def test_sums_of_products_are_what_a_loop_makes_of_them(setting, decays):
    pace, size = setting
    expected = [PACES[pace] * SIZES[size] * ALONG[p] + LATTICE[4 + pace - 2 * size + p] for p in range(4)]
    found = Sum(PRODUCTS.terms, 4, decays).at(setting)
    assert found == pytest.approx(np.exp(-np.array(expected)) if decays else expected)
    data = figure(panels=(Panel(X, Y, (Curve("sum", np.arange(4.0), PRODUCTS),)),)).data
    tables = [table for term in data["panels"][0]["curves"][0]["y"]["terms"] for table in term]
    assert [table["values"] for table in tables] == [
        pytest.approx(values, rel=1e-5) for values in (PACES, SIZES, ALONG, LATTICE)
    ]


def test_numbers_with_decimals_are_facts():
    one = Sum(((Table(SIZES, (0, 1)),),))
    shown = figure(facts={"fact": Decimals(one, 2), "other": "p"})
    assert shown.said((1, 2)) == f"It is {SIZES[2]:.2f} and p."
    assert told(Decimals(one), (0, 1)) == f"{SIZES[1]:.3f}"


def test_a_table_that_a_setting_would_leave_is_refused():
    short = Sum(((Table(SIZES, (2, 1)),),))
    with pytest.raises(ValueError, match="'short' reads places 0 to 4 of a table of 3 numbers"):
        figure(panels=(Panel(X, Y, (Curve("short", [0.0], short),)),))
