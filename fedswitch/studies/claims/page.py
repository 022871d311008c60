"""The page of the claims, in MyST, made from the records and from what the recorded runs measured."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from ...paper import find
from ...parameters import markdown_table
from ...scenario import Form
from .evidence import FORMS, ClaimFinding, Outcome
from .rules import ClaimVerdict
from .texts import TEXTS

_NEW_LINES = "\n\n"
_FEW = 6
"""So many readings are listed one by one; of more, their range is told."""

_REBUILT_QNLI = "train.parquet 51fcbd7d4bf8"
"""How a record names QNLI training pairs that have been made anew from SQuAD, in the style of the official ones."""

_LACKING = "The recorded run does not hold what this needs."
_PAPER_BACKBONE = "roberta-base"
_IMAGES = ("split_fig4", "split_fig5")


def meanings() -> str:
    """A definition list of the verdicts and what each covers."""
    return _definitions(TEXTS.verdicts)


def rules() -> str:
    """A definition list of the rules by which verdicts are reached."""
    return _definitions(TEXTS.rules)


def verdict_table(found: Iterable[ClaimFinding]) -> str:
    """A table of the verdicts on claims under both forms, as by `ClaimFinding.told`, which links to the claims."""
    rows = ((f"{_link(one)}, {one.claim.value}", one.told("printed"), one.told("corrected")) for one in found)
    return markdown_table(("claim", "printed", "corrected"), rows)


def verdict_counts(found: Iterable[ClaimFinding], form: Form) -> dict[ClaimVerdict, int]:
    """How many claims have which verdict in that form."""
    verdicts = [one.verdict(form) for one in found]
    return {verdict: verdicts.count(verdict) for verdict in get_args(ClaimVerdict)}


def claim_reasons(found: Iterable[ClaimFinding]) -> str:
    """A list of claims with what was measured of each, for the page of their figure; `claim_blocks` has all of it."""
    lines = []
    for one in found:
        deciding = [outcome for outcome in one.outcomes if outcome.counts]
        lines.append(f"- {_link(one)}{'' if deciding else f': {one.missing or _LACKING}'}")
        lines += [f"  - {_reading(outcome, judged=not one.claim.untestable, named=True)}" for outcome in deciding]
    return "\n".join(lines)


def claim_blocks(found: Iterable[ClaimFinding], figure: str) -> str:
    """All about each claim of a figure, such as "fig-2": a block for each, under its label."""
    return _NEW_LINES.join(_block(one) for one in found if one.claim.figure == figure)


def foundations(found: Iterable[ClaimFinding]) -> str:
    """What the verdicts stand on: each study's provenance, how it differs from the paper, and how to repeat it."""
    parts = []
    of_studies = [one for one in found if one.claim.study]
    for name, findings in itertools.groupby(of_studies, key=lambda one: one.claim.study):
        first = next(findings)
        if first.result is None:
            parts.append(f"{{doc}}`/notebooks/{name}`\n: {first.missing}")
            continue
        record = first.result.record
        terms = [first.result.provenance(), *departures(record), f"Repeat it: `nox -s reproduce -- {name}`."]
        if command := with_the_papers_model(name, record["settings"]):
            terms.append(f"With the paper's own model, where its weights can be had:\n\n  ```bash\n  {command}\n  ```")
        parts.append("\n".join([f"{{doc}}`/notebooks/{name}`", *(f": {term}\n" for term in terms)]))
    return _NEW_LINES.join(parts)


def departures(record: Mapping[str, Any]) -> list[str]:
    """Sentences that say how a run differs from what the paper describes, from its record."""
    settings = record["settings"]
    of_sibling = "num_devices" in settings
    said = []
    if "backbone" in settings and settings["backbone"] != _PAPER_BACKBONE:
        theirs = ("a ViT-B" if record["study"] in _IMAGES else "BERT") if of_sibling else "RoBERTa"
        said.append(f"The foundation model is `{settings['backbone']}` instead of {theirs}.")
    if any(_REBUILT_QNLI in source for source in record.get("task_source", ())):
        said.append(
            "QNLI training pairs are rebuilt from SQuAD, most of them not the official ones; the test pairs are."
        )
    if of_sibling:
        return [*said, *_departures_of_sibling(settings)]
    if "num_ues" in settings and "rounds" in settings:
        sizes = settings["num_ues"]
        sizes = ", ".join(map(str, sizes)) if isinstance(sizes, Sequence) else sizes
        said.append(f"Cells have K = {sizes} UEs, and runs at most {settings['rounds']} rounds.")
    if "test_size" in settings:
        said.append(
            f"Each UE computes on {settings['batch_size']} samples in a round, LoRA sits on "
            f"{settings['lora_layers'] or 'all'} layers, and tests use {settings['test_size'] or 'all'} samples."
        )
    return [*said, "What the paper does not state is chosen: [notation](../book/notation.md) lists it."]


def _departures_of_sibling(settings: Mapping[str, Any]) -> list[str]:
    if "backbone" not in settings:
        return [f"Runs have {settings['rounds']} rounds, where the sibling's have 5,000."]
    return [
        f"Runs have {settings['rounds']} rounds with {settings['batch_size']} samples of a device, where the sibling's "
        "have 5,000 with 32.",
        f"Each device holds {settings['samples_per_device'] or 'its share of all'} samples, LoRA sits on "
        f"{settings['lora_layers'] or 'all'} layers, samples are cut to {settings['tokens_per_sample']} tokens, and "
        f"tests use {settings['test_size'] or 'all'} samples.",
        f"All learn by Adam with steps of {settings['learning_rate']:g}: with plain SGD and the printed steps of 1e-4 "
        "nothing is learned.",
        "All devices send the same number of bits, whatever the backbone: those of the sibling's messages.",
    ]


def with_the_papers_model(study: str, settings: Mapping[str, Any]) -> str:
    """The command that runs a study as recorded, but with the paper's model; empty where no model is trained."""
    if study.startswith("split"):
        backbone = "google/vit-base-patch16-224-in21k" if study in _IMAGES else "bert-base-uncased"
        return f"nox -s reproduce -- {study} -p backbone={backbone} --out OUT" if "backbone" in settings else ""
    return f"nox -s reproduce -- {study} -p backbone={_PAPER_BACKBONE} --out OUT" if "backbone" in settings else ""


def _definitions(texts: Mapping[Any, str]) -> str:
    return _NEW_LINES.join(f"{name.capitalize()}\n: {text}" for name, text in texts.items())


def _link(one: ClaimFinding) -> str:
    return f"[{one.claim.title}](#{one.claim.anchor})"  # which reads well in plain Jupyter, too


def _block(one: ClaimFinding) -> str:
    claim = one.claim
    figure = find(claim.figure, claim.paper)
    name = f"{figure.name}, {claim.title}"
    terms = {"The paper says": claim.statement}
    for form in FORMS:
        terms[f"Measured, {form}: {one.verdict(form)}"] = _measured(one, form)
    how = " ".join([*claim.metric, f"Rule: {claim.rule}."])
    terms["How"] = f"{how} [{figure.name}](#{figure.label}) shows it." if claim.study else how
    if claim.untestable:
        terms["Why it cannot be tested as stated"] = claim.untestable
    if claim.unstated:
        terms["Not stated"] = f"{claim.unstated[0].upper()}{claim.unstated[1:]}."
    if claim.study:
        terms["Repeat it"] = f"`nox -s reproduce -- {claim.study}`"
    body = (f"{term}\n: {text}" for term, text in terms.items())
    return _NEW_LINES.join([f"({claim.anchor})=\n**{name}** ({claim.value})", *body])


def _measured(one: ClaimFinding, form: Form) -> str:
    deciding, beside = (one.of_form(form, counts=counts) for counts in (True, False))
    if not deciding:
        return one.missing or _LACKING
    judged = not one.claim.untestable
    items = [_reading(outcome, judged=judged) for outcome in deciding]
    if len(beside) > _FEW:
        items.append(_range(beside))
    else:
        items += [f"Beside it, {_reading(outcome, judged=judged)}" for outcome in beside]
    return "\n  ".join(f"- {item}" for item in items)


def _reading(outcome: Outcome, *, judged: bool, named: bool = False) -> str:
    form = f"{outcome.form or 'both forms'}: " if named else ""
    reading = f" ({outcome.reading})" if outcome.reading else ""
    verdict = f": {outcome.verdict}" if judged else ""
    return f"{form}**{outcome.shown}**{reading}{verdict}. {outcome.why}"


def _range(outcomes: Sequence[Outcome]) -> str:
    """How many of many readings reproduce a claim, and which: can any setting reproduce it?"""
    counts = {verdict: [one for one in outcomes if one.verdict == verdict] for verdict in get_args(ClaimVerdict)}
    said = ", ".join(f"{len(ones)} {verdict}" for verdict, ones in counts.items() if ones)
    nearest = "; ".join(f"{one.reading}: {one.shown}" for one in counts["reproduced"][:_FEW])
    which = f" Reproduced with {nearest}{'; ...' if len(counts['reproduced']) > _FEW else ''}." if nearest else ""
    return f"Of {len(outcomes)} other readings and settings: {said}.{which}"
