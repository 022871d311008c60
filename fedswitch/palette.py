"""The colors of all figures, on light and on dark pages, and drawings that follow their page from one to the other."""

from __future__ import annotations

import hashlib
import html
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LIGHT = {
    "ink": "#222222",
    "muted": "#5f656d",
    "grid": "#d5d8dc",
    "ground": "#ffffff",
    "1": "#0b5fa5",
    "2": "#b84800",
    "3": "#0b7a5a",
    "4": "#6d1f86",
    "5": "#007f9b",
    "6": "#8a6a00",
    "7": "#c42d57",
    "8": "#6f5f56",
}
"""On a light page, in print and in notebooks: texts, what is less than them, grids, the ground, and eight series."""

DARK = {
    "ink": "#e6e6e6",
    "muted": "#a9b0b9",
    "grid": "#4a4f57",
    "ground": "#14181e",
    "1": "#74b9f5",
    "2": "#f2a65e",
    "3": "#5fd0a5",
    "4": "#f0c9f2",
    "5": "#4fd3ea",
    "6": "#d9bf52",
    "7": "#ff8aa5",
    "8": "#c4b0a4",
}
"""The same on a dark page."""

SERIES = tuple(LIGHT[str(number)] for number in range(1, 9))
"""The eight of `LIGHT`; the first four go together, whatever colors a reader can tell apart."""

_NAMES = {color: name for name, color in LIGHT.items()}


def style_sheet() -> str:
    """CSS with the variables ``--plot-NAME`` of all colors; the ground is that of the page, where it has one."""
    light, dark = (
        "".join(f"--plot-{name}:{color};" for name, color in colors.items() if name != "ground")
        + f"--plot-ground:var(--pst-color-background,{colors['ground']});"
        for colors in (LIGHT, DARK)
    )
    return f':root{{{light}}}\nhtml[data-theme="dark"]{{{dark}}}\n'


def svg_of(figure: Figure) -> str:
    """A figure of Matplotlib as SVG, with texts as texts, the same for the same figure."""
    import matplotlib as mpl  # the colors alone need none of it

    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "plot", "svg.fonttype": "none", "path.simplify": True}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def themed(svg: str) -> str:
    """A drawing of Matplotlib as part of a page, whose colors and font it takes; by itself it is as it was drawn.

    Colors of the palette become its variables, and other grays mixtures of its ink and ground. Names in it are its own,
    so that several drawings can stand on one page.
    """
    drawing = svg[svg.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r'<g id="[^"]*"', "<g", drawing)
    drawing = re.sub(r"<[^>]*>", lambda tag: _shortened(tag[0]), drawing)
    drawing = re.sub(r"\s*\n\s*", " ", re.sub(r"(?<=>)\s+(?=<)", "", drawing)).strip()
    drawing = re.sub(r"<g([^>]*)>((?:<use [^>]*/>)+)</g>", _with_one_style, drawing)
    own = f"d{hashlib.sha256(drawing.encode()).hexdigest()[:6]}"
    drawing = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{own}", drawing)
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: _variable(found[0]), drawing)


def _shortened(tag: str) -> str:
    """A tag whose numbers have two decimals, without a font of its own, or a rotation by nothing."""
    tag = re.sub(r' transform="rotate\(-0 [^)]*\)"|(?<=\.\d\d)\d+', "", tag)
    return re.sub(r'style="[^"]*"', lambda found: re.sub(r"(?<=[:;]) |font-family: [^;\"]*;? ?", "", found[0]), tag)


def _with_one_style(group: re.Match[str]) -> str:
    """A group of marks of one style, which then stands at the group alone."""
    options, marks = group.groups()
    styles = set(re.findall(r' style="([^"]*)"', marks))
    if len(styles) != 1 or "style=" in options:
        return group[0]
    bare = re.sub(r' style="[^"]*"', "", marks)
    return f'<g{options} style="{styles.pop()}">{bare}</g>'


def labelled(drawing: str, alt: str) -> str:
    """HTML under the name `alt`, as one picture."""
    return f'<div class="plot" role="img" aria-label="{html.escape(alt)}">{drawing}</div>'


def _variable(color: str) -> str:
    """The variable that stands for a color, a mixture of ink and ground for a gray, and itself for any other color."""
    if color in _NAMES:
        return f"var(--plot-{_NAMES[color]},{color})"
    if not color[1:3] == color[3:5] == color[5:]:
        return color
    darkest = int(LIGHT["ink"][1:3], 16)
    ink = min(100 * (255 - int(color[1:3], 16)) / (255 - darkest), 100.0)
    return f"color-mix(in srgb,{_variable(LIGHT['ink'])} {ink:.0f}%,{_variable(LIGHT['ground'])})"
