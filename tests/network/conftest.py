import pytest
import torch

from fedswitch import Scenario
from fedswitch.learning.tasks import reviews_task
from fedswitch.network import deal

torch.set_num_threads(1)

SEED = 3


@pytest.fixture(scope="session")
def task():
    return reviews_task(train=240, test=60, seed=SEED)


@pytest.fixture(scope="session")
def small():
    return Scenario.corrected(num_ues=6, batch_size=5, test_samples=12, lora_layers=1, sinr_threshold=0.05)


@pytest.fixture(scope="session")
def dealt(task, small, tmp_path_factory):
    """Files of three nodes, with two UEs each, and that of the gNB before them."""
    return deal(task, small, nodes=3, seed=SEED, out=tmp_path_factory.mktemp("dealt"))
