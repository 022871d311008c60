from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fedswitch.studies import fig3_bandwidth as fig3

SMALL = fig3.Fig3Settings(num_ues=[5, 20], num_cells=3, traced_cells=3, max_delay_s=1e4)
FITTED = "fitted to the cell"


@pytest.fixture(scope="module")
def table():
    return fig3.measure(SMALL)


def test_every_run_uses_the_bandwidth_up_to_the_tolerance(table):
    last = fig3.outcomes(table)
    assert len(last) == 2 * 3 * 2
    assert last["total_share"].between(1 - 1e-3, 1).all()


def test_the_delay_does_not_depend_on_where_the_search_starts(table):
    delays = fig3.outcomes(table).pivot(index=["num_ues", "seed"], columns="bracket", values="delay_s")
    np.testing.assert_allclose(delays[FITTED], delays["fixed"], rtol=2e-3)


def test_a_longer_delay_always_takes_a_smaller_share(table):
    for _, run in table.groupby(["num_ues", "seed", "bracket"]):
        ordered = run.sort_values("delay_s")
        assert ordered["total_share"].is_monotonic_decreasing


def test_of_cells_that_are_not_traced_the_last_iteration_is_kept(table):
    brief = fig3.measure(replace(SMALL, traced_cells=1))
    pd.testing.assert_frame_equal(fig3.outcomes(brief), fig3.outcomes(table))
    rows = brief.groupby("seed").size()
    assert rows[0] == (table["seed"] == 0).sum()
    assert rows[1] == rows[2] == 2 * 2


def test_the_tolerance_decides_how_long_the_search_goes_on(table):
    finer = fig3.outcomes(fig3.measure(replace(SMALL, tolerance=1e-6)))
    assert finer["total_share"].between(1 - 1e-6, 1).all()
    assert finer["iteration"].mean() > fig3.outcomes(table)["iteration"].mean() + 5


def ends(counts: dict[int, list[int]]) -> pd.DataFrame:
    """A made-up table of the last iterations of cells, by number of UEs."""
    return pd.DataFrame([
        {"num_ues": k, "seed": seed, "bracket": "fixed", "iteration": count, "delay_s": 0.1 * count, "total_share": 1.0}
        for k, cells in counts.items() for seed, count in enumerate(cells)
    ])  # fmt: skip


def test_a_bracket_that_is_upside_down_is_refused():
    with pytest.raises(ValueError, match="min_delay_s = 20000 s must be less than max_delay_s = 10000 s"):
        replace(SMALL, min_delay_s=2e4)


def test_medians_come_with_the_interval_of_the_median():
    cells = [*range(1, 40), 1000]
    row = fig3.medians(ends({10: cells})).iloc[0]
    assert (row["num_ues"], row["cells"], row["iterations"], row["delay_s"]) == (10, 40, 20.5, pytest.approx(2.05))
    # by order statistics: ranks 14 and 27 of 40 enclose the median with 96 %
    assert 11 <= row["iterations_low"] <= 16
    assert 25 <= row["iterations_high"] <= 30
    assert row["delay_s_low"] == pytest.approx(0.1 * row["iterations_low"])


def test_the_figures_show_every_number_of_ues(table):
    search = fig3.draw_search(table, seed=0, bracket="fixed")
    assert [text.get_text() for text in search.axes[1].texts] == ["K = 5", "K = 20"]
    counts = fig3.draw_counts(table)
    named = {text.get_text().replace("\n", " ") for text in counts.axes[0].texts}
    assert named == {FITTED, "fixed", "end of the paper's axis"}
    drawn = counts.axes[1].lines[0].get_ydata()
    last = fig3.outcomes(table)
    assert drawn == pytest.approx(last[last["bracket"] == "fixed"].groupby("num_ues")["delay_s"].median().to_numpy())
