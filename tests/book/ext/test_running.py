"""Tables of the page "Run it yourself", held to the notebooks, the records and the pages they are made from."""

import ast
import json
import re
from pathlib import Path

import pytest
from _ext.running import code_table, imported, recorded_table, settings_table

from fedswitch.errors import ParameterError
from fedswitch.studies.notebooks import all_studies, find_study
from fedswitch.studies.settings import recorded_settings

ROOT = Path(__file__).parents[3]
STUDIES = [study.name for study in all_studies()]


def rows(table):
    """The cells of a table of Markdown, without its header."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.split("\n")[2:]]
    return [[cell.strip() for cell in line] for line in lines]


@pytest.mark.parametrize("name", STUDIES)
def test_every_line_of_a_parameters_cell_is_a_row(name):
    source = (ROOT / "notebooks" / f"{name}.md").read_text(encoding="utf-8")
    cell = re.search(r":tags: \[parameters\]\n\n(.*?)```", source, flags=re.DOTALL)[1]
    written = [re.fullmatch(r"(\w+) = (.*?) +# (.*)", line).groups() for line in cell.strip().split("\n")]
    shown = [(row[0].strip("`"), row[1]) for row in rows(settings_table(name))]
    assert shown == [(parameter, text) for parameter, _, text in written]


@pytest.mark.parametrize("name", STUDIES)
def test_defaults_and_values_of_recorded_run(name):
    recorded = recorded_settings(name).as_dict()
    defaults = {parameter.name: parameter.default for parameter in find_study(name).parameters}
    for parameter, _, default, value in rows(settings_table(name)):
        parameter, default, value = (text.strip("`") for text in (parameter, default, value))
        assert ast.literal_eval(default) == defaults[parameter]
        if parameter not in recorded:
            assert value == ""
        elif value == "the same":
            assert recorded[parameter] == defaults[parameter]
        else:
            assert ast.literal_eval(value) == recorded[parameter] != defaults[parameter]


def test_an_unknown_study_is_refused():
    with pytest.raises(ParameterError, match="Did you mean 'fig4_switching'"):
        settings_table("fig4_switchin")


def test_computing_times_are_those_of_the_records():
    shown = {row[1]: row[2] for row in rows(recorded_table())}
    assert len(shown) == len(STUDIES)
    for name in STUDIES:
        if not (ROOT / "results" / f"{name}.json").is_file():
            assert shown[f"`nox -s reproduce -- {name}`"] == "unknown"
            continue
        seconds = json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8"))["seconds"]
        number, unit = shown[f"`nox -s reproduce -- {name}`"].split()
        assert float(number) * {"s": 1, "min": 60}[unit] == pytest.approx(seconds, abs={"s": 0.5, "min": 30}[unit])


def test_imports_of_a_cell():
    cell = "import numpy\nfrom fedswitch import Scenario, control\nfrom fedswitch.studies.style import use_style\n"
    assert set(imported(cell)) == {"fedswitch.Scenario", "fedswitch.control", "fedswitch.studies"}


def test_pages_are_linked_with_the_code_that_they_import():
    found = {row[0]: row[1] for row in rows(code_table(ROOT / "book"))}
    targets = {re.fullmatch(r"\[.+\]\((.+)\)", link)[1]: code for link, code in found.items()}
    assert all((ROOT / "book" / target).is_file() for target in targets)
    assert "`fedswitch.theory`" in targets["theorem.md"]
    assert "`fedswitch.learning`" in targets["../notebooks/fig4_switching.md"]
    assert "index.md" not in targets


def test_the_page_has_a_labelled_table_of_every_study():
    _, *sections = (ROOT / "book/run.md").read_text(encoding="utf-8").split("\n(sec-parameters-")
    shown = [re.search(r'settings_table\("(\w+)"\)', section)[1] for section in sections]
    assert sorted(shown) == sorted(STUDIES)
