"""Figures of cells on their page: named, without what the book brings, and never without a name."""

import pytest
from _ext.plots import PALETTE, PlacedPlots, write_palette
from docutils import nodes
from docutils.utils import new_document
from sphinx.errors import SphinxError

from fedswitch.figures.explorable import by_itself
from fedswitch.palette import labelled, style_sheet


class Builder:
    format = "html"
    name = "html"


class Application:
    builder = Builder()

    def __init__(self, outdir):
        self.outdir = outdir


class Environment:
    docname = "page"


def placed(html, alt=None):
    """The HTML of a cell once it is on its page."""
    document = new_document("page")
    image = {"image": {"alt": alt}} if alt else {}
    cell = nodes.container(cell_index=0, cell_metadata={"mystnb": image})
    cell += nodes.raw("", html, format="html")
    document += cell
    document.settings.env = Environment()
    PlacedPlots(document).run()
    (raw,) = document.findall(nodes.raw)
    return raw.astext()


def test_a_figure_gets_the_alternative_text_of_its_cell():
    html = labelled("<svg></svg>", "a figure")
    assert placed(html, 'Two lines\nthat "rise"') == html.replace("a figure", "Two lines that &quot;rise&quot;")


def test_a_figure_without_alternative_text_is_refused():
    with pytest.raises(SphinxError, match="a figure in page has no alternative text: give its cell an alt"):
        placed(labelled("<svg></svg>", "a figure"))


def test_what_figures_with_sliders_need_by_themselves_stays_out_of_the_page():
    figure = '<div class="play">data</div>\n'
    assert placed(figure + by_itself()).strip() == figure.strip()


def test_other_html_stays_as_it_is():
    html = '<table class="dataframe"><style>td { color: red }</style></table>'
    assert placed(html) == html


def test_colors_are_written_beside_the_other_styles(tmp_path):
    write_palette(Application(tmp_path))
    assert (tmp_path / "_static" / PALETTE).read_text("utf-8") == style_sheet()
