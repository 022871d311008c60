"""Pages that run side by side: whatever the execution cache lacks is run on all cores before Sphinx reads the pages.

MyST-NB runs one page after the other, while it reads them. Here they run first, as many at once as the machine has
cores, and MyST-NB then finds them in its cache. A page that fails is not cached: MyST-NB runs it again, and reports it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from myst_nb.core.read import create_nb_reader
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from fedswitch.studies.kernels import kernel_configuration

LOGGER = logging.getLogger(__name__)


def execute_in_parallel(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Run those of the pages to be read that MyST-NB's cache lacks, and put them there."""
    settings: Any = env
    if "myst_nb" not in app.extensions or settings.mystnb_config.execution_mode != "cache":
        return
    cache = get_cache(settings.mystnb_config.execution_cache_path)
    # The studies, which take longest, come last by name; they go first, so that no core waits for them at the end.
    pages = [Path(env.doc2path(name)) for name in sorted(docnames, reverse=True)]
    missing = {page: notebook for page in pages if (notebook := _unknown(cache, page, settings))}
    cores = os.cpu_count() or 1
    if min(len(missing), cores) < 2:
        return
    LOGGER.info("running %d pages, %d at a time", len(missing), cores)
    with tempfile.TemporaryDirectory() as runtime, ThreadPoolExecutor(cores) as pool, _one_thread_each():
        running = {
            pool.submit(_run, notebook, page, settings.mystnb_config.execution_timeout, Path(runtime)): page
            for page, notebook in missing.items()
        }
        for future in as_completed(running):
            _keep(cache, running[future], future)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let kernels that start meanwhile compute in one thread, unless told otherwise: more than cores only wait."""
    if "OMP_NUM_THREADS" in os.environ:
        yield
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]


def _unknown(cache: JupyterCacheAbstract, page: Path, settings: Any) -> NotebookNode | None:
    """The page as a notebook, if it is one and its code is not in the cache."""
    text = page.read_text(encoding="utf-8")
    reader = create_nb_reader(str(page), settings.myst_config, settings.mystnb_config, text)
    if reader is None:
        return None
    notebook: NotebookNode = reader.read(text)
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return notebook
    return None


def _run(notebook: NotebookNode, page: Path, timeout_s: int, runtime: Path) -> ExecutionResult:
    folder = runtime / page.stem
    folder.mkdir()
    return single_nb_execution(
        notebook, cwd=str(page.parent), timeout=timeout_s, allow_errors=False, config=kernel_configuration(folder)
    )


def _keep(cache: JupyterCacheAbstract, page: Path, future: Future[ExecutionResult]) -> None:
    """Put a page that ran without an error into the cache."""
    if future.exception() is not None or future.result().err is not None:
        LOGGER.info("%s failed, and will run again", page.name)
        return
    result = future.result()
    bundle = CacheBundleIn(result.nb, str(page), data={"execution_seconds": result.time})
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    LOGGER.info("%s ran in %.0f s", page.name, result.time)


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("env-before-read-docs", execute_in_parallel)
