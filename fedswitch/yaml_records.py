"""Records that are data: YAML files of mappings, each made into a dataclass and checked when it is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from .errors import FedswitchError

Record = TypeVar("Record")

_WANTED: dict[Any, tuple[type[Any], str]] = {tuple: (list, "list"), dict: (dict, "mapping")}


def read_yaml(path: Path) -> Any:
    """What a file holds; FedswitchError where it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FedswitchError(f"The records in {path} cannot be read: {error}") from error


def records(
    kind: type[Record], read: Iterable[Mapping[str, Any]], where: str, name: str, **given: str
) -> tuple[Record, ...]:
    """A record of a kind from each mapping, as by `record`; errors call it by its id, or by `name` and its number."""
    made = []
    for number, fields in enumerate(read, start=1):
        if not isinstance(fields, Mapping):
            raise FedswitchError(f"{where}, {name} {number}: it must be a mapping, not {fields!r}.")
        made.append(record(kind, fields, f"{where}, {fields.get('id', f'{name} {number}')}", **given))
    return tuple(made)


def record(kind: type[Record], fields: Mapping[str, Any], where: str, **given: str) -> Record:
    """Make a record from what a file has and what is `given`.

    Fields are texts, words of a `Literal`, mappings, or tuples of texts or further records. Raises FedswitchError that
    says `where`, and which key, unless there is what the record needs, and nothing else.
    """
    types, values = get_type_hints(kind), given | dict(fields)
    for name in values:
        if name not in types:
            raise FedswitchError(f"{where}: there is no key {name!r}; there are {', '.join(types)}.")
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING and not values.get(field.name):
            raise FedswitchError(f"{where}: the key {field.name!r} is missing or empty.")
    return kind(**{name: _value(types[name], name, value, where) for name, value in values.items()})


def _value(kind: Any, name: str, value: Any, where: str) -> Any:
    """A value of a record, once it is of that kind."""
    choices, origin = get_args(kind), get_origin(kind)
    if origin is Literal and value not in choices:
        raise FedswitchError(f"{where}: {name} must be one of {', '.join(choices)}, not {value!r}.")
    wanted, called = _WANTED.get(origin, (str, "text"))
    if not isinstance(value, wanted):
        raise FedswitchError(f"{where}: {name} must be a {called}, not {value!r}.")
    if wanted is not list:
        return value
    part: Any = choices[0]
    if part is not str:
        return records(part, value, where, name)
    return tuple(_value(str, f"{name} {number}", text, where) for number, text in enumerate(value, start=1))
