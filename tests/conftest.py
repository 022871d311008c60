import os
import signal
import sys

import pytest
from hypothesis import settings

# no test depends on the clock: machines differ, and other work slows them
settings.register_profile("fedswitch", deadline=None)
settings.load_profile("fedswitch")

# jobs in the background ignore Ctrl-C, and those of nohup a closed terminal, and so does all that they start, which
# tests interrupt
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, usual)


@pytest.fixture(autouse=True)
def _environment_of_its_own():
    """Environment variables that a command sets, when a test runs it in this process, are gone after that test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Forget the types of files that a build of an earlier test has added to a default of Sphinx."""
    if sphinx_config := sys.modules.get("sphinx.config"):
        default = sphinx_config.Config.config_values["source_suffix"].default
        for suffix in default.keys() - {".rst"}:
            del default[suffix]


def pytest_collection_modifyitems(items):
    """Begin with what takes long, so that no process is left with it in the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One process more than cores, since some tests wait most of the time for processes of their own."""
    return (yield) + 1
