"""What the sensitivity study found: a verdict for each conclusion and choice, and tornado figures."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..parameters import markdown_table, value_text
from ..scenario import Scenario
from .intervals import ends
from .sensitivity import BASE, CONCLUSIONS
from .sensitivity_ranges import INERT, RANGES
from .style import GRID, INK, MUTED, NEUTRAL, WIDE_IN

VERDICTS = ("survives", "changes size", "settles", "is lost", "flips")
"""From the mildest to the gravest; `verdict` says when."""

LARGE = 0.5
"""A conclusion changes size where its distance from the neutral outcome changes by more than this share of itself."""

TITLE_WIDTH = 40
"""Characters of a panel's title that fit on a phone."""

_LOOKS: dict[str, dict[str, Any]] = {
    "low": {"color": GRID, "hatch": "////"},
    "high": {"color": MUTED, "hatch": ""},
}


def verdict(base: pd.Series, varied: pd.Series, neutral: float) -> str:
    """What a choice does to a conclusion; outcomes are indexed by seed, and those of a seed are a pair.

    An outcome is above or below `neutral` where the 95 % bootstrap interval of its mean is, and else undecided. The
    conclusion "flips" to the other side, "is lost" where it becomes undecided, and "settles" where only the base is.
    Where it stays, it "changes size" by the measure of `LARGE` if the interval of the paired difference is without 0,
    and else "survives".
    """
    before, after = _standing(base, neutral), _standing(varied, neutral)
    if before != after:
        return "flips" if before and after else "settles" if after else "is lost"
    change = varied - base
    low, high = ends(change)
    large = abs(change.mean()) > LARGE * abs(base.mean() - neutral)
    return "changes size" if large and not low <= 0.0 <= high else "survives"


def effects(table: pd.DataFrame) -> pd.DataFrame:
    """One row per conclusion, parameter and side of the table of `measure`.

    `outcome` is the mean over seeds, `low_end` and `high_end` are the ends of its 95 % bootstrap interval, `change` is
    the mean difference from the base, and `verdict` that of this side.
    """
    rows = []
    for name, runs in table.groupby("conclusion", sort=False):
        base = runs[runs["side"] == BASE].set_index("seed")["outcome"]
        sides = runs[runs["side"] != BASE].groupby(["parameter", "side", "value"], sort=False)
        for (parameter, side, value), of_side in sides:
            outcome = of_side.set_index("seed")["outcome"]
            low, high = ends(outcome)
            rows.append({
                "conclusion": name, "parameter": parameter, "side": side, "value": value,
                "outcome": outcome.mean(), "low_end": low, "high_end": high,
                "change": (outcome - base).mean(),
                "verdict": verdict(base, outcome, CONCLUSIONS[str(name)].neutral),
            })  # fmt: skip
    return pd.DataFrame(rows)


def verdict_table(found: pd.DataFrame) -> pd.DataFrame:
    """The graver verdict of the two sides of `effects`: a row per parameter, a column per conclusion.

    A dash stands where the choice is not varied.
    """
    graver = found.groupby(["parameter", "conclusion"])["verdict"].agg(lambda sides: max(sides, key=VERDICTS.index))
    wide = graver.unstack("conclusion").fillna("-")
    parameters = [name for name in RANGES if name in wide.index]
    return wide.loc[parameters, [name for name in CONCLUSIONS if name in wide]].rename_axis(None, axis="columns")


def sentences(table: pd.DataFrame) -> str:
    """A Markdown item for each conclusion: what holds at the base, and which choices do what to it."""
    found = effects(table)
    lines = []
    for name, sides in found.groupby("conclusion", sort=False):
        conclusion = CONCLUSIONS[str(name)]
        base = table.loc[(table["conclusion"] == name) & (table["side"] == BASE), "outcome"]
        standing = _standing(base, conclusion.neutral)
        holds = {1: conclusion.above, -1: conclusion.below, 0: "undecided"}[standing]
        low, high = ends(base)
        line = (
            f"- **{holds[0].upper()}{holds[1:]}** ({conclusion.outcome}: {base.mean():.3g}, 95 % interval {low:.3g} to "
            f"{high:.3g}, over {len(base)} seeds)."
        )
        graver = verdict_table(sides)[str(name)]
        line += f" Of {len(graver)} choices, {(graver == 'survives').sum()} leave it as it is."
        for word in VERDICTS[1:]:
            which = sides[sides["verdict"] == word]
            causes = ", ".join(f"`{row.parameter}` = {row.value}" for row in which.itertuples())
            line += f" It {word} with {causes}." if causes else ""
        lines.append(line)
    return "\n".join(lines)


def summary(table: pd.DataFrame) -> str:
    """A Markdown paragraph: which conclusions survive all choices, which are lost or flip with some, and how often."""
    wide = verdict_table(effects(table))
    fragile = wide.isin(["is lost", "flips"])
    causes = {name: ", ".join(f"`{parameter}`" for parameter in wide.index[fragile[name]]) for name in wide}
    firm = [name for name, which in causes.items() if not which]
    shaken = [f"**{name}** ({which})" for name, which in causes.items() if which]
    tried = int((wide != "-").to_numpy().sum())
    counts = ", ".join(f"{word} {(wide == word).to_numpy().sum()}" for word in VERDICTS)
    held = "Each conclusion is overturned by some choice within its range."
    if firm:
        held = f"No choice within its range overturns the conclusions on {', '.join(firm)}."
    return (
        f"A conclusion was tested against a choice {tried} times, with these verdicts: {counts}. "
        f"{held} Overturned by some choice: {'; '.join(shaken) or 'none'}."
    )


def ranges_table() -> str:
    """Markdown table of all choices that are varied: field, meaning, the base, its range, and the reason for it."""
    base, symbols = Scenario.corrected(), Scenario.symbols()
    rows = []
    for name, varied in RANGES.items():
        symbol = symbols[name]
        between = " or " if symbol.choices else " to "
        ends = between.join(value_text(symbol, changed[name]) for changed in varied.sides(name).values())
        given = ", ".join(f"`{field}` = {value_text(symbols[field], value)}" for field, value in varied.given.items())
        ends += f" (with {given})" if given else ""
        default = value_text(symbol, getattr(base, name))
        rows.append((f"{symbol.meaning} `{name}`", default, ends, varied.reason, ", ".join(varied.experiments)))
    return markdown_table(("Field", "Default", "Range", "Why", "Varied in"), rows)


def inert_table() -> str:
    """Markdown table of the choices that cannot matter for these conclusions, and why."""
    rows = ((f"{Scenario.symbols()[name].meaning} `{name}`", inert.reason) for name, inert in INERT.items())
    return markdown_table(("Field", "Why not"), rows)


def draw(table: pd.DataFrame, *, most: int = 3) -> Figure:
    """A tornado for each conclusion: the outcome at both ends of the `most` choices that move it furthest.

    Bars reach from the base to the mean at an end of the range; whiskers are 95 % bootstrap intervals over seeds. The
    solid line is the base, the dotted one the neutral outcome.
    """
    found = effects(table)
    chosen = {name: _furthest(sides, most) for name, sides in found.groupby("conclusion", sort=False)}
    counts = [sides["parameter"].nunique() for sides in chosen.values()]
    height = 0.22 * sum(counts) + 0.62 * len(counts) + 0.4
    figure, panels = plt.subplots(len(chosen), 1, figsize=(WIDE_IN, height), height_ratios=counts, squeeze=False)
    for axes, (name, sides) in zip(panels.flat, chosen.items(), strict=True):
        base = table.loc[(table["conclusion"] == name) & (table["side"] == BASE), "outcome"].mean()
        _draw_bars(axes, sides, base)
        conclusion = CONCLUSIONS[str(name)]
        axes.axvline(base, color=INK, linewidth=1.2)
        axes.axvline(conclusion.neutral, **NEUTRAL | {"color": INK})
        axes.set_title(
            textwrap.fill(f"{name}: {conclusion.outcome}", TITLE_WIDTH), fontsize=8.5, loc="right", fontweight="normal"
        )
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _standing(outcomes: pd.Series, neutral: float) -> int:
    """1 above the neutral outcome, -1 below it, 0 where the interval of the mean does not tell."""
    low, high = ends(outcomes)
    return int(low > neutral) - int(high < neutral)


def _furthest(sides: pd.DataFrame, most: int) -> pd.DataFrame:
    """The sides of the choices with the largest change, these at the top; the order is that of the axis, upward."""
    swing = sides.groupby("parameter", sort=False)["change"].agg(lambda change: change.abs().max())
    names = swing.nlargest(most).index[::-1]
    return sides.set_index("parameter").loc[names].reset_index()


def _draw_bars(axes: Axes, sides: pd.DataFrame, base: float) -> None:
    names: NDArray[Any] = sides["parameter"].unique()
    height = 0.4
    for side, look in _LOOKS.items():
        bars = sides[sides["side"] == side]
        shift = height / 2 if side == "high" else -height / 2
        places = np.array([np.flatnonzero(names == name)[0] for name in bars["parameter"]]) + shift
        whiskers = np.abs(bars[["low_end", "high_end"]].to_numpy().T - bars["outcome"].to_numpy())
        axes.barh(
            places, bars["outcome"] - base, height, left=base, xerr=whiskers, label=f"{side} end",
            edgecolor=INK, linewidth=0.5, error_kw={"elinewidth": 1.0, "capsize": 2.0, "ecolor": INK}, **look,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), [RANGES[name].words for name in names], fontsize=8.5)
    axes.tick_params(axis="x", labelsize=8.5)
    axes.grid(visible=False, axis="y")
