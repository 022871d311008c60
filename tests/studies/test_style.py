import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from fedswitch.learning.schemes import SCHEMES
from fedswitch.split import POLICIES
from fedswitch.studies import concepts, fig2_convergence, fig4_switching, split_fig5
from fedswitch.studies.records import load_result
from fedswitch.studies.split_runs import draw_learning
from fedswitch.studies.style import LOOKS, NARROW_IN, _apart, distinct_lines, label_ends, scheme_look, use_style


@pytest.mark.parametrize("setting", [{"text.usetex": True}, {"savefig.bbox": "tight"}, {"axes.unicode_minus": False}])
def test_figures_look_the_same_whatever_is_set_for_others(setting):
    with plt.rc_context():
        use_style()
        ours = dict(plt.rcParams)
        plt.rcParams.update(setting)
        use_style()
        assert dict(plt.rcParams) == ours


def test_every_scheme_and_arm_has_a_look_and_no_two_schemes_the_same():
    arms = [arm.name for study in (concepts, fig2_convergence, fig4_switching) for arm in study.ARMS]
    for name in (*SCHEMES, *POLICIES, *arms, "energy_0.7"):
        assert scheme_look(name)["color"].startswith("#")
    assert len(set(LOOKS.values())) == len(LOOKS)
    assert len({look.marker for look in LOOKS.values()}) == len(LOOKS)


@pytest.mark.parametrize(("name", "variant"), [("ours", "ours_printed"), ("hetlora", "hetlora_large")])
def test_a_variant_looks_like_its_scheme_but_dashed_and_hollow(name, variant):
    look, other = scheme_look(name), scheme_look(variant)
    assert (other["color"], other["marker"]) == (look["color"], look["marker"])
    assert (look["linestyle"], other["linestyle"]) == ("-", "--")
    assert look["markerfacecolor"] == look["color"] != other["markerfacecolor"]


def test_a_scheme_looks_the_same_under_all_its_names():
    assert scheme_look("ours") == scheme_look("switching")
    assert scheme_look("switching_risk")["color"] != scheme_look("ours")["color"]


def test_an_unknown_scheme_is_told_where_looks_are_given():
    with pytest.raises(ValueError, match="'nobody' has no look yet: give it one in LOOKS"):
        scheme_look("nobody")


def test_lines_differ_by_more_than_their_color():
    looks = [(look["linestyle"], look["marker"]) for _, look in distinct_lines(range(8))]
    assert len(set(looks)) == 8


labels = st.lists(st.tuples(st.floats(0, 1), st.floats(0.02, 0.3)), min_size=1, max_size=6)


@given(labels)
def test_labels_never_overlap_and_keep_their_order(wanted):
    places, heights = zip(*wanted, strict=True)
    found = _apart(places, heights)
    order = sorted(range(len(found)), key=lambda i: places[i])
    for below, above in itertools.pairwise(order):
        assert found[above] - found[below] >= (heights[above] + heights[below]) / 2 - 1e-9
    assert min(at - height / 2 for at, height in zip(found, heights, strict=True)) >= -1e-9


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.02, 0.3), st.floats(0, 1)), min_size=1, max_size=6))
def test_labels_are_as_near_to_their_places_as_they_can_be(wanted):
    """Against any other labels in that order with gaps below them: theirs is the projection on all such places."""
    places, heights, gaps = np.array(sorted(wanted)).T
    found = _apart(places, heights)
    other = np.cumsum(gaps + heights) - heights / 2
    assert (places - found) @ (other - found) <= 1e-9


def test_no_scheme_looks_like_a_run_that_was_cut_off():
    crosses = {"x", "X", *((4, style, 45) for style in (1, 2))}
    assert not crosses & {look.marker for look in LOOKS.values()}


def test_lines_are_named_at_their_ends_in_their_colors():
    axes = Figure(figsize=(5, 3)).subplots()
    axes.plot([0, 1, 2], [0.0, 1.0, np.nan], color="#112233", label="left")
    axes.plot([0, 1, 2], [0.0, 4.0, 2.0], color="#445566", label="a name of several words")
    axes.axhline(3.0)
    label_ends(axes)
    left, named = axes.texts
    assert [left.get_text(), named.get_text().replace("\n", " ")] == ["left", "a name of several words"]
    assert [left.get_color(), named.get_color()] == ["#112233", "#445566"]
    assert left.get_position()[1] < named.get_position()[1]


def test_labels_stand_beside_ends_whose_limits_follow_the_data():
    axes = Figure(figsize=(5, 3)).subplots()
    axes.plot([100, 200, 300], [5.0, 7.0, 9.0], label="far from zero")
    label_ends(axes)
    x, y = axes.texts[0].get_position()
    axes.set_xlim(axes.get_xlim())
    end = axes.transAxes.inverted().transform(axes.transData.transform((300, 9.0)))
    assert end == pytest.approx((x - 0.03, y), abs=0.05)


@pytest.mark.parametrize("name", ["split_fig3", "split_fig4", "split_fig5"])
def test_a_legend_above_the_panels_fits_on_a_phone(name):
    table = load_result(name).table
    first = table[table["reading"] == table["reading"].iloc[0]]
    rows = {"split_fig4": "samples"}.get(name, "task")
    with plt.rc_context():
        use_style()
        figure = (
            split_fig5.draw(first, reading="corrected") if name == "split_fig5" else draw_learning(first, rows=rows)
        )
        figure.set_size_inches(NARROW_IN, figure.get_size_inches()[1])
        figure.canvas.draw()
        (legend,) = figure.legends
        box = legend.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
