"""The reference shows all that is public, under names that can be imported, and quotes become links."""

import importlib
import inspect
import re
import types
from pathlib import Path

import pytest
import yaml

pytest.importorskip("sphinx")


from _ext.api import (
    PACKAGES,
    documented,
    entries,
    format_docstring,
    linked,
    modules,
    overview_source,
    package_source,
)
from small_books import build_book

from fedswitch import control
from fedswitch.paper import ELEMENTS, OWN, RECORDS

ROOT = Path(__file__).resolve().parents[3]
ALL_MODULES = [module for package in PACKAGES for module in modules(package)]


def test_every_file_of_the_module_has_its_place():
    files = {path.relative_to(ROOT).with_suffix("") for path in (ROOT / "fedswitch").rglob("*.py")}
    names = {".".join(path.parts).removesuffix(".__init__") for path in files}
    assert set(ALL_MODULES) == {name for name in names if not re.search(r"\._", name)}
    assert len(ALL_MODULES) == len(set(ALL_MODULES))


@pytest.mark.parametrize("package", PACKAGES)
def test_all_that_a_package_exports_is_shown(package):
    """On its page or, what it has from another package, on the page of that."""
    shown = {(entry.name, id(entry.value)) for other in PACKAGES for entry in entries(other)}
    for module in modules(package):
        exporter = importlib.import_module(module)
        for name in getattr(exporter, "__all__", ()):
            value = getattr(exporter, name)
            assert isinstance(value, types.ModuleType) or (name, id(value)) in shown, f"{module}.{name}"


def test_all_names_can_be_imported_and_none_stands_twice():
    found = [entry for package in PACKAGES for entry in entries(package)]
    assert len({entry.path for entry in found}) == len(found)
    assert all(inspect.getdoc(entry.value) for entry in found if entry.directive != "py:data")
    paths = {entry.path for entry in found}
    assert {"fedswitch.Scenario", "fedswitch.control.decide", "fedswitch.learning.simulate"} <= paths
    assert {"fedswitch.wireless.ergodic.link_ratios", "fedswitch.learning.engine.cell_gradient"} <= paths
    assert not any("._" in path for path in paths)


def test_data_are_shown_with_the_docstring_below_them():
    (tasks,) = (entry for entry in entries("fedswitch.learning") if entry.name == "TASKS")
    assert (tasks.home, tasks.module) == ("fedswitch.learning", "fedswitch.learning.tasks")
    assert "\n".join(tasks.content).strip().startswith("The tasks by name, and what each is;")
    assert ".. py:data:: TASKS\n   \n   The tasks by name" in package_source("fedswitch.learning")


def test_the_map_links_to_entries_that_exist():
    named = {name for element in [*ELEMENTS, *OWN] for name in element.functions}
    named |= {check for record in RECORDS for check in record.checks}
    assert {f"fedswitch.{name}" for name in named} <= documented()


def test_every_package_has_a_page_in_the_book():
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    chapters = [chapter["file"] for part in parts for chapter in part["chapters"]]
    pages = [page for page in chapters if page.startswith("book/api/")]
    assert [(ROOT / f"{page}.rst").read_text(encoding="utf-8").split(".. api:: ")[1].strip() for page in pages] == [
        *PACKAGES
    ]


def test_the_overview_has_a_line_for_every_module_with_public_objects():
    text = overview_source()
    for module in {entry.module for package in PACKAGES for entry in entries(package)}:
        summary = inspect.getdoc(importlib.import_module(module)).partition("\n")[0]
        (line,) = (
            line for line in re.sub("`\n +", "`: ", text).splitlines() if f"<api-{module.replace('.', '-')}>`" in line
        )
        assert line.replace("``", "`").endswith(summary) or ":py:obj:" in line


def test_quotes_become_links_or_code():
    lines = [r"With `decide`, `State.bound`, `power_w`, `Cell.draw`", r"``|h|^2``, :math:`\delta` and `no", "name`."]
    known = linked(lines, "fedswitch.control", {"power_w"})
    assert known == [
        "With :py:obj:`decide <fedswitch.control.decide>`, ``State.bound``, ``power_w``, ``Cell.draw``",
        r"``|h|^2``, :math:`\delta` and ``no",
        "name``.",
    ]
    assert linked(["`Cell.draw`"], "fedswitch.wireless.Channel", ()) == [
        ":py:obj:`Cell.draw <fedswitch.wireless.Cell.draw>`"
    ]
    assert linked(["`decide`"], "fedswitch.control", {"decide"}) == ["``decide``"]


def test_what_stands_before_a_colon_is_no_type_of_a_property():
    lines = ["The share: what `decide` gives.", ""]
    format_docstring(None, "property", "fedswitch.control.State.share", property(), None, lines)
    assert lines[0] == "The share: what :py:obj:`decide <fedswitch.control.decide>` gives."


def test_sections_of_a_docstring_are_formatted():
    def function(rate): ...

    lines = ["Do it.", "", "Args:", "    rate: of `rate` or `decide`.", ""]
    format_docstring(None, "function", "fedswitch.control.function", function, None, lines)
    assert ":param rate: of ``rate`` or :py:obj:`decide <fedswitch.control.decide>`." in lines


@pytest.mark.slow
def test_a_page_is_built_without_a_warning_and_can_be_searched(tmp_path):
    """The page of `control`: its links to other packages lead nowhere in this small book, and nothing else is wrong."""
    out, warned = build_book(
        tmp_path,
        {"index.rst": "Control\n=======\n\n.. api:: fedswitch.control\n"},
        ["_ext.api", "_ext.signatures"],
        nitpicky=True,
        nitpick_ignore_regex=[("py:.*", r"(?!fedswitch\.control).*")],
        maximum_signature_line_length=60,
    )
    assert warned == ""
    page = (out / "index.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    for name in control.__all__:
        assert f'id="fedswitch.control.{name}"' in page
        assert f'"{name}"' in (out / "searchindex.js").read_text(encoding="utf-8")
    assert "payload_bits: ArrayLike" in text
    assert "NDArray[float64]" in text
    assert "ndarray" not in text
    assert "~" not in text
    assert page.count('role="listitem"') > len(control.__all__)
    assert "<dl>\n<dd>" not in page
    assert re.search(r'href="_modules/fedswitch/control/bandwidth.html#allocate_bandwidth"', page)
    assert "def allocate_bandwidth" in re.sub(
        r"<[^>]+>", "", (out / "_modules/fedswitch/control/bandwidth.html").read_text(encoding="utf-8")
    )


def test_the_source_of_a_page_has_a_section_and_a_label_for_each_module():
    text = package_source("fedswitch.control")
    found = {entry.module for entry in entries("fedswitch.control")}
    labels = re.findall(r"^\.\. _(api-\S+):$", text, re.MULTILINE)
    assert sorted(labels) == sorted(f"api-{module.replace('.', '-')}" for module in found)
    assert len(re.findall(r"^-+$", text, re.MULTILINE)) == len(found)


def test_what_a_package_defines_itself_stands_at_the_top_of_its_page():
    """Without a section, whose label would be that of the page."""
    text = package_source("fedswitch.split")
    top, _, sections = text.partition(".. _api-")
    assert ".. py:data:: COUNTEREXAMPLES" in top
    assert "split:" not in sections.split("\n")[0]
    assert text.count("what it claims of split federated LoRA") == 1
