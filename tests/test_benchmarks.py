"""Benchmarks run by hand; here only that each still finds what it measures."""

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("[!_]*.py")), ids=lambda path: path.stem)
def test_a_benchmark_imports_what_it_measures(path, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    assert callable(runpy.run_path(str(path), run_name=path.stem)["main"])
