"""What a sweep found: the tables of its runs as one, and one figure of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas.api.types import infer_dtype, is_bool_dtype, is_float_dtype, is_numeric_dtype

from ..errors import FedswitchError, nearest
from .style import distinct_lines, draw_range
from .sweep_workers import SweepRun

RUN_ID, OTHER_VERSION = "run_id", "other_version"
"""Columns that say which run a row comes from, and whether another version of the module made it."""

MAIN_OUTCOME = "accuracy"
"""The outcome that is drawn where there is one; else the first column of real numbers is."""

STEPS = ("round", "iteration")
"""Columns that count up in the course of a run; its outcome is what stands at the last step."""

SEEDS = ("seed", "seeds")
"""Parameters over which outcomes are averaged."""

MOST_LABELS = 8
"""A column of text with more values does not tell lines of the figure apart; more places are not all marked."""


def collect(runs: Sequence[tuple[SweepRun, bool, pd.DataFrame]]) -> pd.DataFrame:
    """The tables of all runs as one; each comes with its run and whether another version of the module made it.

    The columns run_id, other_version and those of the swept parameters stand before the runs' own. A parameter whose
    name the runs' tables use for a column of theirs is called ``swept_NAME``; a column of theirs that has the name of
    one of those before it is called ``own_NAME``. Lists, values of several kinds, and numbers too large for a table are
    given as texts.
    """
    taken = {RUN_ID, OTHER_VERSION, *(column for _, _, table in runs for column in table.columns)}
    kinds = {name: {type(run.parameters[name]) for run, _, _ in runs} for name in runs[0][0].parameters}
    one_kind = {name for name, of_name in kinds.items() if of_name <= {int, float} or of_name in ({bool}, {str})}
    labelled = []
    for run, other_version, table in runs:
        labels = {RUN_ID: run.run_id, OTHER_VERSION: other_version}
        for name, value in run.parameters.items():
            labels[f"swept_{name}" if name in taken else name] = value if name in one_kind else str(value)
        own = table.rename(columns={name: f"own_{name}" for name in labels})
        labelled.append(own.assign(**labels)[[*labels, *own.columns]])
    return pd.concat(labelled, ignore_index=True).apply(_storable)


def draw(
    table: pd.DataFrame, swept: Mapping[str, Sequence[Any]], *, x: str | None = None, y: str | None = None
) -> Figure | None:
    """One outcome of a collected table against one swept parameter: lines are means, bands reach over all runs.

    `swept` are the values of each parameter by name. `x` is by default the first one with several values that is no
    seed, and `y` the main outcome; there is no figure where the runs have no real number to show. Further
    parameters, and texts in the runs' tables, tell lines apart. Raises FedswitchError for a column that is not there or
    cannot be drawn.
    """
    columns = {name: f"swept_{name}" if f"swept_{name}" in table else name for name in swept}
    own = [column for column in table.columns if column not in (RUN_ID, OTHER_VERSION, *columns.values())]
    varied = [columns[name] for name, values in swept.items() if len(values) > 1 and name not in SEEDS]
    across = columns.get(x, x) if x else next(iter([*varied, *columns.values(), RUN_ID]))
    outcome = y or _main_outcome(table[own])
    if outcome is None:
        return None
    for column in (across, outcome):
        if column not in table:
            raise FedswitchError(
                f"The runs have no column {column!r}.{nearest(column, table.columns)} They have: {', '.join(own)}."
            )
    if not is_numeric_dtype(table[outcome]):
        raise FedswitchError(f"The column {outcome!r} holds no numbers: choose another with --y.")

    words = [column for column in own if _is_text(table[column]) and 1 < table[column].nunique() <= MOST_LABELS]
    step = next((column for column in STEPS if column in own), None)
    if step:
        # the last row before the count begins again
        table = table[~(table.groupby([RUN_ID, *words])[step].diff(-1) < 0)]
    with sns.axes_style("whitegrid"), sns.plotting_context("notebook"):
        figure = Figure(figsize=(6.0, 4.5), layout="constrained")
        axes = figure.subplots()
    _draw_lines(
        axes, table, across, outcome, [column for column in (*varied, *words) if column not in (across, outcome)]
    )
    axes.set(xlabel=across, ylabel=f"{outcome} at the last {step}" if step else outcome)
    axes.set_title(f"{table[RUN_ID].nunique()} runs: mean, and smallest to largest", fontsize="medium")
    return figure


def _draw_lines(axes: Axes, table: pd.DataFrame, x: str, y: str, apart: list[str]) -> None:
    places = table[x] if is_numeric_dtype(table[x]) and not is_bool_dtype(table[x]) else table[x].astype(str)
    names = pd.Series("", index=table.index)
    for column in apart:
        names += f"  {column} = " + table[column].astype(str)
    for name, look in distinct_lines(names.unique()):
        of_name = table.loc[names == name, y].groupby(places, sort=is_numeric_dtype(places))
        draw_range(axes, of_name, label=name.strip(), markersize=6, **look)
    if is_numeric_dtype(places) and places.nunique() <= MOST_LABELS:
        axes.set_xticks(sorted(places.unique()))
    if apart:
        axes.figure.legend(loc="outside lower center", fontsize="small")


def _storable(column: pd.Series) -> pd.Series:
    """The column, or texts in its place where a file cannot hold its values side by side."""
    try:
        pa.array(column, from_pandas=True)
    except (ValueError, TypeError, OverflowError, pa.ArrowException):
        return column.map(lambda value: str(value).encode(errors="backslashreplace").decode(), na_action="ignore")
    return column


def _main_outcome(own: pd.DataFrame) -> str | None:
    if MAIN_OUTCOME in own:
        return MAIN_OUTCOME
    return next((column for column in own.columns if is_float_dtype(own[column])), None)


def _is_text(column: pd.Series) -> bool:
    return bool(infer_dtype(column, skipna=True) == "string")
