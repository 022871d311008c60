import numpy as np
import pytest
import torch
from peft_models import sample_loss

from fedswitch.learning import engine
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.engine import Learner, cell_gradient, per_ue_gradient
from fedswitch.learning.modules import FullModel
from fedswitch.learning.samples import Samples


@pytest.fixture
def samples(toy_task):
    split = toy_task.train
    return Samples(load_backbone("tiny").tokenize(split.texts, None, 64), torch.tensor(split.labels))


@pytest.fixture
def batches():
    rng = np.random.default_rng(0)
    chosen = rng.permutation(400)[:33]
    return [chosen[:4], chosen[4:20], chosen[20:]]  # UEs with data of different volume


@pytest.fixture
def trained(modules):
    """Modules whose B is not zero, so that the gradient of A is not zero either."""
    torch.manual_seed(0)
    for n in range(len(modules)):
        for parameter in modules.parameters(n):
            torch.nn.init.normal_(parameter, std=0.1)
    return modules


@pytest.fixture
def learner(trained, samples):
    return Learner(trained, samples)


def gradients(learner, n):
    return [p.grad.clone() for p in learner.modules.parameters(n)]


def by_hand(learner, n, index):
    """Loss and gradient of one sample: the whole encoder with peft, no padding, nothing kept from before."""
    loss, parameters = sample_loss(learner.modules, n, learner.samples, index)
    return loss.item(), torch.autograd.grad(loss, parameters)


def check_union(learner, n, batches):
    loss = cell_gradient(learner, n, batches)
    ours = gradients(learner, n)
    total = sum(len(batch) for batch in batches)
    expected_loss, expected = 0.0, [torch.zeros_like(p) for p in learner.modules.parameters(n)]
    for batch in batches:
        for index in batch:
            one_loss, one = by_hand(learner, n, index)
            expected_loss += one_loss / total
            expected = [mean + g / total for mean, g in zip(expected, one, strict=True)]
    assert float(loss) == pytest.approx(expected_loss, rel=1e-5)
    for mine, theirs in zip(ours, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("n", [0, 3])
def test_the_union_batch_gives_the_aggregate_of_1(learner, batches, n, monkeypatch):
    monkeypatch.setattr(engine, "TOKEN_BUDGET", 70)  # several micro-batches
    check_union(learner, n, batches)


def test_the_union_batch_gives_the_aggregate_of_1_for_the_whole_model(samples, batches, small, monkeypatch):
    monkeypatch.setattr(engine, "TOKEN_BUDGET", 70)
    modules = FullModel(load_backbone("tiny"), small, num_labels=2, seed=3)
    check_union(Learner(modules, samples), 0, batches)


def test_both_engines_agree(learner, batches):
    loss = cell_gradient(learner, 1, batches)
    union = gradients(learner, 1)
    assert float(per_ue_gradient(learner, 1, batches)) == pytest.approx(float(loss), rel=1e-5)
    for a, b in zip(union, gradients(learner, 1), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_a_checkpoint_of_a_gpu_which_keeps_no_outputs_is_taken(learner):
    learner.restore({})


def test_no_other_module_gets_a_gradient(learner, batches):
    cell_gradient(learner, 2, batches)
    for n in (0, 1, 3):
        assert all(p.grad is None for p in learner.modules.parameters(n))
    assert all(p.grad.abs().sum() > 0 for p in learner.modules.parameters(2))


def test_a_gradient_is_that_of_the_last_call_alone(learner, batches):
    cell_gradient(learner, 2, batches)
    once = gradients(learner, 2)
    cell_gradient(learner, 2, batches)
    assert all(map(torch.equal, gradients(learner, 2), once))


def test_every_sample_is_scored_with_every_module(learner, monkeypatch):
    monkeypatch.setattr(engine, "TOKEN_BUDGET", 300)
    scores = learner.log_probabilities()
    assert scores.shape == (4, 400, 2)
    np.testing.assert_allclose(np.exp(scores).sum(axis=2), 1.0, rtol=1e-5)
    for n, index in [(0, 0), (1, 17), (3, 399)]:
        loss, _ = by_hand(learner, n, index)
        assert -scores[n, index, learner.samples.labels[index]] == pytest.approx(loss, rel=1e-4)


def test_chosen_samples_are_scored_in_the_order_asked_for(learner):
    chosen = np.array([31, 2, 399, 7])
    np.testing.assert_allclose(learner.log_probabilities(chosen), learner.log_probabilities()[:, chosen], rtol=1e-4)


def test_a_round_costs_what_its_samples_cost_however_many_ues_hold_them(learner, monkeypatch):
    """Tokens that pass the trained layers, padding included, for the same samples of 2 UEs and of 50, and for twice."""
    encode, passed = type(learner.modules.backbone).encode, []

    def counted(self, hidden, mask, *others):
        passed.append(mask.numel())
        return encode(self, hidden, mask, *others)

    monkeypatch.setattr(type(learner.modules.backbone), "encode", counted)
    chosen = np.random.default_rng(0).permutation(400)

    def tokens(samples, num_ues):
        passed.clear()
        cell_gradient(learner, 0, np.array_split(samples, num_ues))
        return sum(passed)

    few = tokens(chosen[:200], 2)
    assert tokens(chosen[:200], 50) == few
    assert tokens(chosen, 50) == pytest.approx(2 * few, rel=0.1)
    real = learner.samples.tokens.lengths[chosen[:200]].sum()
    assert real <= few < 1.3 * real
