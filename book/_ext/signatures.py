"""Signatures in the reference of the API as the source has them.

Types are those that the source names: NDArray[float64] instead of what NumPy makes of that. A default that is no Python
becomes dots, and parameters with a line each are a list to a screen reader.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
from sphinx.application import Sphinx

_PARAMETERS = re.compile(r'<dl>\n((?:<dd><em class="sig-param.*?</dd>\n)+)</dl>')
_PARAMETER = re.compile(r'<dd>(<em class="sig-param.*?)</dd>')
_UNREADABLE = re.compile(r"= <[^<>]*>")

Item = TypeVar("Item")


class NDArray(Generic[Item]):
    """Stands in signatures for NumPy's type of the same name, which would be spelled out."""

    __module__ = "numpy.typing"


class ArrayLike:
    """Stands in signatures for NumPy's union of the same name."""

    __module__ = "numpy.typing"


def make_types_readable(function: Any, names: Mapping[str, Any]) -> None:
    """Give a function the types that its source names, with arrays as short as there; `names` has further names.

    Autodoc would resolve the types itself, down to the last union of which NumPy makes its own. Leaves a function as
    it is where a type cannot be found.
    """
    space = {**names, **getattr(function, "__globals__", {}), "NDArray": NDArray, "ArrayLike": ArrayLike}
    for name, value in space.items():
        if isinstance(value, TypeVar):
            value.__module__ = "typing"  # which is what the reader is to take it for, not a class of the module
        space[name] = _shortened(value)
    with contextlib.suppress(NameError, AttributeError, TypeError):
        function.__annotations__ = typing.get_type_hints(function, space)


def _shortened(alias: Any) -> Any:
    """An alias for arrays, or for tuples of them, by the stand-in for NumPy's type."""
    origin, parts = typing.get_origin(alias), typing.get_args(alias)
    if origin is np.ndarray:
        item: Any = typing.get_args(parts[1])[0]
        return types.GenericAlias(NDArray, (item,))
    return types.GenericAlias(tuple, tuple(map(_shortened, parts))) if origin is tuple else alias


def functions(value: Any) -> Iterator[Any]:
    """A function, or the functions of a class that autodoc may show."""
    parts: list[Any] = [value, *vars(value).values()] if inspect.isclass(value) else [value]
    for part in parts:
        function: Any = (
            part.fget if isinstance(part, property) else getattr(part, "func", getattr(part, "__func__", part))
        )
        if inspect.isfunction(function := inspect.unwrap(function)):
            yield function


def readable_signature(_app: Sphinx, _what: str, _name: str, _obj: Any, _options: object, *texts: str) -> Any:
    """Arguments and result of a signature with dots for defaults that are no Python, such as ``<factory>``.

    Sphinx would make no links in a signature that it cannot parse (autodoc's event).
    """
    return tuple(text and _UNREADABLE.sub("= ...", text) for text in texts)


def parameters_as_lists(html: str) -> str:
    """A page on which parameters with a line each are a list to a screen reader, and no terms without definitions."""
    lists = _PARAMETERS.sub(r'<div role="list" class="sig-params">\n\1</div>', html)
    return _PARAMETER.sub(r'<div role="listitem">\1</div>', lists)


def list_parameters(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: object) -> None:
    """Make lists of the parameters of a page (Sphinx's event)."""
    if "body" in context:
        context["body"] = parameters_as_lists(context["body"])


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-signature", readable_signature)
    app.connect("html-page-context", list_parameters)
