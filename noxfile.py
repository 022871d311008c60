"""Sessions that set up, build, check and measure: `nox -s book`, `tests`, `lint`, `bench`, `reproduce` and `lock`.

Nearly all share one environment, `.nox/environment`, which is installed from requirements.lock when that changes.
Flower, which a benchmark compares with, and `lock` have environments of their own. With `--no-venv` they run in the
Python that runs nox, and nothing is installed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

import nox
from packaging.specifiers import SpecifierSet

nox.needs_version = ">=2025.2.9"

ROOT = Path(__file__).parent
PROJECT = ROOT / "pyproject.toml"
LOCK = ROOT / "requirements.lock"
BUILD = ROOT / "_build"
BENCHMARKS = ROOT / "benchmarks"
PAGE_TESTS = ROOT / "tests" / "book"

LOCK_HEADER = """\
# Made by `nox -s lock` (uv pip compile) from pyproject.toml, with all extras, for Python 3.11 to 3.13 on Linux, macOS
# and Windows. It names no CUDA package, since everything here runs on a CPU. On Linux, torch itself still asks pip for
# CUDA, some gigabytes of it, unless PyTorch's index of CPU builds is given:
#   export PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")  # as in book/_ext/pdf.py, which needs the environment

CUDA = re.compile(r"(cuda|nvidia|triton)\b")

FLOWER = "flwr[simulation]==1.41.0"
WITH_FLOWER = ("numpy", "peft", "safetensors", "tokenizers", "torch", "transformers")  # pinned as for ours

# kernels by name are those of the environment, whatever is installed for other notebooks
OWN_KERNELS = {"JUPYTER_PATH": "", "JUPYTER_PREFER_ENV_PATH": "1"}
OFFLINE, ONLINE = {"HF_HUB_OFFLINE": "1"}, {"HF_HUB_OFFLINE": "0"}
WITH_BOOK = {"PYTHONPATH": str(ROOT / "book")}  # what builds the book is no part of the module

_programs: Path | None = None  # the folder of the shared environment's programs; the session `environment` finds it


@nox.session(venv_backend="virtualenv", reuse_venv=True, default=False)
def environment(session: nox.Session) -> None:
    """Install requirements.lock and the project, if they changed (other sessions do this first)."""
    global _programs
    supported = nox.project.load_toml(PROJECT)["project"]["requires-python"]
    if platform.python_version() not in SpecifierSet(supported):
        session.error(
            f"fedswitch needs Python {supported}, but nox runs on {platform.python_version()} ({sys.executable}). "
            "Use another Python, as in `python3.11 -m pip install nox` and `python3.11 -m nox -s book`"
        )
    if session.venv_backend == "none":
        if not any(importlib.metadata.distributions(name="fedswitch")):
            session.error(
                f"fedswitch is not installed in {sys.prefix}: leave --no-venv away, or run "
                f"`{sys.executable} -m pip install -e '.[book,dask,lint,network,offline,test]'`"
            )
        _programs = Path(sysconfig.get_path("scripts"))
        return
    _programs = Path(session.bin)
    stamp = session.env_dir / "installed.sha256"
    wanted = _digest([LOCK, PROJECT])
    if not _vouches(stamp, wanted):
        session.log("Installing what requirements.lock pins; the first time, this takes some minutes")
        session.install("-r", str(LOCK))
        session.install("--no-build-isolation", "--no-deps", "-e", ".")
        stamp.write_text(wanted)


@nox.session(venv_backend="none", requires=["environment"])
def lint(session: nox.Session) -> None:
    """Check style, format, types, and the workflow of the public host by the schema that comes with the checker."""
    _run(session, "ruff", "check")
    _run(session, "ruff", "format", "--check")
    _run(session, "mypy")
    workflows = (str(path) for path in sorted((ROOT / ".github" / "workflows").iterdir()))
    _run(session, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)


@nox.session(venv_backend="none", requires=["environment"])
def tests(session: nox.Session) -> None:
    """Run the tests but those of pages, which belong to `book`, in a process more than cores; arguments: of pytest."""
    chosen = session.posargs or [f"--ignore={PAGE_TESTS}"]
    # more threads than cores would only wait for each other
    _run(session, "pytest", "--numprocesses=auto", "--dist=worksteal", *chosen, env={"OMP_NUM_THREADS": "1"})


@nox.session(venv_backend="none", requires=["environment"])
def book(session: nox.Session) -> None:
    """Run the chapters, build the book (warnings are errors), test its pages; arguments go to jupyter-book."""
    folders = ("fedswitch", "book/_ext", "book/errata", "results")
    made_from = _digest([*(path for folder in folders for path in _sources(ROOT / folder)), LOCK], _programs)
    BUILD.mkdir(exist_ok=True)
    # Neither the execution cache nor Sphinx notices a change outside the pages. After a failed or interrupted build,
    # Sphinx's part goes too: it would not read unchanged pages again, and so lose the warning that failed the build.
    executed, built = BUILD / "executed.sha256", BUILD / "built.sha256"
    _drop_unless(executed, made_from, ".jupyter_cache")
    executed.write_text(made_from)
    _drop_unless(built, made_from, ".doctrees", "html")
    built.unlink(missing_ok=True)
    _run(session, "jupyter-book", "build", ".", "-n", "-W", "--keep-going", *session.posargs)
    built.write_text(made_from)
    html, checked = BUILD / "html", BUILD / "checked.sha256"
    tested = (html, PAGE_TESTS, ROOT / "tests" / "helpers", ROOT / "book" / "_ext")
    browsers = [shutil.which(name) for name in BROWSERS]  # without one, tests are skipped
    shown = _digest((path for folder in tested for path in _sources(folder)), *browsers)
    if not _vouches(checked, shown):
        environment = {"FEDSWITCH_BOOK": str(html)}
        _run(session, "pytest", str(PAGE_TESTS), "--numprocesses=auto", "-rs", env=environment)
        checked.write_text(shown)
    session.log(f"The book: {html / 'index.html'}")


@nox.session(venv_backend="none", requires=["book"], default=False)
def pdf(session: nox.Session) -> None:
    """Print the book as one PDF, with what the session `book` has executed; needs Chromium."""
    page, printed = BUILD / "singlehtml" / "index.html", BUILD / "pdf" / "fedswitch.pdf"
    shutil.rmtree(BUILD / "singlehtml", ignore_errors=True)
    _run(session, "jupyter-book", "build", ".", "--builder", "singlehtml", "-n", "-W", "--keep-going")
    _run(session, "python", "-m", "_ext.pdf", str(page), str(printed), env=WITH_BOOK)
    session.log(f"The PDF: {printed}")


@nox.session(venv_backend="none", requires=["environment"], default=False)
def teaching(session: nox.Session) -> None:
    """Write notebooks for a class, without and with solutions; `-- book/system-model` and the like picks pages."""
    _run(session, "python", "-m", "_ext.teaching", *session.posargs, env=WITH_BOOK)


@nox.session(venv_backend="none", requires=["environment"], default=False)
def readme(session: nox.Session) -> None:
    """Write what the README says was found, its picture, and CITATION.bib anew from the records and CITATION.cff."""
    _run(session, "python", "-m", "_ext.readme", env=WITH_BOOK)


@nox.session(venv_backend="none", requires=["environment"], default=False)
def reproduce(session: nox.Session) -> None:
    """Make the recorded runs of studies again, all of them or `-- fig5_energy` and the like; `-- -h` says more."""
    _run(session, "fedswitch", "reproduce", *session.posargs, env=ONLINE)


@nox.session(venv_backend="virtualenv", reuse_venv=True, default=False)
def flower(session: nox.Session) -> None:
    """Install Flower, if it is not there, for the benchmark `round`, which does without where that fails."""
    if session.venv_backend == "none" or (session.posargs and "round" not in session.posargs):
        return
    pins = [line for line in LOCK.read_text().splitlines() if line.split("==")[0] in WITH_FLOWER]
    stamp = session.env_dir / "installed.sha256"
    wanted = _digest([], FLOWER, *pins)
    if not _vouches(stamp, wanted):
        session.log("Installing Flower for the benchmark `round`; the first time, this takes some minutes")
        try:
            session.install(FLOWER, *pins)
        except nox.command.CommandFailed:
            session.warn("Flower could not be installed, see above: the benchmark `round` goes on without it")
        else:
            stamp.write_text(wanted)


@nox.session(venv_backend="none", requires=["environment", "flower"], default=False)
def bench(session: nox.Session) -> None:
    """Measure speed with all of benchmarks/, one after the other; `-- power` and the like with that one alone."""
    scripts = {path.stem: path for path in sorted(BENCHMARKS.glob("[!_]*.py"))}
    for name in session.posargs:
        if name not in scripts:
            session.error(f"there is no benchmark {name!r}: choose from {', '.join(scripts)}")
    for name in session.posargs or scripts:
        _run(session, "python", str(scripts[name]))


@nox.session(venv_backend="virtualenv", reuse_venv=True, default=False)
def lock(session: nox.Session) -> None:
    """Write requirements.lock anew, keeping the pins that still fit; `-- --upgrade` takes the newest of everything."""
    if session.venv_backend != "none":
        session.install("uv>=0.9")
    choice = ("--all-extras", "--universal", "--python-version=3.11", "--fork-strategy=fewest")
    output = ("--no-header", "--no-annotate", "--quiet", f"--output-file={LOCK.name}")
    session.run("uv", "pip", "compile", PROJECT.name, *choice, *output, *session.posargs, external=True)
    pins = LOCK.read_text().splitlines(keepends=True)
    LOCK.write_text(LOCK_HEADER + "".join(pin for pin in pins if not CUDA.match(pin)))


def _run(session: nox.Session, program: str, *arguments: str, env: Mapping[str, str] = OFFLINE) -> None:
    """Run a program of the shared environment, with that environment first on the path, and `env` beside OFFLINE."""
    if _programs is None:
        session.error("the session `environment` has not run here: leave --no-dependencies and --parallel away")
    path = f"{_programs}{os.pathsep}{os.environ['PATH']}"
    session.run(
        str(_programs / program), *arguments, env={**OFFLINE, **OWN_KERNELS, **env, "PATH": path}, external=True
    )


def _digest(files: Iterable[Path], *context: object) -> str:
    """The SHA-256 of the names and contents of files, and of whatever else matters."""
    digest = hashlib.sha256(repr([str(item) for item in context]).encode())
    for file in sorted(files):
        digest.update(f"\n{file.relative_to(ROOT)} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _sources(folder: Path) -> list[Path]:
    """All files in a folder but what Python has made of them."""
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]


def _vouches(stamp: Path, digest: str) -> bool:
    return stamp.is_file() and stamp.read_text() == digest


def _drop_unless(stamp: Path, digest: str, *folders: str) -> None:
    """Delete folders of the built book unless the stamp says that they come from the same inputs."""
    if not _vouches(stamp, digest):
        for folder in folders:
            shutil.rmtree(BUILD / folder, ignore_errors=True)
