"""What a claim is, and what was found of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from ...scenario import Form
from ..intervals import Estimate
from ..records import Result
from .rules import ClaimVerdict, combine, judge_direction, judge_gain, standing
from .sentences import shown, why_gain
from .texts import TEXTS, ClaimText

FORMS: tuple[Form, ...] = ("printed", "corrected")
_OF_SIBLING = "split-"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one reading of a claim comes to.

    `form` is None where printed and corrected are the same. `reading` says how the statement, or what it leaves
    unstated, is read, and `shown` is the measured value. Only those that `count` decide the verdict of the claim; the
    others stand beside it. `found` is the difference that the verdict rests on, where it rests on one alone.
    """

    form: Form | None
    verdict: ClaimVerdict
    shown: str
    why: str
    reading: str = ""
    counts: bool = True
    found: Estimate | None = None


def of_gain(
    form: Form, found: Estimate, claimed: float, reading: str, *, counts: bool = True, also: str = ""
) -> Outcome:
    """What a share comes to that is claimed to be a gain of that size (rule "gain"); `also` follows the reason."""
    why = why_gain(found, claimed) + also
    return Outcome(form, judge_gain(found, claimed), shown(found, "%"), why, reading, counts, found)


def of_direction(
    form: Form | None, found: Estimate, told: str, why: str, reading: str = "", *, counts: bool = True
) -> Outcome:
    """What a difference comes to that is claimed to lie above zero (rule "direction"); `told` is how it is shown."""
    return Outcome(form, judge_direction(found), told, why, reading, counts, found)


Prepare = Callable[[pd.DataFrame, Any], pd.DataFrame]
"""From the table of a study's recorded run, and the settings that it was made with, to a value for each run."""

Evaluate = Callable[[pd.DataFrame, Any], Iterable[Outcome]]
"""From what was prepared, and the settings, to outcomes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim(ClaimText):
    """A claim, and how it is evaluated: from the table of the `study` of that name, which `prepare` makes ready."""

    study: str
    prepare: Prepare
    evaluate: Evaluate

    @property
    def figure(self) -> str:
        """The figure that it is about, as in the map of its paper: "fig-2"."""
        return f"fig-{self.id.removeprefix(_OF_SIBLING)[3]}"

    @property
    def anchor(self) -> str:
        """The label of the claim on the page of the claims."""
        return f"claim-{self.id}"


def _as_recorded(table: pd.DataFrame, _settings: Any) -> pd.DataFrame:
    """The table as it is, for claims that need nothing made ready."""
    return table


def claims_of(study: str, evaluate: Mapping[str, Evaluate], prepare: Prepare = _as_recorded) -> tuple[Claim, ...]:
    """The claims that a study tests, from how each is evaluated, by id; what they say is in `TEXTS`."""
    texts = {text.id: text for text in TEXTS.claims}
    return tuple(Claim(**vars(texts[id_]), study=study, prepare=prepare, evaluate=how) for id_, how in evaluate.items())


@dataclasses.dataclass(frozen=True)
class ClaimFinding:
    """A claim with its outcomes and the result that they come from; or why there is none (`missing`)."""

    claim: Claim
    outcomes: tuple[Outcome, ...] = ()
    result: Result | None = None
    missing: str = ""

    def of_form(self, form: Form, *, counts: bool = True) -> list[Outcome]:
        """The outcomes that hold for a form, and decide the verdict or (`counts` False) stand beside it."""
        return [one for one in self.outcomes if one.form in (form, None) and one.counts is counts]

    def verdict(self, form: Form) -> ClaimVerdict:
        """The verdict on the claim in that form."""
        measured = self.of_form(form)
        if measured and self.claim.untestable:
            return "not testable as stated"
        return combine(one.verdict for one in measured)

    def told(self, form: Form) -> str:
        """The verdict in that form; where no reading holds even partly, with what speaks against those that do not."""
        verdict = self.verdict(form)
        if verdict not in ("undecided", "not reproduced"):
            return verdict
        failed = (one.found for one in self.of_form(form) if one.verdict == "not reproduced" and one.found)
        known = (standing(found) for found in failed)
        words = ", ".join(dict.fromkeys("another size" if word == "above" else word for word in known if word))
        if not words:
            return verdict
        return f"{verdict} ({words})" if verdict == "not reproduced" else f"{verdict} (other readings: {words})"
