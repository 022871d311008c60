"""Builds small books whose pages tell when they ran."""

import os

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_nb")


from _ext import execution
from small_books import NOTEBOOK_HEADER, build_book

NOTEBOOK = (
    NOTEBOOK_HEADER
    + """
# {title}

```{{code-cell}} ipython3
{code}
```
"""
)
MEET = """from pathlib import Path
from time import monotonic, sleep
Path("{me}.ran").open("a").write("x")
start = monotonic()
while not Path("{other}.ran").exists() and monotonic() - start < 60:
    sleep(0.05)
print("met" if Path("{other}.ran").exists() else "alone")"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(execution.os, "cpu_count", lambda: 2)
    index = "# Book\n\nNo code.\n\n```{toctree}\none\ntwo\n```\n"
    pages = {
        "index": index,
        "one": NOTEBOOK.format(title="One", code=MEET.format(me="one", other="two")),
        "two": NOTEBOOK.format(title="Two", code=MEET.format(me="two", other="one")),
    }
    folder = tmp_path / "book"
    folder.mkdir()
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


def build(folder):
    """Build the book with a cache; return its pages and what the build warned of."""
    settings = {
        "nb_execution_mode": "cache",
        "nb_execution_cache_path": str(folder.parent / "cache"),
        "nb_execution_timeout": 120,
    }
    out, warned = build_book(folder, {}, ["myst_nb", "_ext"], **settings)
    return {name: (out / f"{name}.html").read_text(encoding="utf-8") for name in ("one", "two")}, warned


def runs(folder):
    return {name: len((folder / f"{name}.ran").read_text(encoding="utf-8")) for name in ("one", "two")}


def test_pages_run_at_once_and_only_once(folder):
    """Each page waits until the other has started."""
    pages, warned = build(folder)
    assert "met" in pages["one"]
    assert "met" in pages["two"]
    assert warned == ""
    assert runs(folder) == {"one": 1, "two": 1}


def test_pages_that_run_at_once_compute_in_one_thread_each(folder, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    two = folder / "two.md"
    shown = 'import os; print("threads:", os.environ.get("OMP_NUM_THREADS"))'
    code = f"{MEET.format(me='two', other='one')}\n{shown}"
    two.write_text(NOTEBOOK.format(title="Two", code=code), encoding="utf-8")
    pages, _ = build(folder)
    assert "threads: 1" in pages["two"]
    assert "OMP_NUM_THREADS" not in os.environ
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    two.write_text(two.read_text(encoding="utf-8").replace("threads:", "of them:"), encoding="utf-8")
    (folder / "one.md").write_text(NOTEBOOK.format(title="One", code="0"), encoding="utf-8")
    pages, _ = build(folder)
    assert "of them: 3" in pages["two"]


def test_only_pages_with_other_code_run_again(folder):
    build(folder)
    for name in ("one", "two"):
        page = folder / f"{name}.md"
        page.write_text(page.read_text(encoding="utf-8").replace("# O", "Also text.\n\n# O"), encoding="utf-8")
    two = folder / "two.md"
    two.write_text(two.read_text(encoding="utf-8").replace('"alone")', '"alone", 2)'), encoding="utf-8")
    pages, _ = build(folder)
    assert "met 2" in pages["two"]
    assert runs(folder) == {"one": 1, "two": 2}


def test_a_page_that_fails_is_reported_and_not_kept(folder):
    two = folder / "two.md"
    two.write_text(two.read_text(encoding="utf-8").replace("start = monotonic()", "start = 1 / 0"), encoding="utf-8")
    pages, warned = build(folder)
    assert "two.md" in warned
    assert "mystnb.exec" in warned
    assert "met" in pages["one"]
    assert runs(folder) == {"one": 1, "two": 2}  # with the others, and for the report
    build(folder)
    assert runs(folder) == {"one": 1, "two": 2}  # Sphinx does not read a page again that did not change
    two.write_text(two.read_text(encoding="utf-8").replace("1 / 0", "monotonic()"), encoding="utf-8")
    pages, warned = build(folder)
    assert warned == ""
    assert "met" in pages["two"]
