"""The wheel holds what the module needs, and nothing else; the citation says what is cited."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
INFO = f"fedswitch-{PROJECT['version']}.dist-info"


def pip(*arguments):
    offline = ["--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", *arguments, *offline], check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", str(ROOT), "--no-build-isolation", "--wheel-dir", str(folder))
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("site")
    pip("install", str(wheel), "--target", str(folder))
    return folder


def test_wheel_holds_the_module_its_notebooks_results_and_errata_only(wheel):
    module = (path for path in (ROOT / "fedswitch").rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    notebooks = [f"fedswitch/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.md")]
    results = [f"fedswitch/results/{path.name}" for path in (ROOT / "results").iterdir()]
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith(INFO)}
    errata = [f"fedswitch/errata/{path.name}" for path in (ROOT / "book" / "errata").iterdir()]
    assert notebooks
    assert results
    assert errata
    assert names == {path.relative_to(ROOT).as_posix() for path in module} | {*notebooks, *results, *errata}


def test_wheel_has_the_license_and_the_command(wheel):
    archive = zipfile.ZipFile(wheel)
    assert archive.read(f"{INFO}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert b"fedswitch = fedswitch.cli:main" in archive.read(f"{INFO}/entry_points.txt").splitlines()


def test_installed_command_finds_its_notebooks(site, tmp_path):
    call = "import fedswitch, sys; from fedswitch.cli import main; print(fedswitch.__file__); sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", call, "list"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == str(site / "fedswitch" / "__init__.py")
    for notebook in (ROOT / "notebooks").glob("*.md"):
        assert notebook.stem in done.stdout


def test_installed_module_finds_its_results_and_errata(site, tmp_path):
    call = (
        "from fedswitch.paper import find; from fedswitch.studies.records import load_result; "
        "assert find('eq-27').errata; print(len(load_result('fig3_bandwidth').table))"
    )
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", call], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 0


def test_citation_names_this_version_and_both_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    paper, sibling = citation["references"]
    assert citation["title"] == PROJECT["name"]
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert [{"name": author["name"]} for author in citation["authors"]] == PROJECT["authors"]
    assert paper["identifiers"] == [{"type": "other", "value": "arXiv:2509.19306"}]
    assert sibling["identifiers"] == [{"type": "other", "value": "arXiv:2407.02924"}]
    assert paper["title"] in PROJECT["description"].replace("'", "")
