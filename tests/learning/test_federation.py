import dataclasses

import numpy as np
import pytest
import torch

from fedswitch import Scenario
from fedswitch.learning import Scheme, simulate
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.engine import Learner, cell_gradient
from fedswitch.learning.modules import LoraModules
from fedswitch.learning.samples import Samples


def test_one_sgd_round_is_equation_1(toy_task, tmp_path, saved):
    """Replayed from the recorded receptions: each module moves by the step times the D_k-weighted mean gradient."""
    scenario = Scenario.corrected(
        num_ues=6, batch_size=5, test_samples=20, optimizer="sgd", learning_rate=0.5, sinr_threshold=1.0
    )
    history = simulate(scenario, task=toy_task, backbone="tiny", rounds=1, seed=2, resume=tmp_path / "run")
    moved = saved(tmp_path / "run")["modules"]
    fresh = LoraModules(load_backbone("tiny"), scenario, num_labels=2, seed=2)
    tokens = fresh.backbone.tokenize(toy_task.train.texts, None, 128)
    learner = Learner(fresh, Samples(tokens, torch.tensor(toy_task.train.labels)))
    assert 0 < history.received.sum() < 6
    world = Scheme(scenario, 2).federation(toy_task, load_backbone("tiny"))
    for n in range(4):
        received = np.flatnonzero(history.received[0, n])
        expected = [p.detach().clone() for p in fresh.parameters(n)]
        if len(received):
            cell_gradient(learner, n, [world.ues.mini_batch(0, int(k)) for k in received])
            expected = [p - 0.5 * q.grad for p, q in zip(expected, fresh.parameters(n), strict=True)]
        for mine, theirs in zip(moved[n], expected, strict=True):
            torch.testing.assert_close(mine, theirs)


def test_risk_and_accuracy_follow_3(small, toy_task):
    world = Scheme(small, 0).federation(toy_task, load_backbone("tiny"))
    scores = world.tester.log_probabilities()
    measured = world.evaluate(0)
    risks, hits = [], []
    for own in world.ue_test_indices:
        labels = toy_task.test.labels[own]
        risks.append(np.mean([[-scores[n, i, y] for n in range(4)] for i, y in zip(own, labels, strict=True)]))
        hits.append(np.mean([np.exp(scores[:, i]).sum(axis=0).argmax() == y for i, y in zip(own, labels, strict=True)]))
    assert measured["loss"] == pytest.approx(np.mean(risks), rel=1e-6)
    assert measured["accuracy"] == pytest.approx(np.mean(hits))
    pooled = np.exp(scores).sum(axis=0).argmax(axis=1) == toy_task.test.labels
    assert measured["accuracy_pooled"] == pytest.approx(pooled.mean())


def test_mini_batches_hold_a_ues_own_samples_without_repetition(small, toy_task):
    world = Scheme(small, 0).federation(toy_task, load_backbone("tiny"))
    for k in range(6):
        first, second = world.ues.mini_batch(0, k), world.ues.mini_batch(1, k)
        assert len(np.unique(first)) == small.batch_size
        assert np.isin(first, world.ues.indices[k]).all()
        assert not np.array_equal(first, second)
        assert np.array_equal(first, world.ues.mini_batch(0, k))


@pytest.mark.parametrize("reading", ["per_data_bit", "per_model_bit"])
def test_computing_is_charged_as_4_says(reading, small, toy_task):
    scenario = dataclasses.replace(
        small, compute_energy=reading, batch_size=10, tokens_per_sample=100, bits_per_token=16
    )
    world = Scheme(scenario, 0).federation(toy_task, load_backbone("tiny"))
    bits = {"per_data_bit": 100 * 16, "per_model_bit": world.modules.model_bits}[reading]
    cycles = 4 * 10 * bits * 737.5  # local iterations, samples, bits of each, cycles per bit
    assert world.compute_energy_j == pytest.approx(cycles * 1e-27 * 1.5e9**2)


def test_more_tokens_than_the_backbone_has_positions_for_are_refused(small, toy_task):
    fits, too_long = (dataclasses.replace(small, tokens_per_sample=count) for count in (256, 257))
    Scheme(fits, 0).federation(toy_task, load_backbone("tiny"))
    with pytest.raises(
        ValueError, match=r"tokens_per_sample = 257 exceeds the 256 tokens that the backbone 'tiny' has positions for"
    ):
        Scheme(too_long, 0).federation(toy_task, load_backbone("tiny"))
