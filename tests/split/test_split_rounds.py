import copy
import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_split import SmallSplit, texts
from transformers import BertConfig, BertModel

from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.encoding import Backbone
from fedswitch.learning.engine import Feed
from fedswitch.learning.samples import Kept
from fedswitch.split import split_rounds
from fedswitch.split.adapter import Adapter
from fedswitch.split.parties import Device, Server
from fedswitch.split.split_rounds import ROUNDS, cell_round, measure_heads, protocol_round

BACKBONES = ["tiny", "tiny-vit"]


class World:
    """Adapter, devices and data of one round; the B of the adapter are not zero, so that all of it matters."""

    def __init__(self, scenario, task, backbone, dtype=torch.float32, pooled_by=None):
        loaded = load_backbone(backbone).cast(dtype)
        if pooled_by is not None:
            loaded = dataclasses.replace(loaded, pooled_by=pooled_by)
        if pooled_by == "pooler":
            loaded = dataclasses.replace(loaded, encoder=with_pooler(loaded.encoder))
        self.adapter = Adapter(loaded, scenario, seed=3)
        draw = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for b in self.adapter.factors[1::2]:
                b.copy_(0.05 * torch.randn(b.shape, generator=draw))
        kept = Kept()
        self.devices = [
            Device(k, loaded, scenario, num_labels=task.num_labels, seed=3) for k in range(scenario.num_devices)
        ]
        self.feed, self.tester = (
            Feed(self.adapter, kept.samples(split, loaded, scenario.tokens_per_sample), kept=kept)
            for split in (task.train, task.test)
        )

    @property
    def parameters(self):
        return [*self.adapter.factors, *(p for device in self.devices for p in (device.weight, device.bias))]

    def state(self):
        """Copies of all parameters, and of what the optimizers of adapter and devices remember."""
        return [value.detach().clone() for value in self.parameters], [
            copy.deepcopy(one.optimizer.state_dict()["state"]) for one in (self.adapter, *self.devices)
        ]


def with_pooler(encoder):
    encoder = copy.deepcopy(encoder)
    pooler = torch.nn.Module()
    pooler.dense, pooler.activation = torch.nn.Linear(64, 64, dtype=encoder.dtype), torch.nn.Tanh()
    with torch.no_grad():
        pooler.dense.weight.copy_(torch.sin(torch.arange(64.0**2)).view(64, 64) / 8.0)
        pooler.dense.bias.zero_()
    encoder.pooler = pooler.requires_grad_(False)
    return encoder


def batches(devices, size=5, start=0):
    return {k: np.arange(start + 10 * k, start + 10 * k + size) for k in devices}


def distance(ours, theirs):
    return max(((a - b).norm() / a.norm()).item() for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("layers", [None, 1])
@pytest.mark.parametrize("pooled_by", ["mean", "first", "pooler"])
@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_one_pass_comes_to_what_the_messages_come_to(
    backbone, layers, pooled_by, dtype, within, small_split, split_tasks, monkeypatch
):
    monkeypatch.setattr("fedswitch.learning.engine.TOKEN_BUDGET", 60)  # several micro-batches
    scenario = dataclasses.replace(small_split, lora_layers=layers)
    sizes, gradients, exchanges = {0: 5, 2: 3, 3: 5}, [], []
    for do in (protocol_round, cell_round):
        world = World(scenario, split_tasks[backbone], backbone, dtype, pooled_by)
        given = {k: np.arange(9 * k, 9 * k + size) for k, size in sizes.items()}
        exchanges.append(do(world.adapter, world.devices, world.feed, given))
        gradients.append([parameter.grad for parameter in world.parameters if parameter.grad is not None])
    assert len(gradients[0]) == len(world.adapter.factors) + 2 * len(sizes)
    assert distance(*gradients) < within
    np.testing.assert_allclose(exchanges[0].loss, exchanges[1].loss, rtol=within)
    np.testing.assert_array_equal(exchanges[0].uplink_bits, exchanges[1].uplink_bits)
    np.testing.assert_array_equal(exchanges[0].downlink_bits, exchanges[1].downlink_bits)


@pytest.mark.parametrize("engine", ROUNDS)
def test_gradients_are_those_of_the_definition(engine, small_split, split_tasks):
    """(3) of each device's own mean loss, and (4) of their mean over devices, by one plain backward pass for each."""
    scenario = dataclasses.replace(small_split, optimizer="sgd", learning_rate=1.0)
    world = World(scenario, split_tasks["tiny"], "tiny", torch.float64)
    given, before = batches([1, 3]), world.state()[0]
    expected = [torch.zeros_like(value) for value in before]
    for k, indices in given.items():
        batch = world.feed.samples.tokens.batch(indices)
        z = world.adapter.features(world.adapter.frozen(batch), batch.mask)
        device = world.devices[k]
        loss = torch.nn.functional.cross_entropy(z @ device.weight.T + device.bias, world.feed.labels(indices))
        *factors, weight, bias = torch.autograd.grad(loss, [*world.adapter.factors, device.weight, device.bias])
        for place, gradient in enumerate(factors):
            expected[place] += gradient / len(given)
        head = len(factors) + 2 * k
        expected[head], expected[head + 1] = weight, bias
    ROUNDS[engine](world.adapter, world.devices, world.feed, given)
    for value, start, gradient in zip(world.state()[0], before, expected, strict=True):
        torch.testing.assert_close(start - value, gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("engine", ROUNDS)
def test_who_is_not_scheduled_stays_to_the_bit_and_nobody_moves_nothing(engine, optimizer, small_split, split_tasks):
    world = World(dataclasses.replace(small_split, optimizer=optimizer), split_tasks["tiny"], "tiny")
    rounds = [[0, 1, 2, 3], [0, 2], []]
    for number, scheduled in enumerate(rounds):
        values, states = world.state()
        exchange = ROUNDS[engine](world.adapter, world.devices, world.feed, batches(scheduled, start=5 * number))
        now, states_now = world.state()
        assert len(exchange.loss) == len(exchange.uplink_bits) == len(exchange.downlink_bits) == len(scheduled)
        moved = [not torch.equal(a, b) for a, b in zip(values, now, strict=True)]
        heads = np.array(moved[len(world.adapter.factors) :]).reshape(-1, 2).any(axis=1)
        assert set(np.flatnonzero(heads)) == set(scheduled)
        assert any(moved[: len(world.adapter.factors)]) == bool(scheduled)
        for place, (before, after) in enumerate(zip(states, states_now, strict=True)):
            still = (place - 1 not in scheduled) if place else not scheduled
            same = repr(before) == repr(after)
            assert same == still or optimizer == "sgd"


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4), seed=st.integers(0, 50))
def test_messages_weigh_what_crosses_the_air(sizes, seed):
    """By the closed form: per token H b up, and per sample H b up and H b down; padding is not sent."""
    rng = np.random.default_rng(seed)
    task_split = texts(40, rng)
    backbone = load_backbone("tiny")
    adapter = Adapter(backbone, SmallSplit(), seed=0)
    device, server = Device(0, backbone, SmallSplit(), num_labels=2, seed=0), Server(adapter)
    samples = Kept().samples(task_split, backbone, 24)
    for size in sizes:
        chosen = rng.choice(40, size=size, replace=False)
        first = device.embed(samples.tokens.batch(chosen))
        second = server.represent(first)
        third, _ = device.learn(second, samples.labels[torch.from_numpy(chosen)])
        assert first.bits == samples.tokens.lengths[chosen].sum() * 64 * 32
        assert second.bits == third.bits == size * 64 * 32
        assert first.lengths == tuple(samples.tokens.lengths[chosen])


def test_a_message_in_bfloat16_weighs_half(small_split, split_tasks):
    world = World(small_split, split_tasks["tiny"], "tiny", torch.bfloat16)
    exchanges = [do(world.adapter, world.devices, world.feed, batches([2])) for do in ROUNDS.values()]
    tokens = world.feed.samples.tokens.lengths[batches([2])[2]].sum()
    for exchange in exchanges:
        assert exchange.downlink_bits.tolist() == [5 * 64 * 32]  # what is pooled is float32
        assert exchange.uplink_bits.tolist() == [tokens * 64 * 16 + 5 * 64 * 32]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_heads_are_measured_as_each_would_be_alone(backbone, small_split, split_tasks, monkeypatch):
    monkeypatch.setattr("fedswitch.learning.engine.TOKEN_BUDGET", 100)  # several micro-batches
    task = split_tasks[backbone]
    world = World(small_split, task, backbone)
    cell_round(world.adapter, world.devices, world.feed, batches([0, 1]))
    loss, accuracy = measure_heads(world.adapter, world.devices, world.tester)
    batch = world.tester.samples.tokens.batch(np.arange(len(task.test)))
    labels = torch.tensor(task.test.labels)
    with torch.no_grad():
        z = world.adapter.features(world.adapter.frozen(batch), batch.mask)
        for device, own_loss, own_accuracy in zip(world.devices, loss, accuracy, strict=True):
            logits = z @ device.weight.T + device.bias
            assert own_loss == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), rel=1e-5)
            assert own_accuracy == pytest.approx((logits.argmax(dim=1) == labels).float().mean().item())


def test_rounds_are_known_by_name():
    assert {"cell": cell_round, "protocol": protocol_round} == split_rounds.ROUNDS


@pytest.mark.parametrize(("parameters", "tokens"), [(454_656, 17.5), (663_552, 26.0)])
def test_break_even_is_where_both_weigh_the_same(parameters, tokens):
    """BERT-base as the sibling adapts it, and its count for ViT-B, by the bits of the messages themselves."""
    assert split_rounds.break_even_tokens(parameters, 768, 32) == pytest.approx(tokens)
    with torch.device("meta"):
        encoder = BertModel(BertConfig())
    adapter = Adapter(Backbone("bert", "none", encoder, None, "pooler"), SmallSplit(), seed=0)
    up, down = split_rounds.leg_bits(adapter, 32 * tokens, 32)
    assert up == pytest.approx(32 * parameters)
    assert down == 32 * 32 * 768
