"""Signatures read as in the source, and as lists to a screen reader."""

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

pytest.importorskip("sphinx")

from _ext.signatures import make_types_readable, parameters_as_lists, readable_signature

from fedswitch import Scenario


def test_types_read_as_in_the_source():
    def function(a, b, c, d): ...

    function.__annotations__ = {"a": "ArrayLike", "b": "Alias", "c": "Scenario", "d": "Aliases | None"}
    function.__annotations__["return"] = "tuple[NDArray[np.bool_], int]"
    names = {"ArrayLike": ArrayLike, "NDArray": NDArray, "Alias": NDArray[np.float64]}
    names |= {"Aliases": tuple[NDArray[np.float64], ...], "Scenario": Scenario, "np": np}
    make_types_readable(function, names)
    shown = {name: str(hint) for name, hint in function.__annotations__.items()}
    assert shown["b"] == "numpy.typing.NDArray[numpy.float64]"
    assert shown["d"] == "tuple[numpy.typing.NDArray[numpy.float64], ...] | None"
    assert shown["return"] == "tuple[numpy.typing.NDArray[numpy.bool], int]"
    assert function.__annotations__["a"].__name__ == "ArrayLike"
    assert function.__annotations__["c"] is Scenario


def test_a_function_whose_types_cannot_be_found_stays_as_it_is():
    def function(a: "Nowhere") -> None: ...  # noqa: F821

    make_types_readable(function, {})
    assert function.__annotations__["a"] == "Nowhere"


def test_defaults_that_are_no_python_become_dots():
    texts = ("(a: int = 1, b: dict[str, Any] = <factory>, c: type = <class 'x.Y'>)", None)
    assert readable_signature(None, "class", "A", None, None, *texts) == (
        "(a: int = 1, b: dict[str, Any] = ..., c: type = ...)",
        None,
    )


def test_parameters_are_a_list_to_a_screen_reader():
    one, two = (f'<dd><em class="sig-param"><span class="n">{name}</span></em>,</dd>\n' for name in "ab")
    other = "<dl>\n<dt>term</dt>\n<dd>text</dd>\n</dl>"
    page = parameters_as_lists(f"<dt>f(<dl>\n{one}{two}</dl>)</dt>{other}")
    assert page.startswith('<dt>f(<div role="list" class="sig-params">\n<div role="listitem"><em')
    assert page.count('<div role="listitem">') == 2
    assert page.count("</div>") == 3
    assert page.endswith(f")</dt>{other}")
