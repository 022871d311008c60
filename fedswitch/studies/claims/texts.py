"""What is said of verdicts, rules and claims: `book/errata/claims.yaml`, checked when it is read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import yaml

from ...errors import FedswitchError
from ...files import packaged

_NEEDED = ("id", "title", "statement", "value", "metric", "rule")
_OPTIONAL = ("unstated", "untestable")


@dataclasses.dataclass(frozen=True)
class ClaimTexts:
    """The meaning of each verdict and each rule, and the sentences of each claim by its id, as `Claim` has them."""

    verdicts: dict[str, str]
    rules: dict[str, str]
    claims: dict[str, dict[str, str]]


def load_texts(path: Path) -> ClaimTexts:
    """Read the sentences; FedswitchError that names file, claim and key, where one is not as it should be."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
        claims, texts = read.pop("claims"), ClaimTexts(**read, claims={})
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise FedswitchError(f"The claims in {path} cannot be read: {error}") from error
    for claim in claims:
        where = f"{path.name}, {claim.get('id', claim)}"
        if unknown := claim.keys() - {*_NEEDED, *_OPTIONAL}:
            raise FedswitchError(f"{where}: there is no key {min(unknown)!r}; there are {', '.join(_NEEDED)}, "
                                 f"{' and '.join(_OPTIONAL)}.")  # fmt: skip
        if missing := [key for key in _NEEDED if not claim.get(key)]:
            raise FedswitchError(f"{where}: the key {missing[0]!r} is missing or empty.")
        if claim["rule"] not in texts.rules:
            raise FedswitchError(f"{where}: rule must be one of {', '.join(texts.rules)}, not {claim['rule']!r}.")
        texts.claims[claim["id"]] = claim | {"metric": " ".join(claim["metric"])}
    return texts


TEXTS = load_texts(packaged("book/errata") / "claims.yaml")
"""Those of this book."""
