from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_split import SmallSplit, pictures, texts

from fedswitch.learning.data import Task

torch.set_num_threads(1)


@pytest.fixture
def small_split():
    return SmallSplit()


@pytest.fixture(scope="session")
def split_tasks() -> dict[str, Task]:
    """By backbone, a task that it can learn."""
    rng = np.random.default_rng(5)
    return {
        "tiny": Task("toy", "made by the tests", ("negative", "positive"), texts(120, rng), texts(30, rng)),
        "tiny-vit": Task(
            "dots", "made by the tests", ("none", "above", "below"), pictures(120, rng), pictures(30, rng)
        ),
    }


def decision(scheduled: list[bool], queue_s: float) -> SimpleNamespace:
    return SimpleNamespace(scheduled=np.array(scheduled), delay_s=0.25 * sum(scheduled), queue_s=queue_s)


@pytest.fixture
def alternating():
    """A policy of four devices that leaves the last one out, schedules nobody in round 3, and counts in its queue."""

    def alternating(t, before):
        count = 0.0 if before is None else before.queue_s
        return decision([t % 3 == 0, t % 3 != 2, t % 3 == 0, False], count + 1.0)

    return alternating
