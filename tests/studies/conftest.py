import dataclasses
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pytest
from small_books import NOTEBOOK_HEADER

from fedswitch.learning.data import subset
from fedswitch.learning.tasks import load_task
from fedswitch.studies import federated
from fedswitch.studies.notebooks import find_study

TINY = (
    NOTEBOOK_HEADER
    + """
# A study of nothing

```{code-cell} ipython3
:tags: [parameters]

count = 3          # how many
share = 0.5        # of what, in percent
seed = 0           # of nothing
sizes = [1, 2]     # several
name = "a"         # what it is called
words = ["a"]      # some
most = 3           # at most so many; None: all
loud = False       # whether
depth = None       # as deep as it goes
marks = ""         # folder for traces of the runs
out = None         # folder
```
"""
)


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    plt.close("all")


@pytest.fixture
def tiny(tmp_path):
    """Makes a notebook, tiny.md, of parameters and the code that is given."""

    def make(code: str = "pass"):
        path = tmp_path / "tiny.md"
        path.write_text(TINY + "\n```{code-cell} ipython3\n" + textwrap.dedent(code).strip() + "\n```\n")
        return find_study(str(path))

    return make


@pytest.fixture
def small_tasks(monkeypatch):
    """Each task with every 11th of its training samples, of both labels and all tasks of a mixture."""

    def some(name, seed):
        task = load_task(name, seed=seed)
        return dataclasses.replace(task, train=subset(task.train, np.arange(0, len(task.train), 11)))

    monkeypatch.setattr(federated, "load_task", some)
