import numpy as np
import pytest
import torch

from fedswitch.learning import engine
from fedswitch.learning.engine import Evaluator, Samples, cell_gradient, per_ue_gradient


@pytest.fixture
def samples(modules, toy_task):
    split = toy_task.train
    return Samples(modules.backbone.tokenize(split.texts, None, 64), torch.from_numpy(split.labels))


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


def gradients(modules, n):
    return [p.grad.clone() for p in modules.parameters(n)]


def by_hand(modules, n, samples, index):
    """Loss and gradient of one sample: the whole encoder, no padding, no micro-batches."""
    modules.activate(n)
    batch = samples.tokens.batch(np.array([index]))
    hidden = modules.backbone.encoder(input_ids=batch.ids, token_type_ids=batch.segments).last_hidden_state
    loss = torch.nn.functional.cross_entropy(modules.heads[n](hidden.mean(dim=1)), samples.labels[[index]])
    return loss.item(), torch.autograd.grad(loss, modules.parameters(n))


@pytest.mark.parametrize("n", [0, 3])
def test_the_union_batch_gives_the_aggregate_of_1(trained, samples, batches, n, monkeypatch):
    monkeypatch.setattr(engine, "TOKEN_BUDGET", 70)  # several micro-batches
    loss = cell_gradient(trained, n, samples, batches)
    ours = gradients(trained, n)
    total = sum(len(batch) for batch in batches)
    expected_loss, expected = 0.0, [torch.zeros_like(p) for p in trained.parameters(n)]
    for batch in batches:
        for index in batch:
            one_loss, one = by_hand(trained, n, samples, index)
            expected_loss += one_loss / total
            expected = [mean + g / total for mean, g in zip(expected, one, strict=True)]
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for mine, theirs in zip(ours, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_both_engines_agree(trained, samples, batches):
    loss = cell_gradient(trained, 1, samples, batches)
    union = gradients(trained, 1)
    assert per_ue_gradient(trained, 1, samples, batches) == pytest.approx(loss, rel=1e-5)
    for a, b in zip(union, gradients(trained, 1), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_no_other_module_gets_a_gradient(trained, samples, batches):
    cell_gradient(trained, 2, samples, batches)
    for n in (0, 1, 3):
        assert all(p.grad is None for p in trained.parameters(n))
    assert all(p.grad.abs().sum() > 0 for p in trained.parameters(2))


def test_the_evaluator_scores_every_sample_with_every_module(trained, samples, monkeypatch):
    monkeypatch.setattr(engine, "TOKEN_BUDGET", 300)
    scores = Evaluator(trained, samples).log_probabilities()
    assert scores.shape == (4, 400, 2)
    np.testing.assert_allclose(np.exp(scores).sum(axis=2), 1.0, rtol=1e-5)
    for n, index in [(0, 0), (1, 17), (3, 399)]:
        loss, _ = by_hand(trained, n, samples, index)
        assert -scores[n, index, samples.labels[index]] == pytest.approx(loss, rel=1e-4)
