import contextlib
import dataclasses

import numpy as np
import pytest
import torch
from peft_models import with_factors

from fedswitch import Scenario
from fedswitch.encoders import LORA_TARGETS
from fedswitch.learning import engine, stacked
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.engine import Learner, cell_gradient
from fedswitch.learning.modules import LoraModules
from fedswitch.learning.samples import Samples
from fedswitch.learning.stacked import LocalModel, train_locally

ALPHA, HIDDEN, LAYERS = 16, 64, 2  # the backbone `tiny` has two layers of width 64
RANKS = (1, 4, 3)
SIZES = (2, 7, 4)  # samples of a mini-batch of each UE


@pytest.fixture
def samples(toy_task):
    split = toy_task.train
    return Samples(load_backbone("tiny").tokenize(split.texts, None, 64), torch.tensor(split.labels))


def learner_of(samples, *, frozen_layers=0, dtype=torch.float64):
    """Modules that have no part in the training."""
    scenario = Scenario.corrected(lora_layers=LAYERS - frozen_layers)
    modules = LoraModules(load_backbone("tiny"), scenario, num_labels=2, seed=3)
    torch.manual_seed(0)
    for n in range(len(modules)):
        for parameter in modules.parameters(n):
            torch.nn.init.normal_(parameter, std=0.5)
        modules.heads[n].to(dtype)
    modules.backbone.encoder.to(dtype)
    return Learner(modules, samples)


@pytest.fixture
def learner(samples):
    return learner_of(samples)


def batches_of(tau, sizes=SIZES, seed=0):
    """UEs share no samples; each draws from its own anew in every step."""
    rng = np.random.default_rng(seed)
    held = np.array_split(rng.permutation(400), len(sizes))
    return [[rng.choice(held[k], size=size, replace=False) for _ in range(tau)] for k, size in enumerate(sizes)]


def random_model(rank, seed, *, layers=LAYERS, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    shapes = [shape for _ in range(layers * len(LORA_TARGETS)) for shape in ((rank, HIDDEN), (HIDDEN, rank))]
    values = [0.1 * torch.randn(shape, generator=generator, dtype=dtype) for shape in (*shapes, (2, HIDDEN), (2,))]
    return LocalModel.of(values, scale=ALPHA / rank)


def random_models(ranks=RANKS, **how):
    return [random_model(rank, seed, **how) for seed, rank in enumerate(ranks)]


def tail_penalty(ue):
    return 0.3 * sum(a[-1:].norm() * b[:, -1:].norm() for a, b in ue.pairs)


def one_ue(samples, batches, start, *, frozen_layers, learning_rate, optimizer, penalty):
    """The same by peft: a model of its own, the whole encoder, one padded batch, an optimizer for these parameters."""
    dtype = start.head_bias.dtype
    *factors, _, _ = start.parameters
    encoder, own = with_factors("tiny", factors, alpha=ALPHA, frozen_layers=frozen_layers, dtype=dtype)
    head = torch.nn.Linear(HIDDEN, 2, dtype=dtype)
    own += head.parameters()
    with torch.no_grad():
        for parameter, value in zip(own, start.parameters, strict=True):
            parameter.copy_(value)
    live = LocalModel(tuple(zip(own[:-2:2], own[1:-2:2], strict=True)), own[-2], own[-1], start.scale)
    steps = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer](own, lr=learning_rate)
    losses = []
    for indices in batches:
        batch = samples.tokens.batch(indices)
        hidden = encoder(batch.ids, attention_mask=batch.mask, token_type_ids=batch.segments).last_hidden_state
        weights = batch.mask.to(dtype) / batch.mask.sum(dim=1, keepdim=True)
        logits = head((weights[..., None] * hidden).sum(dim=1))
        loss = torch.nn.functional.cross_entropy(logits, samples.labels[indices])
        steps.zero_grad()
        (loss if penalty is None else loss + penalty(live)).backward()
        steps.step()
        losses.append(loss.item())
    return own, losses


def assert_close(ours, theirs, *, rtol, atol):
    for mine, other in zip(ours.parameters, theirs, strict=True):
        torch.testing.assert_close(mine, other.detach(), rtol=rtol, atol=atol)


@pytest.mark.parametrize("penalty", [None, tail_penalty])
@pytest.mark.parametrize("tau", [1, 3])
@pytest.mark.parametrize(
    ("optimizer", "learning_rate", "frozen_layers", "dtype", "tolerance"),
    [
        ("sgd", 0.5, 0, torch.float64, 1e-9),
        ("adam", 0.01, 0, torch.float64, 1e-9),
        ("sgd", 0.5, 1, torch.float32, 1e-5),  # outputs of frozen layers are kept in single precision
    ],
)
def test_each_ue_trains_as_with_peft_alone(
    samples, optimizer, learning_rate, frozen_layers, dtype, tolerance, tau, penalty, monkeypatch
):
    monkeypatch.setattr(engine, "TOKEN_BUDGET", 50)  # several micro-batches
    learner = learner_of(samples, frozen_layers=frozen_layers, dtype=dtype)
    start = random_models(layers=LAYERS - frozen_layers, dtype=dtype)
    batches = batches_of(tau)
    how = {"learning_rate": learning_rate, "optimizer": optimizer, "penalty": penalty}
    trained, losses = train_locally(learner, batches, start, **how)
    assert losses.shape == (tau, len(RANKS))
    for k, own in enumerate(batches):
        expected, expected_losses = one_ue(samples, own, start[k], frozen_layers=frozen_layers, **how)
        assert trained[k].rank == RANKS[k]
        assert trained[k].scale == ALPHA / RANKS[k]
        assert_close(trained[k], expected, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(losses[:, k], expected_losses, rtol=tolerance)


def test_one_step_from_a_common_start_is_the_gradient_of_1(modules, samples, small):
    """Weighted by the sizes of the mini-batches, the changes add up to the step that the engine takes on the union."""
    torch.manual_seed(0)
    for parameter in modules.parameters(1):
        torch.nn.init.normal_(parameter, std=0.1)
    common = LocalModel.of(modules.parameters(1), small.lora_alpha / small.lora_ranks[1])
    learner, sizes = Learner(modules, samples), (3, 11, 6)
    batches = batches_of(tau=1, sizes=sizes)
    trained, _ = train_locally(learner, batches, [common] * 3, learning_rate=0.5)
    cell_gradient(learner, 1, [own[0] for own in batches])
    for i, parameter in enumerate(modules.parameters(1)):
        changes = [ue.parameters[i] - common.parameters[i] for ue in trained]
        mean = sum(size / sum(sizes) * change for size, change in zip(sizes, changes, strict=True))
        torch.testing.assert_close(mean, -0.5 * parameter.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_padded_ranks_stay_exactly_zero(learner, optimizer, monkeypatch):
    stacks = []

    def watched(start):
        stacks.extend(stack(start))
        return stacks

    stack = stacked._stack
    monkeypatch.setattr(stacked, "_stack", watched)
    start = random_models()
    train_locally(learner, batches_of(3), start, learning_rate=0.5, optimizer=optimizer, penalty=tail_penalty)
    for i, (a, b) in enumerate(zip(stacks[:-2:2], stacks[1:-2:2], strict=True)):
        assert a.shape == (len(RANKS), max(RANKS), HIDDEN)
        assert b.shape == (len(RANKS), HIDDEN, max(RANKS))
        for k, rank in enumerate(RANKS):
            assert not a[k, rank:].any()
            assert not b[k, :, rank:].any()
            assert (a[k, :rank] != start[k].pairs[i][0]).any(dim=1).all()
            assert (b[k, :, :rank] != start[k].pairs[i][1]).any(dim=0).all()


def test_no_ue_feels_another(learner):
    def first(second, batches):
        start = [random_model(4, seed=0), second]
        trained, losses = train_locally(learner, batches, start, learning_rate=0.01, optimizer="adam")
        return trained[0], losses[:, 0]

    own, calm = batches_of(2, sizes=(4, 5))
    others = np.setdiff1d(np.arange(400), np.concatenate(own))
    diverged = LocalModel.of([torch.full_like(p, torch.nan) for p in random_model(8, seed=2).parameters], ALPHA / 8)
    expected, expected_losses = first(random_model(2, seed=1), [own, calm])
    beside, losses = first(diverged, [own, [others[:40], others[40:80]]])
    assert_close(beside, expected.parameters, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-9)


def state_of(learner):
    """What training must leave alone: which parameters there are, whether they ask for gradients, and their values."""
    modules = learner.modules
    parameters = [*modules.backbone.encoder.parameters(), *(p for n in range(4) for p in modules.parameters(n))]
    state = [(p.requires_grad, p.grad) for p in parameters], list(modules.backbone.encoder.named_modules())
    return state, [p.detach().clone() for p in parameters]


def interrupt(ue):
    raise KeyboardInterrupt


@pytest.mark.parametrize("penalty", [None, interrupt])
def test_the_backbone_and_the_start_stay_as_they_were(learner, penalty):
    start = random_models()
    given = [parameter.clone() for ue in start for parameter in ue.parameters]
    state, values = state_of(learner)
    with contextlib.nullcontext() if penalty is None else pytest.raises(KeyboardInterrupt):
        train_locally(learner, batches_of(2), start, learning_rate=0.5, penalty=penalty)
    state_after, values_after = state_of(learner)
    assert state_after == state
    assert all(torch.equal(after, before) for after, before in zip(values_after, values, strict=True))
    kept = [parameter for ue in start for parameter in ue.parameters]
    assert all(torch.equal(after, before) for after, before in zip(kept, given, strict=True))


def test_a_local_model_is_a_copy_in_the_order_of_the_modules(modules, small):
    ue = LocalModel.of(modules.parameters(2), small.lora_alpha / small.lora_ranks[2])
    assert ue.rank == small.lora_ranks[2]
    for copy, parameter in zip(ue.parameters, modules.parameters(2), strict=True):
        assert torch.equal(copy, parameter)
        assert copy.data_ptr() != parameter.data_ptr()
        assert not copy.requires_grad


def test_a_start_that_asks_for_gradients_gets_none(learner):
    start = random_models()
    expected, _ = train_locally(learner, batches_of(1), start, learning_rate=0.5)
    for ue in start:
        for parameter in ue.parameters:
            parameter.requires_grad_()
    trained, _ = train_locally(learner, batches_of(1), start, learning_rate=0.5)
    assert all(parameter.grad is None for ue in start for parameter in ue.parameters)
    for ours, same in zip(trained, expected, strict=True):
        assert_close(ours, same.parameters, rtol=0, atol=0)


def test_factors_of_several_ranks_are_refused():
    ue = random_model(2, seed=0)
    (a, b), *others = ue.pairs
    with pytest.raises(ValueError, match=r"pairs must hold .* of one rank r, got \[1, 2\]"):
        dataclasses.replace(ue, pairs=((a, b[:, :1]), *others))


def test_arguments_that_do_not_fit_are_refused(learner):
    start = random_models(ranks=(2, 2))
    first, second = batches_of(2, sizes=(2, 3))

    def refused(batches, start, match, **how):
        with pytest.raises(ValueError, match=match):
            train_locally(learner, batches, start, learning_rate=0.1, **how)

    refused([first, second], start, r"unknown optimizer 'lamb'; there are: adam, sgd", optimizer="lamb")
    refused(batches_of(2), start, r"batches and start must be of the same UEs.*got 3 and 2")
    refused([], [], r"batches and start.*at least one, got 0 and 0")
    refused([first, second[:1]], start, r"batches must hold equally many mini-batches.*got \[1, 2\]")
    refused([[], []], start, r"batches must hold equally many.*got \[0\]")
    refused([first, [second[0], second[1][:0]]], start, r"batches must hold no empty mini-batch")
    refused([first, second], [start[0], random_model(2, seed=1, layers=1)], r"start must hold 4 pairs.*'tiny'.*after 0")
