"""The claims of Sec. V of both papers: what they say, and verdicts that come out of what the recorded runs measured.

`findings` evaluates the claims, `page` shows them, `rules` says how a verdict is reached.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

from ...errors import FedswitchError
from ...paper import PAPER, SIBLING
from ..records import load_result
from . import fig2, fig3, fig4, fig5, sibling
from .evidence import Claim, ClaimFinding, Outcome, Prepare
from .rules import ClaimVerdict

__all__ = ["CLAIMS", "SIBLING_CLAIMS", "Claim", "ClaimFinding", "ClaimVerdict", "Outcome", "findings"]

CLAIMS: tuple[Claim, ...] = (*fig2.CLAIMS, *fig3.CLAIMS, *fig4.CLAIMS, *fig5.CLAIMS)
"""All claims of Sec. V, in the paper's order."""

SIBLING_CLAIMS: tuple[Claim, ...] = sibling.CLAIMS
"""Those of the sibling, in its order."""


def findings(figure: str | None = None, folder: Path | None = None, *, paper: str = PAPER) -> list[ClaimFinding]:
    """What the recorded runs say of the claims of a figure, such as "fig-2", or of all of a paper.

    A claim whose result is missing says so. `folder` holds the results, `results/` where not given. Raises ValueError
    for a figure without claims.
    """
    claims = {PAPER: CLAIMS, SIBLING: SIBLING_CLAIMS}.get(paper, ())
    chosen = [claim for claim in claims if figure in (None, claim.figure)]
    if not chosen:
        figures = dict.fromkeys(claim.figure for claim in claims)
        raise ValueError(f"figure = {figure!r} has no claims; there are: {', '.join(figures)}")
    groups = itertools.groupby(chosen, key=lambda claim: (claim.study, claim.prepare))
    return [found for (study, prepare), claims in groups for found in _of_study(study, prepare, claims, folder)]


def _of_study(study: str, prepare: Prepare, claims: Iterable[Claim], folder: Path | None) -> list[ClaimFinding]:
    try:
        result = load_result(study, folder)
        settings = result.settings
    except FedswitchError as missing:
        return [ClaimFinding(claim, missing=str(missing)) for claim in claims]
    prepared = prepare(result.table, settings)
    return [ClaimFinding(claim, tuple(claim.evaluate(prepared, settings)), result) for claim in claims]
