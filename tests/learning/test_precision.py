"""Frozen weights in bfloat16: the same gradients and accuracies within what its eight bits of mantissa allow."""

import dataclasses

import numpy as np
import pytest
import torch

from fedswitch import Scenario
from fedswitch.learning import simulate
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.engine import Learner, cell_gradient
from fedswitch.learning.modules import LoraModules
from fedswitch.learning.samples import Kept, Samples
from fedswitch.learning.tasks import load_task

COSINE, NORM = 0.995, 0.05
"""How far a gradient in bfloat16 may turn, and by what share its length may differ; single factors may differ more."""


def gradient(task, backbone, scenario, n, count):
    """Gradient of module `n` over `count` samples from parameters that are not zero, as one vector; the learner."""
    modules = LoraModules(load_backbone(backbone), scenario, num_labels=2, seed=3)
    generator = torch.Generator().manual_seed(0)
    modules.assign(n, [0.05 * torch.randn(p.shape, generator=generator) for p in modules.parameters(n)])
    tokens = modules.backbone.tokenize(task.train.texts, task.train.pairs, 64)
    learner = Learner(modules, Samples(tokens, torch.tensor(task.train.labels)))
    loss = cell_gradient(learner, n, [np.arange(count)])
    assert {p.grad.dtype for p in modules.parameters(n)} == {torch.float32} == {loss.dtype}
    return torch.cat([p.grad.flatten() for p in modules.parameters(n)]), loss, learner


def check_agreement(task, backbone, scenario, count):
    (exact, loss, _), (rounded, loss_rounded, learner) = (
        gradient(task, backbone, dataclasses.replace(scenario, precision=precision), 2, count)
        for precision in ("float32", "bfloat16")
    )
    assert not torch.equal(exact, rounded)
    assert torch.cosine_similarity(exact, rounded, dim=0) > COSINE
    assert float(rounded.norm() / exact.norm()) == pytest.approx(1.0, abs=NORM)
    assert float(loss_rounded) == pytest.approx(float(loss), rel=0.01)
    return learner


def test_gradients_agree_in_direction_and_norm(small, toy_task):
    check_agreement(toy_task, "tiny", small, 200)


@pytest.mark.parametrize("layers", [2, None])
def test_gradients_of_a_real_model_agree_in_direction_and_norm(minilm, layers):
    check_agreement(load_task("reviews", seed=0), minilm, Scenario.corrected(lora_layers=layers), 48)


def test_outputs_of_frozen_layers_are_kept_in_the_precision(small, toy_task):
    learner = check_agreement(toy_task, "tiny", small, 20)
    assert learner._outputs.batch(np.arange(3))[0].dtype == torch.bfloat16


def test_runs_of_both_precisions_end_alike_and_share_no_outputs(small, toy_task):
    kept = Kept()
    scenario = dataclasses.replace(small, batch_size=20, learning_rate=1e-2)
    options = {"task": toy_task, "backbone": "tiny", "scheme": "fedlora", "rounds": 15, "evaluate_every": 15}
    exact, rounded, alone = (
        simulate(dataclasses.replace(scenario, precision=precision), **options, kept=shared).final
        for precision, shared in (("float32", kept), ("bfloat16", kept), ("bfloat16", None))
    )
    assert rounded["loss"] == alone["loss"] != exact["loss"]
    assert rounded["loss"] == pytest.approx(exact["loss"], rel=0.02)
    assert rounded["accuracy_pooled"] == pytest.approx(exact["accuracy_pooled"], abs=0.05)


def test_another_precision_is_refused():
    with pytest.raises(ValueError, match=r"precision = 'float16' is not allowed.*\"float32\" or \"bfloat16\""):
        Scenario.corrected(precision="float16")
