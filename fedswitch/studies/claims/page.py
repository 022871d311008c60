"""The page of the claims, in MyST, made from the records and from what the recorded runs measured."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from ...parameters import markdown_table
from ...scenario import Form
from .evidence import FORMS, ClaimFinding, Outcome
from .rules import FACTOR, ClaimVerdict, standing
from .sentences import how_many
from .texts import TEXTS

_NEW_LINES = "\n\n"
_FEW = 6
"""So many readings are listed one by one; of more, their range is told."""

_REBUILT_QNLI = "train.parquet 51fcbd7d4bf8"
"""How a record names QNLI training pairs that have been made anew from SQuAD, in the style of the official ones."""

_ENOUGH = {
    "gain": "the interval lies above zero and the mean between {half:g} % and {twice:g} %",
    "price": "energy is saved and the interval of what that costs lies below {twice:g} %",
    "direction": "the interval lies above zero",
    "at least": "the mean is not below zero",
    "count": "the number is that, to the thousand",
    "valley": "the intervals of the fall and of the rise lie above zero",
    "always": "it holds in every run",
}
"""What reproduces a claim, by its rule, in numbers; `TEXTS.rules` tells the rest."""

_LACKING = "The recorded run does not hold what this needs."
_PAPER_BACKBONE = "roberta-base"
_IMAGES = ("split_fig4", "split_fig5")


def meanings() -> str:
    """A definition list of the verdicts and what each covers."""
    return _definitions(TEXTS.verdicts)


def rules() -> str:
    """A definition list of the rules by which verdicts are reached, folded."""
    return _folded("The rules", _definitions(TEXTS.rules))


def verdict_table(found: Iterable[ClaimFinding]) -> str:
    """A table of the verdicts on claims under both forms, as by `ClaimFinding.told`, which links to the claims."""
    rows = ((f"{_link(one)}, {one.claim.value}", one.told("printed"), one.told("corrected")) for one in found)
    return markdown_table(("claim", "printed", "corrected"), rows)


def verdict_counts(found: Iterable[ClaimFinding], form: Form) -> dict[ClaimVerdict, int]:
    """How many claims have which verdict in that form."""
    verdicts = [one.verdict(form) for one in found]
    return {verdict: verdicts.count(verdict) for verdict in get_args(ClaimVerdict)}


def verdict_sentence(found: Iterable[ClaimFinding]) -> str:
    """One sentence on what became of some claims, such as those of a figure, which it links to."""
    found = list(found)
    groups = {form: _by_verdict(found, form) for form in FORMS}
    corrected = _listed(f"{len(ones)} {_is(verdict, ones)} ({_links(ones)})" for verdict, ones in groups["corrected"])
    lead = f"**Verdict.** Of {len(found)} {'claim' if len(found) == 1 else 'claims'}, with"
    if [one.verdict("printed") for one in found] == [one.verdict("corrected") for one in found]:
        return f"{lead} either form of the formulas, {corrected}."
    printed = _listed(f"{len(ones)} {_is(verdict, ones)}" for verdict, ones in groups["printed"])
    return f"{lead} the corrected formulas, {corrected}; with those as printed, {printed}."


def what_would_change(found: Iterable[ClaimFinding]) -> str:
    """A definition list of claims: the verdict with the corrected formulas, what would reproduce them, what is open."""
    said: set[str] = set()
    terms = []
    for one in found:
        claim = one.claim
        lines = [f"{_link(one)}, {claim.value}: {one.told('corrected')}", f": {_enough(one)}"]
        if claim.unstated and claim.unstated not in said:
            lines.append(f": The paper does not state {claim.unstated}.")
        said.add(claim.unstated)
        terms.append("\n".join(lines))
    return _NEW_LINES.join(terms)


def claim_reasons(found: Iterable[ClaimFinding]) -> str:
    """A list of claims with what was measured of each, for the page of their figure; `claim_blocks` says why."""
    lines = []
    for one in found:
        deciding = [outcome for outcome in one.outcomes if outcome.counts]
        lines.append(f"- {_link(one)}{'' if deciding else f': {one.missing or _LACKING}'}")
        judged = not one.claim.untestable
        lines += [f"  - {outcome.form or 'both forms'}: {_value(outcome, judged=judged)}" for outcome in deciding]
    return "\n".join(lines)


def claim_blocks(found: Iterable[ClaimFinding], figure: str) -> str:
    """The claims of a figure, such as "fig-2": a block for each, under its label, then how all of them are measured."""
    chosen = [one for one in found if one.claim.figure == figure]
    return _NEW_LINES.join([*map(_block, chosen), _folded("How these are measured, and other readings", _how(chosen))])


def foundations(found: Iterable[ClaimFinding]) -> str:
    """What the verdicts stand on: for each study, how it differs from the paper; and, folded, how to repeat it."""
    parts, commands = [], []
    for name, findings in itertools.groupby(found, key=lambda one: one.claim.study):
        result = next(one.result or one.missing for one in findings)
        link = f"{{doc}}`/notebooks/{name}`"
        if isinstance(result, str):
            parts.append(f"{link}\n: {result}")
            continue
        if said := " ".join(departures(result.record)):
            parts.append(f"{link}\n: {said}")
        commands.append(f"{link}\n: `nox -s reproduce -- {name}`")
        if own := with_the_papers_model(name, result.record["settings"]):
            commands.append(f": With the paper's own model, where its weights can be had: `{own}`")
    folded = [_folded("Commands that repeat the runs", _NEW_LINES.join(commands))] if commands else []
    return _NEW_LINES.join([*parts, *folded])


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
            "The test pairs of QNLI are the official ones. The training pairs are rebuilt from SQuAD, and most differ."
        )
    if of_sibling:
        return [*said, *_departures_of_sibling(settings)]
    if "num_ues" in settings and "rounds" in settings:
        sizes = settings["num_ues"]
        sizes = ", ".join(map(str, sizes)) if isinstance(sizes, Sequence) else sizes
        said.append(f"Cells have K = {sizes} UEs, and a run has at most {settings['rounds']} rounds.")
    if "test_size" in settings:
        said.append(
            f"Each UE computes on {settings['batch_size']} samples a round, LoRA is on "
            f"{_layers(settings)}, and each test takes {settings['test_size'] or 'all'} samples."
        )
    return said


def _departures_of_sibling(settings: Mapping[str, Any]) -> list[str]:
    if "backbone" not in settings:
        return [f"Runs have {settings['rounds']} rounds, where the sibling's have 5,000."]
    return [
        f"Runs have {settings['rounds']} rounds with {settings['batch_size']} samples of a device, where the sibling's "
        "have 5,000 with 32.",
        f"Each device holds {settings['samples_per_device'] or 'its share of all'} samples, LoRA sits on "
        f"{_layers(settings)}, samples are cut to {settings['tokens_per_sample']} tokens, and "
        f"tests use {settings['test_size'] or 'all'} samples.",
        f"All learn by Adam with steps of {settings['learning_rate']:g}: plain SGD with the printed steps of 1e-4 "
        "hardly moves anything in so few rounds.",
        "All devices send the same number of bits, whatever the backbone: those of the sibling's messages.",
    ]


def _layers(settings: Mapping[str, Any]) -> str:
    count = settings["lora_layers"]
    return "all layers" if count is None else "one layer" if count == 1 else f"{count} layers"


def with_the_papers_model(study: str, settings: Mapping[str, Any]) -> str:
    """The command that runs a study as recorded, but with the paper's model; empty where no model is trained."""
    if "backbone" not in settings:
        return ""
    of_texts = "bert-base-uncased" if study.startswith("split") else _PAPER_BACKBONE
    backbone = "google/vit-base-patch16-224-in21k" if study in _IMAGES else of_texts
    return f"nox -s reproduce -- {study} -p backbone={backbone} --out OUT"


def _definitions(texts: Mapping[Any, str]) -> str:
    return _NEW_LINES.join(f"{name[0].upper()}{name[1:]}\n: {text}" for name, text in texts.items())


def _folded(title: str, text: str) -> str:
    return f"````{{admonition}} {title}\n:class: dropdown\n{text}\n````"


def _by_verdict(found: Sequence[ClaimFinding], form: Form) -> list[tuple[ClaimVerdict, list[ClaimFinding]]]:
    """The claims of each verdict that was reached, in the order of the verdicts."""
    groups = ((verdict, [one for one in found if one.verdict(form) == verdict]) for verdict in get_args(ClaimVerdict))
    return [(verdict, ones) for verdict, ones in groups if ones]


def _is(verdict: ClaimVerdict, ones: Sequence[ClaimFinding]) -> str:
    word = "partly reproduced" if verdict == "partly" else verdict
    return f"{'is' if len(ones) == 1 else 'are'} {word}"


def _listed(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def _links(ones: Iterable[ClaimFinding]) -> str:
    return "; ".join(map(_link, ones))


def _enough(one: ClaimFinding) -> str:
    """What would reproduce a claim, with its numbers, and how many seeds would settle what is undecided."""
    claim = one.claim
    if claim.untestable:
        return "Testable once it says what would refute it."
    claimed = re.match(r"[\d.]+(?= %)", claim.value)
    value = float(claimed[0]) if claimed else math.nan
    text = f"Reproduced if {_ENOUGH[claim.rule].format(half=value / FACTOR, twice=value * FACTOR)}."
    open_still = [done.found for done in one.of_form("corrected") if done.verdict == "undecided" and done.found]
    seeds = dict.fromkeys(how_many(known) for known in open_still if standing(known) == "undecided")
    return f"{text} Of seeds like ours, {'; '.join(seeds)}." if seeds else text


def _link(one: ClaimFinding) -> str:
    return f"[{one.claim.title}](#{one.claim.anchor})"  # which reads well in plain Jupyter, too


def _block(one: ClaimFinding) -> str:
    claim = one.claim
    terms = {"The paper says": claim.statement}
    measured = {form: _measured(one, form) for form in FORMS}
    same = measured["printed"] == measured["corrected"] and one.verdict("printed") == one.verdict("corrected")
    for form in FORMS[:1] if same else FORMS:
        terms[f"Measured, {'both forms' if same else form}: {one.verdict(form)}"] = measured[form]
    if claim.untestable:
        terms["Why it cannot be tested as stated"] = claim.untestable
    return f"({claim.anchor})=\n**{claim.title}** ({claim.value})\n\n{_definitions(terms)}"


def _measured(one: ClaimFinding, form: Form) -> str:
    deciding = one.of_form(form)
    judged = len(deciding) > 1 and not one.claim.untestable  # the verdict on a single one stands above it
    items = [f"{_value(outcome, judged=judged)}. {outcome.why}".strip() for outcome in deciding]
    listed = "\n".join(f"- {item}" for item in items) or one.missing or _LACKING
    if len(deciding) >= _FEW:
        listed = (
            f"Of {len(deciding)} readings that count alike: {_counted(deciding)}.\n\n{_folded('All of them', listed)}"
        )
    return listed.replace("\n", "\n  ")


def _how(found: Sequence[ClaimFinding]) -> str:
    """How the claims of a figure are measured, what of them the paper leaves open, and what other readings give.

    A sentence that belongs to several claims stands at the first of them.
    """
    said: set[str] = set()
    blocks = []
    for one in found:
        claim = one.claim
        fresh = [text for text in claim.metric if text not in said]
        lead = ["As above."] if len(fresh) < len(claim.metric) else []
        how = " ".join([*lead, *fresh])
        if claim.unstated and claim.unstated not in said:
            how += f" The paper does not state {claim.unstated}."
        said |= {*claim.metric, claim.unstated}
        others = [_others(one, form) for form in FORMS]
        blocks.append("\n".join([f"**{claim.title}** (rule: {claim.rule})\n: {how}", *filter(None, others)]))
    return _NEW_LINES.join(blocks)


def _others(one: ClaimFinding, form: Form) -> str:
    beside = one.of_form(form, counts=False)
    if not beside:
        return ""
    if len(beside) > _FEW:
        return f"\n  {form.capitalize()}: {_range(beside)}"
    values = "; ".join(_value(outcome, judged=not one.claim.untestable) for outcome in beside)
    return f"\n  {form.capitalize()}: {values}."


def _value(outcome: Outcome, *, judged: bool) -> str:
    reading = f" ({outcome.reading})" if outcome.reading else ""
    verdict = f": {outcome.verdict}" if judged else ""
    return f"**{outcome.shown}**{reading}{verdict}"


def _counted(outcomes: Sequence[Outcome]) -> str:
    """How many outcomes have which verdict, of those that some have."""
    verdicts = [outcome.verdict for outcome in outcomes]
    counts = {verdict: verdicts.count(verdict) for verdict in get_args(ClaimVerdict)}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def _range(outcomes: Sequence[Outcome]) -> str:
    """How many of many readings reproduce a claim, and which: can any setting reproduce it?"""
    found = [one for one in outcomes if one.verdict == "reproduced"]
    nearest = "; ".join(f"{one.reading}: {one.shown}" for one in found[:_FEW])
    which = f" Reproduced with {nearest}{'; ...' if len(found) > _FEW else ''}." if nearest else ""
    return f"Of {len(outcomes)} other readings and settings: {_counted(outcomes)}.{which}"
