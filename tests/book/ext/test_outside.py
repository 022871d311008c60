"""A study that was downloaded runs where there is no clone, only the installed module."""

import os
import shutil
from pathlib import Path

import nbformat
import papermill
import pytest

pytest.importorskip("jupyter_book")

from _ext.unexecuted import notebooks

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_a_downloaded_study_runs_outside_the_clone(tmp_path, monkeypatch):
    site, here = tmp_path / "site", tmp_path / "downloads"
    here.mkdir()
    # as the wheel is laid out
    shutil.copytree(ROOT / "fedswitch", site / "fedswitch", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("notebooks", "results", "book/errata"):
        shutil.copytree(ROOT / folder, site / "fedswitch" / Path(folder).name)
    downloaded = notebooks(ROOT)["notebooks/fig3_bandwidth"]
    downloaded.cells.append(nbformat.v4.new_code_cell("import fedswitch\nprint(fedswitch.__file__)"))
    nbformat.write(downloaded, here / "fig3_bandwidth.ipynb")
    monkeypatch.chdir(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    changes = {"num_ues": [3, 6], "num_cells": 2, "out": str(here / "out")}
    ran = papermill.execute_notebook("fig3_bandwidth.ipynb", "ran.ipynb", changes, progress_bar=False)
    assert ran.cells[-1].outputs[0].text.strip() == str(site / "fedswitch" / "__init__.py")
    shown = str([cell.get("outputs") for cell in ran.cells])
    assert "Recorded in `fig3_bandwidth.parquet`" in shown
    assert {path.suffix for path in (here / "out").iterdir()} == {".parquet", ".png", ".svg", ".json"}
