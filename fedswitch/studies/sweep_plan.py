"""The runs of a sweep: what is asked for, every combination of it, and what is refused before the first run."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import ParameterError
from .notebooks import OUT_PARAMETER, Study, check_together, parse_assignments
from .sweep_workers import SweepRun, data_digest, module_version

MOST_RUNS = 100_000
"""A sweep of more would take weeks for its kernels to start alone: most likely it was not meant."""

_RANGE = re.compile(r"(-?\d{1,30}):(-?\d{1,30})(?::(-?\d{1,30}))?")


def parse_sweep(study: Study, assignments: Iterable[str]) -> dict[str, list[Any]]:
    """Turn texts such as ``num_ues=10,20`` and ``seeds=0:5`` into the values of each parameter.

    Commas part values, except within brackets or quotes: the values of a list are ``[10,20],[40,80]``. ``0:5`` stands
    for 0 to 4, ``0:10:2`` for every second number, where the parameter is not a text. Values are literals, never
    evaluated. Raises ParameterError as `parse_assignments` does, for a range without numbers and for a value given
    twice.
    """
    texts = {parameter.name for parameter in study.parameters if isinstance(parameter.default, str)}
    assigned: list[tuple[str, list[str]]] = []
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        parts = _split(text)
        if name.strip() not in texts:
            parts = [value for part in parts for value in _expand(name.strip(), part)]
        assigned.append((name.strip(), [f"{name}{equals}{part}" for part in parts]))
    parse_assignments(study, [first for _, (first, *_) in assigned])
    return _checked({name: [parse_assignments(study, [each])[name] for each in texts] for name, texts in assigned})


def plan(study: Study, swept: Mapping[str, Sequence[Any]]) -> list[SweepRun]:
    """One run for each combination of values, in order; the last parameter changes first.

    A run is known by the notebook's text, the values of all its parameters, defaults included, in whatever order, and
    the data that these name on this machine. `swept` is what `parse_sweep` returns. Raises ParameterError for values
    that do not go together.
    """
    source, module = study.path.read_text(encoding="utf-8"), module_version()
    defaults = {parameter.name: parameter.default for parameter in study.parameters if parameter.name != OUT_PARAMETER}
    data: dict[tuple[Any, ...], str] = {}  # by what names it: each is read once
    runs = []
    for values in itertools.product(*swept.values()):
        parameters = dict(zip(swept, values, strict=True))
        check_together(study, parameters)
        full = defaults | parameters
        names = tuple(full.get(name) for name in ("task", "backbone"))
        if names not in data:
            data[names] = data_digest(full)
        identity = repr((sorted(full.items()), source, *filter(None, [data[names]])))
        run_id = hashlib.sha256(identity.encode()).hexdigest()[:12]
        runs.append(SweepRun(run_id, study.name, source, parameters, module, data[names]))
    return runs


def _checked(swept: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The same; ParameterError for a value given twice, and for more than `MOST_RUNS` combinations."""
    for name, values in swept.items():
        seen = set()
        for value in values:
            if (known := _hashable(value)) in seen:
                raise ParameterError(f"The value {value!r} of the parameter {name!r} is given twice.")
            seen.add(known)
    if (count := math.prod(map(len, swept.values()))) > MOST_RUNS:
        raise ParameterError(f"These values have {count} combinations: a sweep may have {MOST_RUNS} runs.")
    return swept


def _hashable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return repr(value) if isinstance(value, dict | set) else value


def _split(text: str) -> list[str]:
    """Part a text at its commas, but not within brackets, nor within quotes at the beginning of a value.

    ParameterError where one of them is not closed: what comes after it would be one value.
    """
    parts, depth, quote = [""], 0, ""
    for character in text:
        if character == "," and not depth and not quote:
            parts.append("")
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and (depth or not parts[-1].strip()):
            quote = character
        else:
            depth += (character in "[({") - (character in "])}")
        parts[-1] += character
    if depth or quote:
        raise ParameterError(f"In {text!r} not every bracket or quote is closed: put such a value in quotes.")
    return [part.strip() for part in parts]


def _expand(name: str, text: str) -> list[str]:
    """The numbers of a range such as ``0:5`` or ``0:10:2``; any other text stays what it is."""
    match = _RANGE.fullmatch(text)
    if not match:
        return [text]
    start, stop, step = (int(number) for number in match.groups(default="1"))
    if not step or not range(start, stop, step):
        raise ParameterError(f"The range {text} of the parameter {name!r} holds no number: 0:5 stands for 0,1,2,3,4.")
    if abs(stop - start) // abs(step) > MOST_RUNS:
        raise ParameterError(f"The range {text} of the parameter {name!r} is too long: {MOST_RUNS} runs are the most.")
    return [str(number) for number in range(start, stop, step)]
