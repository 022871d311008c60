"""Claims of our own about the study `concepts`, and what the recorded run says of each."""

from __future__ import annotations

import dataclasses

import pandas as pd

from .claims.rules import ClaimVerdict, judge_at_least, judge_direction
from .concepts import COMMON, OPPOSED, ConceptsSettings, channels, conflict, minority, titled
from .concepts_gains import LABELS, TURNED, of_usual_size
from .intervals import estimate
from .paired import in_points, last_tests


@dataclasses.dataclass(frozen=True)
class OwnClaim:
    """A claim of our own about this study, and the rule by which the recorded run decides it.

    In the cell `cell`, the accuracy of the arm `arm` is higher than that of `rival`, or, by the rule "at least", as
    high. By `inference`, UEs use the module that they train, or, with Algorithm 2, weights of their own; or UEs
    count to whom something happens half way, by what they train; or all use the uniform ensemble (3).
    """

    says: str
    cell: str
    arm: str
    rival: str
    rule: str
    inference: str = "accuracy_trained"

    def verdict(self, differences: pd.Series) -> ClaimVerdict:
        """By `claims.rules`, from the differences at each seed in percentage points."""
        known = estimate(differences)
        return (judge_at_least if self.rule == "at least" else judge_direction)(known)


CLAIMS = (
    OwnClaim("Opposite tasks need several modules.", OPPOSED, "told", COMMON, "direction"),
    OwnClaim("The rule finds them without being told.", OPPOSED, "grouping", COMMON, "direction"),
    OwnClaim("A wider module does not replace them.", OPPOSED, "grouping", "fedlora_wide", "direction"),
    OwnClaim(
        "The rule beats Algorithm 2 with weights of its own there.",
        OPPOSED,
        "grouping",
        "switching",
        "direction",
        "accuracy_weighted",
    ),
    OwnClaim(
        "The rule also finds a quarter of the UEs that want the opposite.", minority(4), "grouping", COMMON, "direction"
    ),
    OwnClaim("Half a conflict is not enough: one module does as well.", conflict(3), COMMON, "told", "at least"),
    OwnClaim("Where all have one task, the rule costs nothing.", conflict(0), "grouping", COMMON, "at least"),
    OwnClaim(
        "Tasks that do not contradict each other share one module.", "reviews+questions", COMMON, "told", "at least"
    ),
    OwnClaim(
        "Two UEs that exchange their tasks find their new modules.", "swap", "grouping", COMMON, "direction", TURNED
    ),
    OwnClaim("A UE that joins late finds its module.", "late", "grouping", COMMON, "direction", TURNED),
    OwnClaim(
        "Where channels are unequal, the scheme without bias learns better than Algorithm 2.",
        channels(0.0),
        "unbiased",
        "switching",
        "direction",
        "accuracy",
    ),
    OwnClaim(
        "It closes the gap to one common module there.", channels(0.0), "unbiased", COMMON, "at least", "accuracy"
    ),
)
"""Written down before the recorded run."""


GUESSING = 0.5
"""What a guess reaches in all cells, in which labels are balanced or nearly so."""


def verdicts(table: pd.DataFrame, settings: ConceptsSettings) -> pd.DataFrame:
    """What the table says of `CLAIMS`: each with the mean difference in points, its interval, and the verdict.

    Where neither of the two arms is certain to be better than guessing, nothing was learned that could decide.
    """
    ends = of_usual_size(last_tests(table), settings)
    rows = []
    for claim in CLAIMS:
        here = ends[ends["cell"] == claim.cell].reindex(columns=["seed", "arm", claim.inference])
        by_arm = here.pivot(index="seed", columns="arm", values=claim.inference).reindex(
            columns=[claim.arm, claim.rival]
        )
        pairs = by_arm.dropna()
        gap = 100 * (pairs[claim.arm] - pairs[claim.rival])
        verdict: ClaimVerdict = claim.verdict(gap) if len(gap) else "not measured yet"
        if len(gap) and not max(estimate(pairs[arm]).low for arm in pairs) > GUESSING:
            verdict = "undecided"
        rows.append({
            "claim": claim.says, "in the cell": titled(claim.cell),
            "compared": f"{LABELS[claim.arm]}, less {LABELS[claim.rival]}", "rule": claim.rule,
            "points": in_points(gap) if len(gap) else "-", "verdict": verdict,
        })  # fmt: skip
    return pd.DataFrame(rows)
