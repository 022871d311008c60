"""Colors: told apart by everyone, on both grounds; and drawings that take them from their page."""

import itertools
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from colors import contrast, linear
from matplotlib.figure import Figure

from fedswitch.palette import DARK, LIGHT, labelled, style_sheet, themed
from fedswitch.studies.style import LOOKS, responsive

# G. M. Machado et al., A physiologically-based model for simulation of color vision deficiency, 2009, at full severity
SEEN_BY = {
    "all": np.eye(3),
    "protanopes": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopes": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
TOGETHER = {
    "the first four": [1, 2, 3, 4],
    "Fig. 2": [LOOKS[name].series for name in ("switching", "hetlora", "flexlora", "full")],
    "Fig. 4": [LOOKS[name].series for name in ("switching", "greedy", "one_shot", "fedlora")],
    "energy": [LOOKS[name].series for name in ("switching", "energy")],
}


def lab(light):
    """CIE L*a*b* of linear RGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.maximum(to_xyz @ np.clip(light, 0, 1), 0.008856) / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_colors_stand_out_from_their_ground(colors):
    for name, color in colors.items():
        if name not in ("ground", "grid"):
            assert contrast(color, colors["ground"]) >= 4.5, name


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("eyes", SEEN_BY)
@pytest.mark.parametrize("panel", TOGETHER)
def test_series_of_a_panel_are_told_apart_by_all_eyes(colors, eyes, panel):
    seen = [lab(SEEN_BY[eyes] @ linear(colors[str(number)])) for number in TOGETHER[panel]]
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(one - other) >= 10.0


def test_both_themes_have_the_same_names_and_the_sheet_has_all_of_them():
    assert list(LIGHT) == list(DARK)
    sheet = style_sheet()
    for name in LIGHT:
        assert sheet.count(f"--plot-{name}:") == 2


def drawn():
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1, 2], [0, 2, 1], "o-", color=LIGHT["1"], label="a < b")
    axes.axhline(1.5, color="0.3")
    axes.set(xlabel="red", ylabel="y: 1; 2.3456")
    axes.legend()
    return figure


def test_a_drawing_takes_colors_and_font_of_its_page_and_shares_no_name_with_others():
    page = responsive(drawn())
    wide, narrow = re.findall(r"<svg .*?</svg>", page, re.DOTALL)
    for svg in (wide, narrow):
        ElementTree.fromstring(svg)  # well-formed
        assert not re.findall(r"(?<!,)#[0-9a-f]{6}\b", svg)  # each within a variable
        assert f"var(--plot-1,{LIGHT['1']})" in svg
        assert "color-mix(in srgb,var(--plot-ink,#222222) 81%,var(--plot-ground,#ffffff))" in svg  # a gray of 0.3
        found = (one for one in ElementTree.fromstring(svg).iter() if one.tag.endswith("text"))
        assert "font-family" not in svg
        texts = ["".join(text.itertext()).strip() for text in found]
        assert {"red", "y: 1; 2.3456", "a < b"} <= set(texts)
        named = set(re.findall(r'\bid="([^"]+)"', svg))
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg)) <= named
    assert not set(re.findall(r'\bid="([^"]+)"', wide)) & set(re.findall(r'\bid="([^"]+)"', narrow))


def test_a_figure_is_laid_out_for_a_phone_with_letters_of_the_same_size():
    figure = drawn()
    page = responsive(figure)
    widths = [float(width) for width in re.findall(r'<svg [^>]*?\bwidth="([\d.]+)pt"', page)]
    assert widths == [5 * 72, pytest.approx(3.6 * 72, abs=0.1)]
    assert figure.get_size_inches().tolist() == [5, 3]
    wide, narrow = page.split('class="plot-narrow"')
    sizes = [sorted(set(re.findall(r"font-size:([\d.]+px)", part))) for part in (wide, narrow)]
    assert sizes[0] == sizes[1] != []


def test_a_picture_has_a_name():
    page = labelled("<svg></svg>", 'a "b" < c')
    assert page == '<div class="plot" role="img" aria-label="a &quot;b&quot; &lt; c"><svg></svg></div>'


def test_marks_of_one_style_say_it_once():
    figure = drawn()
    assert themed(responsive(figure)).count("<use ") >= 3
    groups = re.findall(r"<g[^>]*>(?:<use [^>]*/>){2,}</g>", responsive(figure))
    assert groups
    assert not [group for group in groups if group.count("style=") > 1]
