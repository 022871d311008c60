"""What the README says was found, and its picture: made from the records, and from what the recorded runs measured.

`python -m _ext.readme`, in a clone of the repository, writes both anew, and with them CITATION.bib, which says what
CITATION.cff says; a test fails where they are old.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Rectangle

from fedswitch.palette import DARK, LIGHT
from fedswitch.paper import PAPER, SIBLING, verdict_counts
from fedswitch.studies.claims import ClaimFinding, findings, page
from fedswitch.studies.claims.evidence import FORMS
from fedswitch.studies.claims.fig2 import convergence
from fedswitch.studies.fig2_convergence import ARMS, CLAIMED_FEWER, FIXED, Fig2Settings
from fedswitch.studies.records import load_result
from fedswitch.studies.style import scheme_look

ROOT = Path(__file__).resolve().parents[2]
"""The clone of the repository."""

_FOUND = re.compile(r"(?<=<!-- found, by `nox -s readme` -->\n).*(?=<!-- end -->)", re.DOTALL)
_OURS = ("ours", "ours_printed")

ANSWERS = {
    "holds": ("right", "reproduced"),
    "in part": ("ambiguous", "partly"),
    "does not": ("wrong", "not reproduced"),
    "cannot tell": ("undecided", "not testable as stated", "not measured yet"),
}
"""What verdicts on equations and on claims come to, in the picture."""


def answer_colors(palette: Mapping[str, str]) -> tuple[str, ...]:
    """A color for each of `ANSWERS` from a palette: what holds in part is a lighter shade of what holds."""
    shades = zip(to_rgb(palette["3"]), to_rgb(palette["ground"]), strict=True)
    red, green, blue = (0.3 * one + 0.7 * other for one, other in shades)
    return palette["3"], to_hex((red, green, blue)), palette["2"], palette["grid"]


_ANSWERS = answer_colors(LIGHT)
_ON_DARK = dict(zip([*LIGHT.values(), *_ANSWERS], [*DARK.values(), *answer_colors(DARK)], strict=True))


def answers(verdicts: Mapping[Any, int]) -> dict[str, int]:
    """How often each of `ANSWERS` was given, from the numbers of verdicts."""
    return {answer: sum(verdicts.get(verdict, 0) for verdict in found) for answer, found in ANSWERS.items()}


def found_block(found: Iterable[ClaimFinding]) -> str:
    """What was found, in the README's Markdown: the picture and four lines."""
    found = list(found)
    paper, sibling = verdict_counts(PAPER), verdict_counts(SIBLING)
    claims = {form: page.verdict_counts(found, form) for form in FORMS}
    equations = sum(paper.values())
    held = [one.claim.title for one in found if one.verdict("corrected") == "reproduced"]
    return f"""\
<picture>
  <source media="(prefers-color-scheme: dark)" srcset="book/assets/readme-dark.svg">
  <img src="book/assets/readme-light.svg" alt="Left: bars of verdicts. Of {equations} equations, theorems and \
the like {paper["right"]} hold; of {len(found)} claims {claims["corrected"]["reproduced"]} are reproduced with the \
corrected formulas. Right: the rounds that each run in the smallest cell took to the target accuracy, or until it was \
cut off, and where Algorithm 2 should be according to the paper.">
</picture>

- **Equations.** Of {equations} numbered equations, assumptions, theorems and algorithms, {paper["right"]} are right, \
{paper["ambiguous"]} ambiguous and {paper["wrong"]} wrong as printed.
- **A second paper**, by other authors, on another way to fine-tune over the air (arXiv {SIBLING}), here called *the \
sibling*: {sibling["wrong"]} of its statements are wrong as printed; the book says what holds instead.
- **Claims**, {len(found)} in all. With the formulas as printed: {_told(claims["printed"])}. With the corrected ones: \
{_told(claims["corrected"])}.
- **Reproduced** with the corrected formulas: {"; ".join(f'"{title}"' for title in held) or "none"}.

"""


def _told(verdicts: Mapping[Any, int]) -> str:
    """Numbers of verdicts in words: "1 reproduced, 2 partly"."""
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items() if count)


def updated(readme: str, block: str) -> str:
    """The README with `block` between its two marks. Raises ValueError where the marks are not there once."""
    text, count = _FOUND.subn(lambda _: block, readme)
    if count != 1:
        raise ValueError(
            "the README needs the lines '<!-- found, by `nox -s readme` -->' and '<!-- end -->', once each"
        )
    return text


def picture(found: Iterable[ClaimFinding]) -> str:
    """The picture of the README as SVG: what the verdicts come to, and rounds to the target in the smallest cell."""
    found = list(found)
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    look: dict[str, Any] = {
        "font.family": "DejaVu Sans", "svg.hashsalt": "fedswitch", "figure.constrained_layout.use": True,
        "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": "medium", "axes.titlelocation": "left",
        "axes.titleweight": "bold", "savefig.transparent": True, "font.size": 10.0,
        **dict.fromkeys(inked, LIGHT["ink"]),
    }  # fmt: skip
    with style.context(["default", look]):
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.0), width_ratios=(5, 6))
        rows = {"equations,\ntheorems": answers(verdict_counts(PAPER))}
        rows |= {f"claims,\n{form}": answers(page.verdict_counts(found, form)) for form in FORMS}
        _draw_answers(left, rows)
        study = load_result("fig2_convergence")
        runs = convergence(study.table, study.settings)
        _draw_rounds(right, in_smallest_cell(runs), study.settings)
        image = io.StringIO()
        figure.savefig(image, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return image.getvalue()


def in_smallest_cell(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of Fig. 2 that the picture shows, one for each arm and seed: fewest UEs, fixed threshold."""
    return runs[(runs["num_ues"] == runs["num_ues"].min()) & (runs["deadline_s"] == FIXED)]


def on_dark(svg: str) -> str:
    """The picture for a dark page: each color of the light palette becomes its counterpart of the dark one."""
    return re.sub(r"#[0-9a-f]{6}\b", lambda color: _ON_DARK[color[0]], svg)


def _draw_answers(axes: Axes, rows: Mapping[str, Mapping[str, int]]) -> None:
    """A bar for each row, cut into shares; the number stands in each piece, and the answer above the first bar's."""
    for place, counts in enumerate(rows.values()):
        start, total = 0.0, sum(counts.values())
        for count, color in zip(counts.values(), _ANSWERS, strict=True):
            width = count / total
            axes.barh(place, width, left=start, height=0.62, color=color, edgecolor=LIGHT["ground"], linewidth=1.5)
            if count:
                axes.text(start + width / 2, place, str(count), ha="center", va="center", color=ink_on(color))
            start += width
    handles = [Rectangle((0, 0), 1, 1, color=color) for color in _ANSWERS]
    axes.legend(handles, ANSWERS, loc="lower center", bbox_to_anchor=(0.42, -0.27), ncols=4, frameon=False,
                handlelength=0.9, columnspacing=1.2, handletextpad=0.4)  # fmt: skip
    axes.set(title="Does it hold?", yticks=range(len(rows)), yticklabels=rows, xlim=(0, 1), xticks=[])
    axes.invert_yaxis()
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)


def ink_on(color: str) -> str:
    """The color of a number that lies on another: of ink and ground the one that is further from it."""
    return max(LIGHT["ink"], LIGHT["ground"], key=lambda ink: abs(_lightness(ink) - _lightness(color)))


def _lightness(color: str) -> float:
    """How light a color is, from 0 to 1, as in a gray print."""
    red, green, blue = to_rgb(color)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _draw_rounds(axes: Axes, runs: pd.DataFrame, settings: Fig2Settings) -> None:
    """A row of marks for each scheme, one for each run, and stars where Algorithm 2 would be as claimed."""
    arms = [arm for arm in ARMS if arm.name in set(runs["arm"])]
    for place, arm in enumerate(arms):
        look = scheme_look(arm.name)
        ended = runs[runs["arm"] == arm.name].sort_values(["cut_off", "rounds"])
        spread = 0.09 * (np.arange(len(ended)) - (len(ended) - 1) / 2)
        for cut, marks in ((False, {"marker": look["marker"], "facecolors": look["markerfacecolor"],
                                    "edgecolors": look["color"]}),
                           (True, {"marker": "x", "color": look["color"]})):  # fmt: skip
            chosen = (ended["cut_off"] == cut).to_numpy()
            axes.scatter(ended["rounds"][chosen], place + spread[chosen], s=34, linewidths=1.4, **marks)
        if arm.name in _OURS:
            claimed = (1 - CLAIMED_FEWER["fedlora"]) * runs.loc[runs["arm"] == "fedlora", "rounds"].median()
            axes.plot(claimed, place, "*", color=LIGHT["ink"], markersize=12)
    axes.set(
        title=f"Rounds to {settings.target:.0%} accuracy on SST-2, {runs['num_ues'].iloc[0]} UEs",
        yticks=range(len(arms)),
        yticklabels=[arm.label for arm in arms],
        xlim=(0, None),
        xlabel="marks: runs; crosses: cut off; stars: the claim",
    )
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)


def bibtex(citation: Mapping[str, Any]) -> str:
    """What to cite, in BibTeX, from the content of a CITATION.cff: the software, and what it refers to."""
    return "\n".join(_entry(source) for source in (citation, *citation.get("references", ())))


def _entry(source: Mapping[str, Any]) -> str:
    """One entry, under the name of the software, or the first author, the year and the first long word of the title."""
    authors = [
        f"{person['family-names']}, {person['given-names']}" if "given-names" in person else f"{{{person['name']}}}"
        for person in source["authors"]
    ]
    first_word = next(word for word in source["title"].split() if len(word) > 3)
    key = f"{source['authors'][0].get('family-names', '')}{source.get('year', '')}{first_word}".lower()
    notes = [f"version {source['version']}"] if "version" in source else []
    notes += [identifier["value"] for identifier in source.get("identifiers", ())]
    url = source.get("url") or source.get("repository-code")
    fields = {
        "author": " and ".join(authors),
        "title": f"{{{source['title']}}}",
        "year": source.get("year"),
        "note": ", ".join(notes),
        "doi": source.get("doi"),
        "url": url,
    }
    lines = (f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@misc{{{key},\n{''.join(lines)}}}\n"


def main(root: Path = ROOT) -> None:
    """Write the README's part, the pictures and the BibTeX of the clone at `root` anew."""
    found = findings()
    light = picture(found)
    for name, image in (("light", light), ("dark", on_dark(light))):
        (root / "book" / "assets" / f"readme-{name}.svg").write_text(image, encoding="utf-8")
    readme = root / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8"), found_block(found)), encoding="utf-8")
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    (root / "CITATION.bib").write_text(bibtex(citation), encoding="utf-8")


if __name__ == "__main__":
    main()
