"""What is said of verdicts, rules and claims: `book/errata/claims.yaml`, checked when it is read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ...errors import FedswitchError
from ...files import packaged
from ...yaml_records import read_yaml, record


@dataclasses.dataclass(frozen=True)
class ClaimText:
    """What a claim of Sec. V says.

    `id` begins with its figure, as in "fig2-fedlora". `statement` is the claim in our words, `value` the paper's
    number in print, `metric` how it is computed here, in sentences, and `rule` the name of the rule by which it is
    judged. `unstated` says what the paper leaves open that the outcome depends on. Where there is a reason in
    `untestable`, the outcomes are evidence and give no verdict.
    """

    id: str
    title: str
    statement: str
    value: str
    metric: tuple[str, ...]
    rule: str
    unstated: str = ""
    untestable: str = ""


@dataclasses.dataclass(frozen=True)
class Texts:
    """The meaning of each verdict and each rule, and what each claim says."""

    verdicts: dict[str, str]
    rules: dict[str, str]
    claims: tuple[ClaimText, ...]


def load_texts(path: Path) -> Texts:
    """Read the sentences; FedswitchError that names file, claim and key, where one is not as it should be."""
    texts = record(Texts, read_yaml(path), path.name)
    for claim in texts.claims:
        if claim.rule not in texts.rules:
            raise FedswitchError(
                f"{path.name}, {claim.id}: rule must be one of {', '.join(texts.rules)}, not {claim.rule!r}."
            )
    return texts


TEXTS = load_texts(packaged("book/errata") / "claims.yaml")
"""Those of this book."""
